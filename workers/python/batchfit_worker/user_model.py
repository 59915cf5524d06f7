"""The user's functions: found, checked and called."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import torch

from .catalogue import Entry, Target
from .declaration import ATTRIBUTE, Declaration
from .errors import usage
from .requests import Load

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
FIXED = ("self", "device", "dtype", "batch")
SETTINGS = ("mode", "weights", "seed", "channels_last", "fold_batchnorm")  # offered to a function that takes them


@dataclass(frozen=True)
class UserModel:
    """The functions of one model. `load(device, dtype, …)` gives what is called with what `inputs(batch, device, dtype, …)` gives."""

    load: Callable[..., Any]
    inputs: Callable[..., Any]
    release: Callable[[], Any] | None
    declaration: Declaration

    def takes(self, name: str) -> bool:
        return any(_takes(function, name) for function in (self.load, self.inputs))

    def sizes(self, given: Mapping[str, int]) -> dict[str, int]:
        """The named sizes in force: those given, and the defaults of the others; usage error for a name that neither takes."""
        defaults: dict[str, int | None] = {}
        for function in (self.load, self.inputs):
            for name, parameter in _parameters(function).items():
                if name not in FIXED + SETTINGS and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                    # A default that is no size (a path, a flag) is the function's own affair.
                    is_size = parameter.default is parameter.empty or type(parameter.default) is int
                    if is_size:
                        defaults.setdefault(name, None)
                        if type(parameter.default) is int:
                            defaults[name] = parameter.default
        for name in given:
            if not self.takes(name) or name in FIXED + SETTINGS:
                there = ", ".join(sorted(defaults)) or "none: name one as a parameter of load or inputs"
                raise usage(f"the model has no shape '{name}'", f"sizes it has: {there}")
        sizes = {name: size for name, size in defaults.items() if size is not None} | dict(given)
        for name in defaults:
            if name not in sizes:
                raise usage(f"the shape '{name}' is not given and has no default", f"give it: --shape {name}=…")
        return sizes


def find(target: Target, entry: Entry) -> UserModel:
    """Imports the user's file and gives the functions of the entry."""
    module = _imported(target)
    found = getattr(module, entry.attribute, None)
    if found is None:
        raise usage(f"{target.path.name} has no '{entry.attribute}'", "name a function or class that the file defines")
    declaration: Declaration = getattr(found, ATTRIBUTE, entry.declaration)
    load: Any
    inputs: Any
    if inspect.isclass(found):
        instance = found()
        load, inputs, release = (getattr(instance, name, None) for name in ("load", "inputs", "release"))
    else:
        load, inputs, release = found, declaration.inputs or getattr(module, "inputs", None), None
    for name, function in (("load(device, dtype)", load), ("inputs(batch, device, dtype)", inputs)):
        if not callable(function):
            raise usage(f"{target.path.name} has no {name}", f"add a function {name}; docs/guide-your-model.md has one to start from")
    return UserModel(load, inputs, release, declaration)


def _imported(target: Target) -> ModuleType:
    folder = str(target.path.parent)
    if target.module is not None:
        return importlib.import_module(target.module)
    if (there := sys.modules.get(target.path.stem)) is not None:
        if getattr(there, "__file__", None) == str(target.path):
            return there  # another model of the same file
        raise usage(f"'{target.path.stem}' is the name of a module that is in use already", "give your file another name")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(target.path.stem, target.path)
    assert spec is not None and spec.loader is not None  # the path ends with .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickles look their module up by name
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]  # what is half made must not be taken for whole by the next load
        raise
    return module


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # a callable of C has no signature to read
        return {}


def _takes(function: Callable[..., Any], name: str) -> bool:
    parameters = _parameters(function)
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def call(function: Callable[..., Any], positional: tuple[Any, ...], offered: Mapping[str, Any]) -> Any:
    """Calls it with the positional arguments and those offered that it takes."""
    return function(*positional, **{name: value for name, value in offered.items() if _takes(function, name)})


