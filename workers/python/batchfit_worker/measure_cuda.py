"""Timing and memory of one batch on a CUDA device, as replays of a captured graph or as ordinary calls.

All of the model's work runs on one side stream, since a capture cannot run on the default one.
"""

from __future__ import annotations

import contextlib
import gc
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch

from . import samples
from .device_memory import DeviceMemory
from .nvml import Nvml
from .trace import Recorder
from .user_model import LoadedModel, Pass

WARM_UPS = 3  # libraries pick kernels in the first passes and compilers compile; torch's own graph helpers run as many
LONGEST_OF_LAUNCHES = 0.05  # seconds; an ordinary call as long as this waits for the device, not for its launches
EMPTY_GRAPH = "The CUDA Graph is empty"  # torch only warns: the pass runs elsewhere, and its replay would take no time


class CudaMeasure:
    """Set by who loads a model: `own_allocator`, whether its memory comes from torch's caching allocator; `timing`, "graph" or "eager".

    `unfit`: this process must be replaced; a capture that fails leaves
    the allocator and the random generators in the state of a capture, an error of the device leaves nothing that works.
    """

    def __init__(self, device: torch.device, nvml: Nvml | None) -> None:
        """Make it before anything else touches the device: what is in use by then is others'."""
        self.device = device
        self.nvml = nvml
        self.own_allocator = True
        self.timing = "eager"
        self.unfit = False
        self.total = torch.cuda.get_device_properties(device).total_memory
        self._has_context = False
        self._half_captured: list[torch.cuda.CUDAGraph] = []
        self.memory = DeviceMemory(self.total, self._used, reserved=lambda: torch.cuda.memory_reserved(device))
        others = self.memory.others()
        torch.cuda.set_device(device)
        self.stream = torch.cuda.Stream(device)
        torch.cuda.set_stream(self.stream)
        torch.zeros(1, device=device)  # makes the context
        torch.cuda.synchronize()
        self._has_context = True
        self.memory.settle(others, largest_change=None)
        self._cap: int | None = None
        self._others_before = others
        self._counters_before: dict[str, int] = {}

    @property
    def capabilities(self) -> list[str]:
        """Those in force for this model. The memory of a runtime with its own allocator does not come down between probes."""
        known = ["compare", "environment"] + (["conditions"] if self.nvml else [])
        if self.own_allocator:
            known += ["memory_cap", "memory_counters", "memory_trace", "peak_resets", "rehearsal"]
        return known + (["graph_timing", "eager_latency"] if self.timing == "graph" else [])

    # A probe: begin, observe or compare, end.

    def begin(self, cap_bytes: int | None) -> None:
        """Empties the allocator, caps it (`cap_bytes` is a cap on own memory), and notes what the probe is measured against."""
        self._empty()
        if self.own_allocator:
            free, _ = torch.cuda.mem_get_info(self.device)
            self._cap = min(self.total, self.memory.most_reservable(free, cap_bytes))
            torch.cuda.set_per_process_memory_fraction(self._cap / self.total, self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        self._others_before = self.memory.others()
        self._counters_before = self._counters()

    def observe(
        self, model: LoadedModel, batch: int, plan: tuple[int, int, float], trace: bool, eager_samples: int
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """The samples and the allocator's peaks, both of the warmed-up model in the mode that is timed, and a trace of the first pass.
        Under graph timing up to `eager_samples` ordinary calls beside them."""
        one_pass = model.pass_at(batch)
        _warm_up(one_pass)
        ordinary = self._ordinary_calls(one_pass, eager_samples)
        time_one, traced = self._recorded(lambda: self._ready(one_pass), trace)
        taken = samples.taken(time_one, *plan)
        return {"outcome": "measured", "samples_s": taken, "conditions": self._conditions()} | self._peaks() | (
            {"eager_samples_s": ordinary} if ordinary else {}), traced

    def rehearse(self, model: LoadedModel, batch: int, trace: bool) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """The allocator's peaks and the trace of one pass: of its capture, which runs nothing, or else of a single run."""
        one_pass = model.pass_at(batch)
        graph, traced = self._recorded(lambda: self._captured(one_pass, None) if self.timing == "graph" else one_pass(), trace)
        peaks = self._peaks()
        del graph
        return {"outcome": "rehearsed"} | peaks, traced

    def end(self) -> dict[str, Any]:
        """What holds of a probe however it ended. What it left in the allocator is given back by the next `begin`."""
        try:
            torch.cuda.synchronize()
        except RuntimeError:  # of the device: it stays
            self.unfit = True
            return {}
        known = {
            "context_bytes": self._settle(),
            "cap_bytes": self._cap,
            "conditions": self._of_others(),
        }
        if self.own_allocator:
            known |= {name: value - self._counters_before[name] for name, value in self._counters().items()}
        return {name: value for name, value in known.items() if value is not None}

    def compare(self, model: LoadedModel, reference: int, candidate: int, count: int, seed: int) -> dict[str, Any]:
        """Both batches stay ready. Their graphs share one pool, which holds little more than the larger's: replays never overlap
        and nobody reads their outputs."""
        passes = {batch: model.pass_at(batch) for batch in sorted({reference, candidate}, reverse=True)}
        for one_pass in passes.values():
            _warm_up(one_pass)
        pool = torch.cuda.graph_pool_handle() if self.timing == "graph" else None
        ready = {batch: self._ready(one_pass, pool) for batch, one_pass in passes.items()}
        taken = samples.pairs(ready[reference], ready[candidate], count, seed)
        return {"pairs_s": taken, "conditions": self._conditions()}

    def environment(self) -> dict[str, int]:
        return self.memory.environment()

    def release(self) -> None:
        torch._C._cuda_clearCublasWorkspaces()
        self._empty()

    # Making a pass ready to be timed.

    def try_capture(self, one_pass: Pass) -> None:
        """Raises what a capture of it raises; the process is unfit then."""
        _warm_up(one_pass)
        self._captured(one_pass, None).replay()
        torch.cuda.synchronize()

    def _ready(self, one_pass: Pass, pool: Any = None) -> Callable[[], float]:
        """Captures the pass, or runs it once, and gives what times it."""
        if self.timing == "graph":
            graph = self._captured(one_pass, pool)
            return lambda: _seconds_of(graph.replay)
        one_pass()
        torch.cuda.synchronize()
        if self.own_allocator:
            return lambda: _seconds_of(one_pass, idle=True)
        return lambda: _wall_seconds_of(one_pass)

    def _recorded(self, step: Callable[[], Any], trace: bool) -> tuple[Any, dict[str, Any] | None]:
        """What the step gives, its allocations counted, and traced where they are asked for, from an emptied allocator on."""
        self._empty()
        torch.cuda.reset_peak_memory_stats(self.device)
        recorder = Recorder(self.device, captured=self.timing == "graph") if trace and self.own_allocator else None
        if recorder:
            recorder.start()
        given = step()
        return given, recorder.stop() if recorder else None

    def _ordinary_calls(self, one_pass: Pass, count: int) -> list[float]:
        """Of the warmed-up pass, launches included; one that cannot be bound by them ends it."""
        calls: list[float] = []
        while self.timing == "graph" and len(calls) < count and (not calls or calls[-1] <= LONGEST_OF_LAUNCHES):
            calls.append(_seconds_of(one_pass, idle=True))
        return calls

    def _captured(self, one_pass: Pass, pool: Any) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        self._empty()
        gc.disable()  # a collection within the capture may free what CUDA then cannot
        try:
            # thread_local: another thread of the model's (a loader's) may go on calling CUDA.
            graph.capture_begin(pool=pool, capture_error_mode="thread_local")
            try:
                one_pass()
            except BaseException:
                _end_broken_capture(graph)
                raise
            with warnings.catch_warnings():
                warnings.filterwarnings("error", message=EMPTY_GRAPH)
                graph.capture_end()
        except BaseException:
            self.unfit = True
            self._half_captured.append(graph)  # its destructor may raise, which would end the process
            raise
        finally:
            gc.enable()
        return graph

    # Figures.

    def _peaks(self) -> dict[str, int]:
        """Of the allocator since it was emptied, and the context."""
        context = self._settle()  # while a graph is there: its storage outside the pool is ours too
        return {
            "allocated_peak_bytes": torch.cuda.max_memory_allocated(self.device),
            "reserved_peak_bytes": torch.cuda.max_memory_reserved(self.device),
        } | ({} if context is None else {"context_bytes": context})

    def _used(self) -> int | None:
        """Of the device. NVML's figure needs no context; CUDA's own, with one, is what `mem_get_info` and the cap go by."""
        if self.nvml is None:
            return None
        if not self._has_context:
            return self.nvml.used_bytes()
        free, total = torch.cuda.mem_get_info(self.device)
        return total - free

    def _settle(self) -> int | None:
        """The context after work; a runtime with an allocator of its own may take any amount into it."""
        if self.own_allocator:
            return self.memory.settle(self._others_before)
        return self.memory.settle(self._others_before, largest_change=None)

    def _empty(self) -> None:
        torch.cuda.synchronize()
        gc.collect()
        torch.cuda.empty_cache()

    def _counters(self) -> dict[str, int]:
        stats = torch.cuda.memory_stats(self.device)
        return {"alloc_retries": stats.get("num_alloc_retries", 0), "ooms": stats.get("num_ooms", 0)}

    def _conditions(self) -> dict[str, Any]:
        return self.nvml.conditions() if self.nvml else {}

    def _of_others(self) -> dict[str, int]:
        known = {"others_before_bytes": self._others_before, "others_after_bytes": self.memory.others()}
        return {name: value for name, value in known.items() if value is not None}


def _warm_up(one_pass: Pass) -> None:
    for _ in range(WARM_UPS):
        one_pass()
    torch.cuda.synchronize()


def _seconds_of(run: Callable[[], Any], idle: bool = False) -> float:
    """Device seconds of one run after an untimed one. `idle`: the device is idle when the timed run begins, so that the time
    has the launches in it; else the two are queued together."""
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    run()
    if idle:
        torch.cuda.synchronize()
    start.record()
    run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) * 1e-3


def _wall_seconds_of(run: Callable[[], Any]) -> float:
    """Wall seconds until the whole device is idle again: another runtime uses streams that torch's events do not see."""
    run()
    torch.cuda.synchronize()
    start = time.perf_counter()
    run()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def _end_broken_capture(graph: torch.cuda.CUDAGraph) -> None:
    """Takes the stream out of the capture; that this raises too adds nothing to the reason."""
    with contextlib.suppress(RuntimeError):
        graph.capture_end()
