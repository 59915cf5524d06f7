"""Requests to answers, exceptions to errors."""

from __future__ import annotations

import os
import traceback
from typing import Any

from . import __version__, catalogue, identity, restart
from .catalogue import Entry, Target
from .channel import Channel
from .errors import WorkerError, told, usage

PROTOCOL = 1
# What this worker can do on some device; `load` answers with those in force.
CAPABILITIES = [
    "graph_timing",
    "memory_cap",
    "memory_counters",
    "memory_trace",
    "peak_resets",
    "rehearsal",
    "compare",
    "environment",
    "conditions",
]


class Server:
    """Answers requests in turn until `quit` or the end of stdin. torch is imported with the first request that needs it."""

    def __init__(self, channel: Channel, target: str, sizes: dict[str, int]) -> None:
        self.channel = channel
        self.target = target
        self.sizes = sizes
        self._session: Any = None

    def serve(self, pending: restart.Pending | None) -> None:
        """`pending`: a load that the process before this one could not finish."""
        if pending is not None:
            self._answer(pending.request, pending.reason)
        for request in self.channel.requests():
            if request is None:
                self._refuse(None, usage("a line is not a JSON object", "docs/protocol.md has the messages"))
            elif request.get("op") != "heartbeat":
                self._answer(request, None)
            if request is not None and request.get("op") == "quit":
                return

    def _answer(self, request: dict[str, Any], eager_because: str | None) -> None:
        try:
            fields = self._done(request, eager_because)
        except WorkerError as error:
            self._refuse(request.get("id"), error)
        except (Exception, SystemExit) as error:
            self._refuse(request.get("id"), self._raised(error))
        else:
            self.channel.send({"id": request.get("id"), "ok": True} | fields)

    def _refuse(self, request_id: Any, error: WorkerError) -> None:
        told_error = {"kind": error.kind, "message": error.message}
        if error.remedy:
            told_error["remedy"] = error.remedy
        answer = {"id": request_id, "ok": False, "error": told_error}
        if error.replace_worker or (self._session is not None and self._session.unfit):
            answer["replace_worker"] = True
        self.channel.send(answer)

    def _raised(self, error: BaseException) -> WorkerError:
        """The error for what the user's code, or torch, has raised."""
        from .outcome import is_out_of_memory

        traceback.print_exception(error)
        message = told(error, Target.parse(self.target).path.parent)
        traceback.clear_frames(error.__traceback__)  # they hold tensors
        if is_out_of_memory(error):
            return WorkerError("out_of_memory", message, "free memory on the device, or use a smaller model or dtype")
        return WorkerError("runtime", message, "the whole traceback is in the worker's stderr")

    def _done(self, request: dict[str, Any], eager_because: str | None) -> dict[str, Any]:
        op = request.get("op")
        if op == "hello":
            return self._hello()
        if op == "quit":
            return {}
        if op not in ("devices", "load", "probe", "compare", "environment", "release"):
            raise WorkerError("unsupported", f"this worker has no op '{op}'", "docs/protocol.md has the ops of version 1")
        from . import requests

        session = self._loaded_session()
        if op == "load":
            return self._load(request, requests.read(requests.Load, request), eager_because)
        if op == "probe":
            return session.probe(requests.read(requests.Probe, request))
        if op == "compare":
            return session.compare(requests.read(requests.Compare, request))
        return getattr(session, op)()

    def _hello(self) -> dict[str, Any]:
        version = identity.torch_version()
        if version is None:
            raise WorkerError("unavailable", "torch is not installed for this Python", "pip install torch, or name the Python that has it")
        worker = {"name": "batchfit_worker", "version": __version__}
        return {
            "protocol": PROTOCOL,
            "worker": worker,
            "runtime": identity.runtime(version, f"batchfit_worker {__version__}", {}),
            "capabilities": CAPABILITIES,
            "models": [entry.listed() for entry in self._entries()],
        }

    def _load(self, request: dict[str, Any], checked: Any, eager_because: str | None) -> dict[str, Any]:
        from .session import NotCapturable

        try:
            return self._session.load(checked, eager_because)
        except NotCapturable as error:
            restart.in_a_fresh_process(self.channel, restart.Pending(request, error.reason))

    def _entries(self) -> list[Entry]:
        return catalogue.entries(Target.parse(self.target))

    def _loaded_session(self) -> Any:
        if self._session is None:
            from .session import Session

            self._session = Session(Target.parse(self.target), self._entries(), self.sizes)
        return self._session


def leave(status: int) -> None:
    """Ends the process without the interpreter's shutdown, which a model's threads can hold up."""
    os._exit(status)
