"""What the measurements are facts about: device, runtime and workload as docs/cache.md has them."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DIGEST_BYTES = 8
SAMPLED_BYTES = 64 << 20  # of a weights file's beginning and of its end: reading 100 GB would take longer than the search
INDIRECT = ("bitsandbytes", "flash_attn", "xformers")  # change a model's speed, and are seldom imported by its own file


def torch_version() -> str | None:
    """With its suffix ("2.11.0+cu130"), without importing torch; None where it is not installed."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.origin:
        return None
    try:
        text = Path(spec.origin).with_name("version.py").read_text()
        found = re.search(r"^__version__ = '([^']+)'", text, re.MULTILINE)
    except OSError:
        found = None
    return found.group(1) if found else importlib.metadata.version("torch")


def runtime(version: str, worker: str, details: dict[str, str]) -> dict[str, Any]:
    known = {"worker": worker, "python": platform.python_version()} | details
    for name in ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF"):
        if os.environ.get(name):
            known[name] = os.environ[name]
    return {"name": "torch", "version": version, "details": known}


def local_sources(folder: Path) -> list[Path]:
    """The files of the imported modules that lie under the folder: the user's own code. Python and what is installed may lie
    there too (a folder with an environment in it)."""
    files = {Path(file).resolve() for module in list(sys.modules.values()) if _may_be_own(file := getattr(module, "__file__", None))}
    not_own = {Path(sysconfig.get_path("stdlib")).resolve(), Path(__file__).resolve().parent}
    return sorted(
        file
        for file in files
        if folder in file.parents
        and file.suffix == ".py"
        and file.is_file()  # torch has modules that only claim one
        and "site-packages" not in file.parts
        and not not_own & set(file.parents)
    )


def _may_be_own(file: str | None) -> bool:
    """Leaves out the thousands of modules of torch before their paths are looked up on the disk."""
    return bool(file) and file.endswith(".py") and "site-packages" not in file


def code_digest(sources: list[Path], folder: Path) -> str:
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for source in sources:
        content = source.read_bytes()
        digest.update(f"{source.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def packages(sources: list[Path]) -> str:
    """The versions of what the sources import, "torchvision 0.26.0, …"; torch and the standard library have places of their own."""
    imported: set[str] = set()
    for source in sources:
        for node in ast.walk(ast.parse(source.read_bytes())):
            if isinstance(node, ast.Import):
                imported.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    imported |= {name for name in INDIRECT if name in sys.modules}
    imported -= sys.stdlib_module_names | {source.stem for source in sources} | {"torch", "batchfit_worker"}
    installed = {name: version for module in imported for name, version in _distributions(module)}
    return ", ".join(f"{name} {installed[name]}" for name in sorted(installed))


def _distributions(module: str) -> list[tuple[str, str]]:
    """Names and versions of what has the module. Most packages are called as their module; the list of all that is installed
    takes 0.4 s to read."""
    try:
        return [(module, importlib.metadata.version(module))]
    except importlib.metadata.PackageNotFoundError:
        names = _all_distributions().get(module, ())
        return [(name, importlib.metadata.version(name)) for name in names]


@functools.cache
def _all_distributions() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def weights_digest(path: Path) -> str:
    """Of the sizes and the first and last 64 MiB of the file, or of each file of the folder. OSError where it cannot be read."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
        size = file.stat().st_size
        digest.update(f"{file.name}\0{size}\0".encode())
        with file.open("rb") as content:
            digest.update(content.read(SAMPLED_BYTES))
            if size > SAMPLED_BYTES:
                content.seek(max(SAMPLED_BYTES, size - SAMPLED_BYTES))
                digest.update(content.read(SAMPLED_BYTES))
    return digest.hexdigest()


def structure_digest(model: Any) -> str | None:
    """Of the names, shapes and dtypes of a module's parameters and buffers; None for what is no module."""
    if not hasattr(model, "named_parameters"):
        return None
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        digest.update(f"{name}\0{tuple(tensor.shape)}\0{tensor.dtype}\0".encode())
    return digest.hexdigest()
