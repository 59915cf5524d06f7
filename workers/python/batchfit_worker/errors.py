"""Errors as the protocol has them, and exceptions of the user's code told in a few lines."""

from __future__ import annotations

import traceback
from pathlib import Path


class WorkerError(Exception):
    """An answer that is not ok. `kind` is one of docs/protocol.md's."""

    def __init__(self, kind: str, message: str, remedy: str = "", replace_worker: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.remedy = remedy
        self.replace_worker = replace_worker


def usage(message: str, remedy: str) -> WorkerError:
    return WorkerError("usage", message, remedy)


def told(error: BaseException, folder: Path) -> str:
    """The exception, the innermost line of the user's code (a file under `folder`), and where it was raised."""
    lines = traceback.format_exception_only(type(error), error)
    text = lines[-1].strip()
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError):
        return f"{text} ({Path(error.filename or '?').name}:{error.lineno})"
    own = [frame for frame in frames if _is_under(frame.filename, folder)]
    shown = own[-1:] + [frame for frame in frames[-1:] if frame not in own[-1:]]
    return "\n".join([text] + [_line(frame, folder) for frame in shown])


def _line(frame: traceback.FrameSummary, folder: Path) -> str:
    path = Path(frame.filename)
    name = path.relative_to(folder) if _is_under(frame.filename, folder) else Path(*path.parts[-3:])
    return f"  {name}:{frame.lineno} in {frame.name}: {frame.line}"


def _is_under(filename: str, folder: Path) -> bool:
    return folder in Path(filename).parents and "site-packages" not in filename