@dataclass
class Pass:
    """One batch of the model: calling it runs the forward pass once on inputs that lie ready."""

    model: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    copies: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)  # (on the device, in host memory)

    def __call__(self) -> Any:
        for on_device, in_host in self.copies:
            on_device.copy_(in_host, non_blocking=True)
        return self.model(*self.args, **self.kwargs)

    def tensors(self) -> list[torch.Tensor]:
        return list(tensors_in((self.args, self.kwargs)))

    def include_copies(self) -> None:
        """From now on each call copies the inputs from (pinned) host memory first."""
        on_device = [tensor for tensor in self.tensors() if tensor.is_cuda]
        self.copies = [(tensor, tensor.cpu().pin_memory()) for tensor in on_device]


@dataclass
class LoadedModel:
    """A model on its device, and how its passes are made."""

    user: UserModel
    model: Callable[..., Any]
    device: torch.device
    dtype: Any  # a torch.dtype, or the user's own name for one
    sizes: dict[str, int]
    settings: dict[str, Any]
    channels_last: bool
    include_copies: bool

    def pass_at(self, batch: int) -> Pass:
        torch.manual_seed(self.settings["seed"])
        given = call(self.user.inputs, (batch, self.device, self.dtype), self.settings | self.sizes)
        if isinstance(given, tuple):
            one_pass = Pass(self.model, given, {})
        elif isinstance(given, dict):
            one_pass = Pass(self.model, (), given)
        else:
            one_pass = Pass(self.model, (given,), {})
        if self.channels_last and not self.user.takes("channels_last"):
            one_pass.args, one_pass.kwargs = _channels_last((one_pass.args, one_pass.kwargs))
        if self.include_copies:
            one_pass.include_copies()
        return one_pass

    def item_shape(self) -> list[int]:
        """The shape of one item of the first input, without the batch dimension; [] where no input is a tensor."""
        tensors = self.pass_at(1).tensors()
        if not tensors:
            return []
        shape = list(tensors[0].shape)
        return shape[1:] if shape[:1] == [1] else shape


def build(user: UserModel, device: torch.device, sizes: dict[str, int], request: Load) -> LoadedModel:
    """Calls `load` as the request asks; usage error for an option that the model does not have."""
    weights = None if request.weights == "random" else request.weights
    if request.fold_batchnorm and not user.takes("fold_batchnorm"):
        raise usage("the model cannot fold BatchNorm", "give load a parameter `fold_batchnorm`, or leave the option out")
    settings = {name: getattr(request, name) for name in ("mode", "seed", "channels_last", "fold_batchnorm")} | {"weights": weights}
    the_dtype = DTYPES.get(request.dtype, request.dtype)
    torch.manual_seed(request.seed)
    with torch.no_grad():
        model = call(user.load, (device, the_dtype), settings | sizes)
    if not callable(model):
        raise usage(f"load gave {type(model).__name__}, which cannot be called", "return the model, or a function that runs it")
    if isinstance(model, torch.nn.Module):
        model.eval()
    if request.channels_last and not user.takes("channels_last"):
        if not isinstance(model, torch.nn.Module):
            raise usage("the model has no channels-last form", "give load a parameter `channels_last`, or leave the option out")
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    return LoadedModel(user, model, device, the_dtype, sizes, settings, request.channels_last, request.include_copies)


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in nested tuples, lists, mappings, and objects that keep theirs as attributes."""
    seen: set[int] = set()  # objects may refer to each other in circles
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, torch.Tensor):
            yield item
            continue
        if id(item) in seen:
            continue
        seen.add(id(item))
        if type(item).__name__ == "ndarray":
            with contextlib.suppress(TypeError):  # of strings, say
                yield torch.as_tensor(item)
        else:
            waiting.extend(reversed(_within(item)))


def _within(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, (tuple, list)):
        return list(value)
    if hasattr(value, "__dict__") and not callable(value) and not isinstance(value, ModuleType):
        return [item for item in vars(value).values() if isinstance(item, (torch.Tensor, tuple, list, dict))]
    return []


def _channels_last(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value
    if isinstance(value, dict):
        return {name: _channels_last(item) for name, item in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_channels_last(item) for item in value)
    return value
