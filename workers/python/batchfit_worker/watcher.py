"""The process that ends the worker with its tuner.

The worker must end when its stdin closes or the heartbeats stop, also while C code holds the interpreter's lock, when
no Python thread of its own can run. So the process forks at its very start, before anything is loaded: the child reads
stdin, hands the requests on through a pipe, and kills the worker when the tuner is gone. The worker is the process that the tuner
started, so its exit status is the model's own.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from typing import Any

READ_BYTES = 65536
GRACE_S = 0.1  # an idle worker sees its pipe close and exits by itself, with 0


def start() -> int:
    """Forks the watcher and returns the descriptor on which requests now arrive; stdin becomes /dev/null."""
    reading, writing = os.pipe()
    worker = os.getpid()
    if os.fork() == 0:
        try:
            os.close(reading)
            _Watcher(worker, writing).run()
        finally:
            os._exit(0)
    os.close(writing)
    _point_at_null(0, os.O_RDONLY)
    return reading


class _Watcher:
    """Copies stdin to the pipe, but for heartbeats, until the tuner or the worker is gone."""

    def __init__(self, worker: int, pipe: int) -> None:
        self.worker = worker
        self.pipe = pipe
        self.partial = b""  # of a line
        self.outgoing = b""  # for the pipe: it is never waited for, or a busy worker would hide the end of stdin
        self.timeout_s: float | None = None
        self.heard_at = time.monotonic()

    def run(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _point_at_null(1, os.O_WRONLY)  # else a reader of the worker's output waits for this process too
        _point_at_null(2, os.O_WRONLY)
        os.set_blocking(self.pipe, False)
        while self._turn():
            pass
        os.close(self.pipe)
        time.sleep(GRACE_S)
        if os.getppid() == self.worker:
            os.kill(self.worker, signal.SIGKILL)

    def _turn(self) -> bool:
        """Waits for something to happen and deals with it; false when the tuner or the worker is gone."""
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(self.pipe, select.POLLOUT if self.outgoing else 0)
        left_s = None if self.timeout_s is None else self.heard_at + self.timeout_s - time.monotonic()
        if left_s is not None and left_s <= 0:
            return False
        for descriptor, event in poll.poll(None if left_s is None else left_s * 1000 + 1):
            if descriptor == 0:
                data = os.read(0, READ_BYTES)
                if not data:
                    return False
                self._take(data)
            elif event & select.POLLOUT:
                self.outgoing = self.outgoing[os.write(self.pipe, self.outgoing) :]
            else:
                return False  # the worker has ended
        return True

    def _take(self, data: bytes) -> None:
        self.heard_at = time.monotonic()
        *lines, self.partial = (self.partial + data).split(b"\n")
        for line in lines:
            request = _parsed(line)
            if request.get("op") == "heartbeat":
                continue
            if request.get("op") == "hello":
                timeout_s = request.get("heartbeat_timeout_s")
                self.timeout_s = timeout_s if isinstance(timeout_s, (int, float)) else None
            self.outgoing += line + b"\n"


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def _point_at_null(descriptor: int, flags: int) -> None:
    null = os.open(os.devnull, flags)
    os.dup2(null, descriptor)
    os.close(null)
