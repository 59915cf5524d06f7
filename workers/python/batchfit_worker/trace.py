"""Every allocation and free of one pass, from the caching allocator's own history.

Source: torch.cuda.memory._record_memory_history and _snapshot; the actions and fields are those of the docstring of
_snapshot. An entry's size is the requested one, before rounding.
"""

from __future__ import annotations

from typing import Any

import torch

MOST_ENTRIES = 1_000_000  # a bound on memory; a pass has hundreds to thousands
DEFAULT_POOL = (0, 0)


class Recorder:
    """Between `start` and `stop` lies one pass. `captured`: the pass is a capture, whose private pool starts empty."""

    def __init__(self, device: torch.device, captured: bool) -> None:
        self._index = device.index
        self._captured = captured
        self._segments: list[dict[str, Any]] = []
        self._skip = 0
        self._before: dict[str, int] = {}

    def start(self) -> None:
        torch.cuda.memory._record_memory_history("all", context=None, stacks="python", max_entries=MOST_ENTRIES)
        snapshot = torch.cuda.memory._snapshot()
        self._segments = [] if self._captured else _segments(snapshot, self._index)
        self._skip = len(snapshot["device_traces"][self._index])
        self._before = {
            "reserved_before_bytes": torch.cuda.memory_reserved(self._index),
            "allocated_before_bytes": torch.cuda.memory_allocated(self._index),
        }

    def stop(self) -> dict[str, Any]:
        """The fields of docs/cache.md's `trace` that come from the allocator; peaks are since they were last reset."""
        entries = torch.cuda.memory._snapshot()["device_traces"][self._index][self._skip :]
        torch.cuda.memory._record_memory_history(None)
        segments, numbers = numbered(self._segments)
        return self._before | {
            "timing": "graph" if self._captured else "eager",
            "segments_before": segments,
            "events": events(entries, numbers),
            "reserved_peak_bytes": torch.cuda.max_memory_reserved(self._index),
            "allocated_peak_bytes": torch.cuda.max_memory_allocated(self._index),
        }


def _segments(snapshot: dict[str, Any], index: int) -> list[dict[str, Any]]:
    of_device = [segment for segment in snapshot["segments"] if segment["device"] == index]
    ordinary = [segment for segment in of_device if tuple(segment.get("segment_pool_id", DEFAULT_POOL)) == DEFAULT_POOL]
    return sorted(ordinary, key=lambda segment: segment["address"])


def numbered(segments: list[dict[str, Any]]) -> tuple[list[list[Any]], dict[int, int]]:
    """The segments as docs/cache.md writes them, and the (negative) number of each block in use by its address."""
    numbers: dict[int, int] = {}
    written = []
    for segment in segments:
        blocks = []
        address = segment["address"]
        for block in segment["blocks"]:
            in_use = block["state"] != "inactive"
            if in_use:
                numbers[address] = -1 - len(numbers)
            blocks.append([block["size"], numbers[address] if in_use else 0])
            address += block["size"]
        written.append([segment["address"], int(segment["segment_type"] == "small"), blocks])
    return written, numbers


def events(entries: list[dict[str, Any]], before: dict[int, int]) -> list[list[int]]:
    """[block, bytes] for an allocation, [block] for a free, in order. A free of a block that neither was there before nor was
    allocated within the pass belongs to another pool and is left out."""
    live = dict(before)
    allocated = 0
    result: list[list[int]] = []
    for entry in entries:
        if entry["action"] == "alloc":
            allocated += 1
            live[entry["addr"]] = allocated
            result.append([allocated, entry["size"]])
        elif entry["action"] == "free_completed" and entry["addr"] in live:
            result.append([live.pop(entry["addr"])])
    return result
