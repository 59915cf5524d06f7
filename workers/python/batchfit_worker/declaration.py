"""What a user's file says of a model beyond its code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

ATTRIBUTE = "__batchfit__"


@dataclass(frozen=True)
class Declaration:
    """`dtypes` and `modes` are the names that `--dtype` and `--mode` may take.

    `memory` is where the model's memory comes from: "torch" (its caching allocator), or "device" for a runtime with an
    allocator of its own, whose memory is only seen as the device's use.
    """

    name: str | None = None
    about: str = ""
    dtypes: Sequence[str] = ("fp32", "fp16", "bf16")
    modes: Sequence[str] = ("forward",)
    memory: str = "torch"
    inputs: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        if self.memory not in ("torch", "device"):
            raise ValueError(f"memory={self.memory!r} is neither 'torch' nor 'device'")
        for field in ("dtypes", "modes"):
            if isinstance(getattr(self, field), str) or not getattr(self, field):
                raise ValueError(f"{field} is not a list of names")


def model(
    name: str | None = None,
    *,
    about: str = "",
    dtypes: Sequence[str] = Declaration.dtypes,
    modes: Sequence[str] = Declaration.modes,
    memory: str = "torch",
    inputs: Callable[..., Any] | None = None,
) -> Callable[[Any], Any]:
    """Decorates a `load` function, or a class with `load` and `inputs` (and `release`, where there is something to
    give back). Write the values as literals: they are read from the file before it is run."""
    declaration = Declaration(name, about, tuple(dtypes), tuple(modes), memory, inputs)

    def declare(target: Any) -> Any:
        setattr(target, ATTRIBUTE, declaration)
        return target

    return declare
