"""The devices that torch can use here, as the protocol and the cache describe them."""

from __future__ import annotations

import re
from typing import Any

import torch

from . import host
from .errors import WorkerError, usage
from .nvml import Nvml


def listed() -> list[dict[str, Any]]:
    """Each with its `id`. Touches no device: properties and the driver's figures need no context."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = [f"cuda:{index}" for index in range(count)] + ["cpu"]
    return [{"id": name} | described(torch.device(name)) for name in names]


def named(name: str) -> torch.device:
    """The device; usage error for a name that is none, unavailable error for one that is not here."""
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise usage(f"'{name}' is no device that this worker knows", "devices: cpu, cuda:0, cuda:1, …")
    if name == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        reason = "this torch is built without CUDA" if torch.version.cuda is None else "torch finds no CUDA device"
        raise WorkerError("unavailable", f"{name}: {reason}", "check nvidia-smi and CUDA_VISIBLE_DEVICES, or use --device cpu")
    index = int(name.partition(":")[2] or 0)
    if index >= torch.cuda.device_count():
        there = ", ".join(f"cuda:{i}" for i in range(torch.cuda.device_count()))
        raise WorkerError("unavailable", f"there is no {name}", f"devices here: {there}, cpu")
    return torch.device("cuda", index)


def described(device: torch.device) -> dict[str, Any]:
    """The fields of docs/cache.md's `device`; the driver's figures where it gives them, for the tuner goes by those."""
    if device.type == "cpu":
        return {"kind": "cpu", "name": host.processor_name(), "total_memory_bytes": host.total_bytes()}
    properties = torch.cuda.get_device_properties(device)
    nvml = nvml_of(device)
    name = (nvml.name() if nvml else None) or properties.name
    slice_of = re.search(r" MIG (.+)$", name)
    known = {
        "kind": "cuda",
        "name": name,
        "total_memory_bytes": (nvml.total_bytes() if nvml else None) or properties.total_memory,
        "mig": slice_of.group(1) if slice_of else None,
        "power_limit_w": nvml.power_limit_w() if nvml else None,
        "driver": nvml.driver() if nvml else None,
    }
    return {name: value for name, value in known.items() if value is not None}


def nvml_of(device: torch.device) -> Nvml | None:
    """The driver's view of the device, found by its UUID: torch's index depends on CUDA_VISIBLE_DEVICES and the order asked for."""
    uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)  # not in the first releases of torch 2.4
    # An object of torch's own, which is text (without a prefix) only once it is asked to be.
    return None if uuid is None else Nvml.open([f"GPU-{uuid!s}", f"MIG-{uuid!s}"])
