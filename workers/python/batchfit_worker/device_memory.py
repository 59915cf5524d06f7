"""Whose memory it is: what the device has in use, split into the allocator's, the rest of this process, and others'.

The driver's figures per process are often hidden in containers, so it is done by differences. Before this process
touches the device, all use is others'. While this process idles its own part stays as it is, so a change is others';
while it works, a change outside the allocator is its own (kernels and libraries load lazily, graphs have storage), unless
it is more than work can make.
"""

from __future__ import annotations

from collections.abc import Callable

MEBIBYTE = 1 << 20
# All kernels of cuDNN and cuBLAS that a model uses come to some 100 to 300 MiB. A larger change is another process's.
LARGEST_CONTEXT_CHANGE = 512 * MEBIBYTE
# Left free on the device: what lazily loaded kernels and a graph's own storage may take during a probe.
MARGIN = 512 * MEBIBYTE


class DeviceMemory:
    """`total` bytes; `used` tells the bytes of the device in use now (None where unknown), `reserved` the allocator's reserved ones."""

    def __init__(self, total: int, used: Callable[[], int | None], reserved: Callable[[], int]) -> None:
        """Make it before this process touches the device."""
        self.total = total
        self._used = used
        self._reserved = reserved
        self.context: int | None = None if used() is None else 0

    def others(self) -> int | None:
        """Held by others now; true while this process idles."""
        used = self._used()
        if used is None or self.context is None:
            return None
        return max(0, used - self._reserved() - self.context)

    def settle(self, others_before: int | None, largest_change: int | None = LARGEST_CONTEXT_CHANGE) -> int | None:
        """After work: what is ours outside the allocator, given what others held before it. `largest_change`: None where the work may
        take any amount there."""
        used = self._used()
        if used is None or self.context is None or others_before is None:
            return self.context
        change = used - self._reserved() - others_before - self.context
        if largest_change is None or abs(change) <= largest_change:
            self.context = max(0, self.context + change)
        return self.context

    def most_reservable(self, free: int, own_cap: int | None) -> int:
        """The cap on the allocator: what is free on the device less a margin, and what `own_cap`, a cap on own memory, leaves it."""
        most = free + self._reserved() - MARGIN
        if own_cap is not None:
            most = min(most, own_cap - (self.context or 0))
        return max(0, most)

    def environment(self) -> dict[str, int]:
        others = self.others()
        return {"total_bytes": self.total} | ({} if others is None else {"others_bytes": others})
