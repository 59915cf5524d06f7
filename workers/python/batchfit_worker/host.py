"""The machine's processor and memory, from /proc and the control group."""

from __future__ import annotations

import os
import re
from pathlib import Path

KIBIBYTE = 1024
NO_LIMIT = 1 << 60  # control groups of version 1 write "no limit" as a number near 2^63


def processor_name() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    return found.group(1).strip() if found else os.uname().machine


def total_bytes() -> int:
    """What a process may use: the control group's limit or the machine's memory, whichever is less."""
    machine = _kibibytes("/proc/meminfo", "MemTotal") or 0
    limit = _group_number("memory.max", "memory/memory.limit_in_bytes")
    return machine if limit is None or limit >= NO_LIMIT else min(machine, limit)


def others_bytes() -> int | None:
    """The machine's memory that is neither available nor this process's; None within a control group's limit, where the
    machine's figures do not count."""
    machine, available = _kibibytes("/proc/meminfo", "MemTotal"), _kibibytes("/proc/meminfo", "MemAvailable")
    own = _kibibytes("/proc/self/status", "VmRSS")
    if machine is None or available is None or own is None or total_bytes() < machine:
        return None
    return max(0, machine - available - own)


def peak_resident_bytes() -> int | None:
    """The most this process has had resident since it started (VmHWM)."""
    return _kibibytes("/proc/self/status", "VmHWM")


def _kibibytes(path: str, name: str) -> int | None:
    found = re.search(rf"^{name}:\s*(\d+) kB$", _read(path), re.MULTILINE)
    return int(found.group(1)) * KIBIBYTE if found else None


def _group_number(version_2: str, version_1: str) -> int | None:
    """A figure of this process's control group, as seen from within it."""
    folder = re.search(r"^0::(/.*)$", _read("/proc/self/cgroup"), re.MULTILINE)
    own = [Path("/sys/fs/cgroup") / folder.group(1).lstrip("/") / version_2] if folder else []
    for path in [*own, Path("/sys/fs/cgroup") / version_2, Path("/sys/fs/cgroup") / version_1]:
        if (text := _read(str(path)).strip()).isdigit():
            return int(text)
    return None


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
