"""Whose memory it is: what the device has in use, split into the allocator's, the rest of this process, and others'.

The driver's figures per process are often hidden in containers, so it is done by differences. Before this process
touches the device, all use is others'. While this process idles its own part stays as it is, so a change is others';
while it works, a rise outside the allocator is its own (kernels and libraries load lazily).
"""

from __future__ import annotations

from collections.abc import Callable


class DeviceMemory:
    """`total` bytes; `free` tells the device's free bytes now (None where unknown), `reserved` the allocator's reserved ones."""

    def __init__(self, total: int, free: Callable[[], int | None], reserved: Callable[[], int]) -> None:
        """Make it before this process touches the device."""
        self.total = total
        self._free = free
        self._reserved = reserved
        self.context: int | None = None if free() is None else 0

    def _used(self) -> int | None:
        free = self._free()
        return None if free is None else max(0, self.total - free)

    def others(self) -> int | None:
        """Held by others now; true while this process idles."""
        used = self._used()
        if used is None or self.context is None:
            return None
        return max(0, used - self._reserved() - self.context)

    def settle(self, others_before: int | None) -> int | None:
        """After work: what is ours outside the allocator, given what others held before it. It never falls: a context does
        not shrink, so then it was others who gave memory back."""
        used = self._used()
        if used is None or self.context is None or others_before is None:
            return self.context
        self.context = max(self.context, used - self._reserved() - others_before)
        return self.context

    def environment(self) -> dict[str, int]:
        others = self.others()
        return {"total_bytes": self.total} | ({} if others is None else {"others_bytes": others})
