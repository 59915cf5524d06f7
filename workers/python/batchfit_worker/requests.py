"""Requests as the protocol has them, checked before anything is done."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

from .errors import usage

LARGEST = 1 << 62  # the tuner's own bound on counts and bytes
TIMINGS = ("auto", "graph", "eager")


@dataclass(frozen=True)
class Load:
    device: str
    model: str
    weights: str = "random"
    seed: int = 0
    dtype: str = ""  # empty: the model's first
    tf32: bool = False
    channels_last: bool = False
    fold_batchnorm: bool = False
    include_copies: bool = False
    mode: str = "forward"
    shape: dict[str, int] = field(default_factory=dict)
    timing: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.timing not in TIMINGS:
            raise usage(f"timing '{self.timing}' is unknown", f"timings: {', '.join(TIMINGS)}")
        for name, size in self.shape.items():
            _in_range(f"shape '{name}'", size, 1)
        _in_range("seed", self.seed, 0)
        if self.threads is not None:
            _in_range("threads", self.threads, 1)


@dataclass(frozen=True)
class Probe:
    batch: int
    min_samples: int = 7
    max_samples: int = 30
    seconds: float = 0.1
    trace: bool = False
    eager_samples: int = 0
    rehearse: bool = False
    cap_bytes: int | None = None

    def __post_init__(self) -> None:
        _in_range("batch", self.batch, 1)
        _in_range("min_samples", self.min_samples, 1)
        _in_range("max_samples", self.max_samples, self.min_samples)
        _in_range("eager_samples", self.eager_samples, 0)
        if not math.isfinite(self.seconds) or self.seconds < 0:
            raise usage(f"seconds is {self.seconds}", "give a finite number of seconds, 0 or more")
        if self.cap_bytes is not None:
            _in_range("cap_bytes", self.cap_bytes, 1)


@dataclass(frozen=True)
class Compare:
    reference: int
    candidate: int
    pairs: int
    seed: int = 0
    cap_bytes: int | None = None

    def __post_init__(self) -> None:
        for name in ("reference", "candidate", "pairs"):
            _in_range(name, getattr(self, name), 1)
        _in_range("seed", self.seed, 0)
        if self.cap_bytes is not None:
            _in_range("cap_bytes", self.cap_bytes, 1)


KINDS: dict[str, Any] = {"str": str, "int": int, "bool": bool, "float": (int, float), "dict[str, int]": dict, "int | None": int}


def read(kind: type, request: dict[str, Any]) -> Any:
    """The request as one of the above; usage error for a field that is missing or of another type. Unknown fields are ignored."""
    given = {}
    for wanted in fields(kind):
        value = request.get(wanted.name)
        if value is None:
            continue
        expected = KINDS[str(wanted.type)]
        if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
            raise usage(f"'{wanted.name}' is {value!r}", f"give it as {wanted.type}; docs/protocol.md has the request")
        given[wanted.name] = value
    try:
        return kind(**given)
    except TypeError as error:  # a field without a default is missing
        raise usage(f"the request lacks a field ({error})", "docs/protocol.md has the request") from error


def _in_range(name: str, value: Any, least: int) -> None:
    if type(value) is not int or not least <= value < LARGEST:
        raise usage(f"{name} is {value!r}", f"give a whole number from {least} on")
