"""stdin and stdout, private to the protocol."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any


class Channel:
    """Lines of JSON, in by one descriptor and out by another."""

    def __init__(self, reading: int, writing: int) -> None:
        self.reading = reading
        self.writing = writing

    def requests(self) -> Iterator[dict[str, Any] | None]:
        """Each line as an object; None for one that is none."""
        with os.fdopen(self.reading, "rb", closefd=False) as lines:
            for line in lines:
                try:
                    request = json.loads(line)
                except ValueError:
                    request = None
                yield request if isinstance(request, dict) else None

    def send(self, message: dict[str, Any]) -> None:
        line = json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        while line:
            line = line[os.write(self.writing, line) :]


def take_stdout() -> int:
    """The descriptor of the real stdout; from here on whatever prints, also from C, prints to stderr."""
    writing = os.dup(1)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return writing
