"""What a user's file offers, read from its text: `hello` is answered before the file, or torch, is imported."""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from .declaration import Declaration
from .errors import WorkerError, usage

LITERALS = ("name", "about", "dtypes", "modes", "memory")


@dataclass(frozen=True)
class Entry:
    """One model: the name of its `load` function or class in the file, and what is declared of it."""

    name: str
    attribute: str
    declaration: Declaration

    def listed(self) -> dict[str, object]:
        """As `hello` lists it."""
        declared = self.declaration
        return {"name": self.name, "about": declared.about, "dtypes": list(declared.dtypes), "modes": list(declared.modes)}


@dataclass(frozen=True)
class Target:
    """`my_model.py:load`, `my_model.py` or `package.module:Class`."""

    path: Path
    attribute: str | None
    module: str | None  # where it was given by a module's name

    @staticmethod
    def parse(text: str) -> Target:
        place, _, attribute = text.partition(":")
        if place.endswith(".py"):
            path = Path(place).resolve()
            if not path.is_file():
                raise usage(f"there is no file '{place}'", "give the path of your model's file, as in my_model.py:load")
            return Target(path, attribute or None, None)
        return Target(_source_of(place), attribute or None, place)


def _source_of(module: str) -> Path:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise usage(f"there is no module '{module}'", "give a file, as in my_model.py:load, or a module that Python can import")
    return Path(spec.origin).resolve()


def entries(target: Target) -> list[Entry]:
    """The models of the target: the one it names, else those decorated, else `load`."""
    definitions = _definitions(target.path)
    if target.attribute is not None:
        wanted = [target.attribute]
    else:
        wanted = [name for name, node in definitions.items() if _decorator(node)] or ["load"]
    missing = [name for name in wanted if name not in definitions]
    if missing and (target.attribute is None or not _assigns(target.path, missing[0])):
        there = ", ".join(definitions) or "nothing"
        raise usage(f"{target.path.name} has no '{missing[0]}'", f"name a function or class of the file; it has: {there}")
    return [_entry(target.path, name, definitions.get(name)) for name in wanted]


Definition = ast.FunctionDef | ast.ClassDef


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(), str(path))
    except (SyntaxError, UnicodeDecodeError) as error:
        where = f"{path.name}:{getattr(error, 'lineno', '?')}"
        raise WorkerError("usage", f"{where}: {error}", "the file is no Python that can be read; correct it") from error


def _definitions(path: Path) -> dict[str, Definition]:
    return {node.name: node for node in _parsed(path).body if isinstance(node, Definition)}


def _assigns(path: Path, name: str) -> bool:
    """Whether the file makes the name in some other way: by assignment or import."""
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name:
            return True
        if isinstance(node, ast.alias) and (node.asname or node.name) == name:
            return True
    return False


def _decorator(node: Definition) -> ast.Call | None:
    """The call `@batchfit_worker.model(…)` or `@model(…)` on it."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call):
            called = decorator.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)
            if name == "model":
                return decorator
    return None


def _entry(path: Path, attribute: str, node: Definition | None) -> Entry:
    declaration = _declaration(path, node) if node is not None else Declaration()
    return Entry(declaration.name or path.stem.replace("_", "-"), attribute, declaration)


def _declaration(path: Path, node: Definition) -> Declaration:
    said: dict[str, object] = {}
    if call := _decorator(node):
        given = dict(zip(LITERALS[:1], call.args))
        given.update({keyword.arg: keyword.value for keyword in call.keywords if keyword.arg in LITERALS})
        for name, value in given.items():
            try:
                said[name] = ast.literal_eval(value)
            except ValueError as error:
                raise usage(
                    f"{path.name}:{value.lineno}: {name} is not written as a literal",
                    "write the decorator's values as plain strings and lists: they are read before the file is run",
                ) from error
    if not said.get("about"):
        said["about"] = (ast.get_docstring(node) or "").split("\n")[0]
    try:
        return Declaration(**said)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise usage(f"{path.name}:{node.lineno}: {error}", "docs/guide-your-model.md lists what the decorator takes") from error
