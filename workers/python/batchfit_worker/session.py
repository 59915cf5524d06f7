"""What is loaded, and what is done with it: the requests of docs/protocol.md, one method each."""

from __future__ import annotations

import dataclasses
import gc
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from . import __version__, devices, identity, user_model
from .catalogue import Entry, Target
from .errors import WorkerError, told, usage
from .measure_cpu import CpuMeasure
from .measure_cuda import CudaMeasure
from .outcome import all_finite, is_out_of_memory
from .requests import Compare, Load, Probe
from .user_model import LoadedModel, UserModel

Measure = CpuMeasure | CudaMeasure


class NotCapturable(Exception):
    """The capture that `timing: auto` tried has failed and left this process unfit; a fresh one is to load for eager timing."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Loaded:
    model: LoadedModel
    measure: Measure


class Session:
    """At most one model is loaded. Methods take a checked request and give the fields of the answer."""

    def __init__(self, target: Target, entries: list[Entry], sizes: dict[str, int]) -> None:
        self.target = target
        self.entries = {entry.name: entry for entry in entries}
        self.sizes = sizes  # of the command line; those of a request go first
        self.loaded: Loaded | None = None
        self._users: dict[str, UserModel] = {}
        self._measures: dict[torch.device, Measure] = {}

    @property
    def folder(self) -> Path:
        return self.target.path.parent

    def devices(self) -> dict[str, Any]:
        return {"devices": devices.listed()}

    def load(self, request: Load, eager_because: str | None = None) -> dict[str, Any]:
        """`eager_because`: why a capture is not tried (it has failed before)."""
        started = time.monotonic()
        self.release()
        entry = self._entry(request)
        request = dataclasses.replace(request, dtype=request.dtype or entry.declaration.dtypes[0])
        self._check_choices(entry, request)
        device = devices.named(request.device)
        measure = self._measure(device)
        user = self._user(entry)
        gc.freeze()
        if device.type == "cpu":
            torch.set_num_threads(request.threads or torch.get_num_threads())
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = request.tf32
        weights = self._weights(request, user)
        if isinstance(measure, CudaMeasure):
            measure.own_allocator = user.declaration.memory == "torch"
        measure.begin(None)  # the cap of the last probe is not this model's
        others = measure.environment().get("others_bytes")
        model = user_model.build(user, device, user.sizes(self.sizes | request.shape), request)
        self._check(model)
        measure.timing, why = self._timing(request, model, measure, eager_because)
        if isinstance(measure, CudaMeasure):
            measure.memory.settle(others, largest_change=None)
        self.loaded = Loaded(model, measure)
        if not weights.startswith("random") and request.weights == "random":
            structure = identity.structure_digest(model.model)
            weights += f" (structure {structure})" if structure else ""
        _settle_garbage()
        notes = [f"weights: {weights}", f"timing: {measure.timing}" + (f", because {why}" if why else "")]
        if user.declaration.memory == "device" and device.type == "cuda":
            notes.append("memory: the device's use, since the model's runtime has an allocator of its own")
        return {
            "subject": self._subject(entry, request, weights),
            "capabilities": measure.capabilities,
            "notes": notes,
            "environment": measure.environment(),
            "took_s": time.monotonic() - started,
        }

    def probe(self, request: Probe) -> dict[str, Any]:
        model, measure = self._in_use()
        record: dict[str, Any] = {"record": "observation", "batch": request.batch, "started_at": time.time()}
        started = time.monotonic()
        trace = None
        plan = (request.min_samples, request.max_samples, request.seconds)
        try:
            measure.begin(request.cap_bytes)
            with torch.inference_mode():
                if request.rehearse and "rehearsal" in measure.capabilities:
                    observed, trace = measure.rehearse(model, request.batch, request.trace)
                else:
                    observed, trace = measure.observe(model, request.batch, plan, request.trace, request.eager_samples)
            record |= observed
        except (Exception, SystemExit) as error:
            record |= self._outcome(error)
        ended = measure.end()
        record["conditions"] = record.get("conditions", {}) | ended.pop("conditions", {})
        if record["outcome"] == "failed" and ended.get("ooms", 0) > 0:
            record["outcome"] = "out_of_memory"  # caught within the pass, and raised again as something else
        record = ended | record | {"took_s": time.monotonic() - started}
        records = [record]
        if trace is not None:
            records.append({"record": "trace", "batch": request.batch, "started_at": record["started_at"]} | trace)
        return self._answer(measure, records)

    def compare(self, request: Compare) -> dict[str, Any]:
        model, measure = self._in_use()
        record: dict[str, Any] = {"record": "comparison", "reference": request.reference, "candidate": request.candidate}
        record["started_at"] = time.time()
        started = time.monotonic()
        measure.begin(request.cap_bytes)
        with torch.inference_mode():
            compared = measure.compare(model, request.reference, request.candidate, request.pairs, request.seed)
        compared["conditions"] = compared.get("conditions", {}) | measure.end().get("conditions", {})
        return self._answer(measure, [record | compared | {"took_s": time.monotonic() - started}])

    def environment(self) -> dict[str, Any]:
        return {"environment": self._in_use()[1].environment()}

    def release(self) -> dict[str, Any]:
        if self.loaded is not None:
            model, measure = self.loaded.model, self.loaded.measure
            self.loaded = None
            if model.user.release is not None:
                model.user.release()
            del model
            gc.unfreeze()
            measure.release()
        return {}

    @property
    def unfit(self) -> bool:
        return any(measure.unfit for measure in self._measures.values())

    # The steps of a load.

    def _entry(self, request: Load) -> Entry:
        entry = self.entries.get(request.model) or self.entries.get(request.model.replace("_", "-"))
        if entry is None:
            raise usage(f"there is no model '{request.model}' in {self.target.path.name}", f"models: {', '.join(self.entries)}")
        return entry

    def _check_choices(self, entry: Entry, request: Load) -> None:
        for what, value, known in (("dtype", request.dtype, entry.declaration.dtypes), ("mode", request.mode, entry.declaration.modes)):
            if value not in known:
                raise usage(f"{entry.name} has no {what} '{value}'", f"{what}s: {', '.join(known)}")

    def _user(self, entry: Entry) -> UserModel:
        if entry.name not in self._users:
            self._users[entry.name] = user_model.find(self.target, entry)
        return self._users[entry.name]

    def _measure(self, device: torch.device) -> Measure:
        """Kept over loads: what it knows of the device's memory starts from before the first one."""
        if device not in self._measures:
            self._measures[device] = CpuMeasure() if device.type == "cpu" else CudaMeasure(device, devices.nvml_of(device))
        return self._measures[device]

    def _weights(self, request: Load, user: UserModel) -> str:
        """What the subject says of them."""
        if request.weights == "random":
            return f"random (seed {request.seed})" if user.takes("weights") else "as load makes them"
        if not user.takes("weights"):
            raise usage("the model takes no weights", "give load a parameter `weights` (a path, or None), or leave --weights out")
        try:
            return identity.weights_digest(Path(request.weights))
        except OSError as error:
            raise usage(f"the weights cannot be read: {error}", "give a file or folder that this worker can read") from error

    def _check(self, model: LoadedModel) -> None:
        with torch.inference_mode():
            if not all_finite(model.pass_at(1)()):
                raise WorkerError(
                    "runtime",
                    "the model's output at batch 1 is not finite (NaN or infinity)",
                    "check the weights and the inputs, or use a dtype with a larger range (bf16, fp32)",
                )

    def _timing(self, request: Load, model: LoadedModel, measure: Measure, eager_because: str | None) -> tuple[str, str | None]:
        """What the timing becomes, and why where that is not what one would expect."""
        if request.timing == "eager" or eager_because:
            return "eager", eager_because
        cannot = None
        if not isinstance(measure, CudaMeasure):
            cannot = "a CPU has no graphs"
        elif not measure.own_allocator:
            cannot = "the model runs in another runtime, whose work cannot be captured"
        if cannot:
            if request.timing == "graph":
                raise WorkerError("unsupported", f"graph timing: {cannot}", "use --timing eager")
            return "eager", cannot if isinstance(measure, CudaMeasure) else None
        assert isinstance(measure, CudaMeasure)
        try:
            with torch.inference_mode():
                measure.try_capture(model.pass_at(1))
        except Exception as error:
            if is_out_of_memory(error):
                raise
            reason = f"it cannot be captured: {told(error, self.folder)}"
            if request.timing == "graph":
                raise WorkerError("unsupported", f"graph timing: {reason}", "use --timing eager", replace_worker=True) from error
            raise NotCapturable(reason) from error
        return "graph", None

    def _subject(self, entry: Entry, request: Load, weights: str) -> dict[str, Any]:
        model, measure = self._in_use()
        sources = identity.local_sources(self.folder)
        details = {"packages": used} if (used := identity.packages(sources)) else {}
        if model.device.type == "cuda":
            details |= {"cuda": str(torch.version.cuda), "cudnn": str(torch.backends.cudnn.version())}
        workload = {
            "model": entry.name,
            "weights": weights,
            "model_code": identity.code_digest(sources, self.folder),
            "dtype": request.dtype,
            "tf32": request.tf32,
            "channels_last": request.channels_last,
            "folded_batchnorm": request.fold_batchnorm,
            "include_copies": request.include_copies,
            "mode": request.mode,
            "input_shape": model.item_shape(),
            "shape": model.sizes,
            "timing": measure.timing,
        }
        if model.device.type == "cpu":
            workload["threads"] = torch.get_num_threads()
        return {
            "device": devices.described(model.device),
            "runtime": identity.runtime(torch.__version__, f"batchfit_worker {__version__}", details),
            "workload": workload,
        }

    # The ends of a probe.

    def _in_use(self) -> tuple[LoadedModel, Measure]:
        if self.loaded is None:
            raise usage("no model is loaded", "send load first")
        return self.loaded.model, self.loaded.measure

    def _outcome(self, error: BaseException) -> dict[str, Any]:
        traceback.print_exception(error)
        # The frames of the traceback hold the failed pass's tensors.
        reason = told(error, self.folder)
        traceback.clear_frames(error.__traceback__)
        return {"outcome": "out_of_memory" if is_out_of_memory(error) else "failed", "reason": reason}

    def _answer(self, measure: Measure, records: list[dict[str, Any]]) -> dict[str, Any]:
        answer: dict[str, Any] = {"records": records}
        if measure.unfit:
            answer["replace_worker"] = True
        else:
            answer["environment"] = measure.environment()
        return answer


def _settle_garbage() -> None:
    """Takes what a load has left out of later collections: a probe collects garbage three times, and looking through all that
    torch and a model are made of takes 0.2 s each time."""
    gc.collect()
    gc.freeze()
