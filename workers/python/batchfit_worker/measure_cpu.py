"""Timing and memory of one batch on the CPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from . import host, samples
from .user_model import LoadedModel, Pass

WARM_UPS = 2  # the first pass allocates and picks kernels, the second runs as the others will


class CpuMeasure:
    """A peak of resident memory does not come down, so a process measures the memory of one batch only."""

    capabilities = ["compare", "environment"]
    unfit = False

    def __init__(self) -> None:
        self.timing = "eager"

    def begin(self, cap_bytes: int | None) -> None:
        """There is nothing to empty, and no cap to honour."""

    def observe(
        self, model: LoadedModel, batch: int, plan: tuple[int, int, float], trace: bool, eager_samples: int
    ) -> tuple[dict[str, Any], None]:
        """The samples; there is no trace to give, and each call is an ordinary one."""
        time_one = self._warmed(model.pass_at(batch))
        return {"outcome": "measured", "samples_s": samples.taken(time_one, *plan)}, None

    def end(self) -> dict[str, Any]:
        peak = host.peak_resident_bytes()
        return {} if peak is None else {"resident_peak_bytes": peak}

    def compare(self, model: LoadedModel, reference: int, candidate: int, count: int, seed: int) -> dict[str, Any]:
        of_reference, of_candidate = (self._warmed(model.pass_at(batch)) for batch in (reference, candidate))
        return {"pairs_s": samples.pairs(of_reference, of_candidate, count, seed)}

    def environment(self) -> dict[str, int]:
        others = host.others_bytes()
        return {"total_bytes": host.total_bytes()} | ({} if others is None else {"others_bytes": others})

    def release(self) -> None:
        """Python gives the memory back by itself."""

    def _warmed(self, one_pass: Pass) -> Callable[[], float]:
        for _ in range(WARM_UPS):
            one_pass()
        return lambda: _seconds(one_pass)


def _seconds(one_pass: Pass) -> float:
    one_pass()  # untimed: the timed pass meets the caches that this batch leaves
    start = time.perf_counter()
    one_pass()
    return time.perf_counter() - start
