"""The few calls of NVIDIA's management library that are needed, through ctypes.

Source: the NVML API reference; the structures and constants are those of nvml.h, version 12 and later.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

LIBRARY = "libnvidia-ml.so.1"
SM_CLOCK, MEMORY_CLOCK = 1, 2  # nvmlClockType_t
GPU_TEMPERATURE = 0  # nvmlTemperatureSensors_t
TEXT_SIZE = 96  # NVML_DEVICE_NAME_V2_BUFFER_SIZE, the longest of the texts asked for
SLOWING = {  # nvmlClocksEventReason…, only those that slow the device; the names are those of src/device/nvml.cpp
    0x04: "software power cap",
    0x08: "hardware slowdown",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "hardware power brake",
}


class _Memory(ctypes.Structure):
    """nvmlMemory_v2_t: unlike the first version it does not count what the driver reserves for itself as used."""

    _fields_ = [("version", ctypes.c_uint)] + [(name, ctypes.c_ulonglong) for name in ("total", "reserved", "free", "used")]

    def __init__(self) -> None:
        super().__init__(version=ctypes.sizeof(_Memory) | 2 << 24)  # NVML_STRUCT_VERSION


class Nvml:
    """One device. A figure that the driver does not give is None."""

    def __init__(self, library: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
        self._library = library
        self._handle = handle

    @staticmethod
    def open(uuids: Sequence[str]) -> Nvml | None:
        """The device known by one of the identifiers ("GPU-…", "MIG-…"); None without the library or such a device."""
        try:
            library = ctypes.CDLL(LIBRARY)
        except OSError:
            return None
        if library.nvmlInit_v2() != 0:
            return None
        for uuid in uuids:
            handle = ctypes.c_void_p()
            if library.nvmlDeviceGetHandleByUUID(uuid.encode(), ctypes.byref(handle)) == 0:
                return Nvml(library, handle)
        return None

    def name(self) -> str | None:
        text = ctypes.create_string_buffer(TEXT_SIZE)
        return text.value.decode() if self._call("nvmlDeviceGetName", text, TEXT_SIZE) else None

    def total_bytes(self) -> int | None:
        memory = self._memory()
        return None if memory is None else memory.total

    def used_bytes(self) -> int | None:
        memory = self._memory()
        return None if memory is None else memory.used

    def power_limit_w(self) -> float | None:
        return _scaled(self._number("nvmlDeviceGetEnforcedPowerLimit"), 1e-3)

    def driver(self) -> str | None:
        text = ctypes.create_string_buffer(TEXT_SIZE)
        return text.value.decode() if self._library.nvmlSystemGetDriverVersion(text, TEXT_SIZE) == 0 else None

    def conditions(self) -> dict[str, Any]:
        """The fields of docs/cache.md's `conditions` that are known."""
        known = {
            "sm_clock_mhz": self._number("nvmlDeviceGetClockInfo", SM_CLOCK),
            "memory_clock_mhz": self._number("nvmlDeviceGetClockInfo", MEMORY_CLOCK),
            "temperature_c": self._number("nvmlDeviceGetTemperature", GPU_TEMPERATURE),
            "power_w": _scaled(self._number("nvmlDeviceGetPowerUsage"), 1e-3),
            "throttle_reasons": self._throttle_reasons() or None,
        }
        return {name: value for name, value in known.items() if value is not None}

    def _memory(self) -> _Memory | None:
        memory = _Memory()
        return memory if self._call("nvmlDeviceGetMemoryInfo_v2", ctypes.byref(memory)) else None

    def _throttle_reasons(self) -> list[str]:
        bits = ctypes.c_ulonglong()
        if not self._call("nvmlDeviceGetCurrentClocksThrottleReasons", ctypes.byref(bits)):
            return []
        return [name for bit, name in SLOWING.items() if bits.value & bit]

    def _number(self, function: str, *arguments: int) -> int | None:
        value = ctypes.c_uint()
        return value.value if self._call(function, *arguments, ctypes.byref(value)) else None

    def _call(self, function: str, *arguments: Any) -> bool:
        """Whether it gave an answer; older drivers lack some functions, MIG slices some figures."""
        called = getattr(self._library, function, None)
        return called is not None and called(self._handle, *arguments) == 0


def _scaled(value: int | None, factor: float) -> float | None:
    return None if value is None else value * factor
