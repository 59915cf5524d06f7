"""Going on in a fresh process: a failed capture leaves the allocator and the random generators of this one in the state
of a capture, so what is measured afterwards would not be what a healthy process gives."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import Any, NoReturn

from .channel import Channel

VARIABLE = "BATCHFIT_WORKER_PENDING"
STARTED_IN = os.getcwd()  # the user's code may go elsewhere, and the command line is relative to here


@dataclass(frozen=True)
class Pending:
    """The load to be answered, and why it is to be timed eagerly."""

    request: dict[str, Any]
    reason: str


def in_a_fresh_process(channel: Channel, pending: Pending) -> NoReturn:
    """Replaces the process by itself: same number, same watcher, same stdin and stdout, nothing else."""
    state = {"reading": channel.reading, "writing": channel.writing, "request": pending.request, "reason": pending.reason}
    sys.stderr.flush()
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor > 2 and os.path.exists(f"/proc/self/fd/{name}"):  # not that of the listing itself
            # Whatever else is open, the device's files too, would live on.
            os.set_inheritable(descriptor, descriptor in (channel.reading, channel.writing))
    os.chdir(STARTED_IN)
    os.execve(sys.executable, sys.orig_argv, os.environ | {VARIABLE: json.dumps(state)})


def taken_up() -> tuple[Channel, Pending] | None:
    """What the process before this one left; None where there was none."""
    text = os.environ.pop(VARIABLE, None)
    if text is None:
        return None
    state = json.loads(text)
    for descriptor in (state["reading"], state["writing"]):
        os.set_inheritable(descriptor, False)
    return Channel(state["reading"], state["writing"]), Pending(state["request"], state["reason"])
