"""What the benchmark scripts share: timing whole processes, a client of the worker protocol, raw result files."""

import json
import os
import pathlib
import platform
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("BATCHFIT_BIN", ROOT / "build/release/bin"))


def timed(command, repeats, before=None, **options):
    """Wall seconds of whole processes, one after the other; `before` runs untimed ahead of each."""
    seconds = []
    for _ in range(repeats):
        if before:
            before()
        start = time.perf_counter()
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        seconds.append(time.perf_counter() - start)
    return seconds


def spread(seconds):
    """min, median and max in milliseconds."""
    return {
        "min_ms": round(min(seconds) * 1e3, 2),
        "median_ms": round(statistics.median(seconds) * 1e3, 2),
        "max_ms": round(max(seconds) * 1e3, 2),
        "runs": len(seconds),
    }


def tune(arguments, export):
    """One `batchfit tune`; returns its exit code, wall seconds and results (docs/results.md)."""
    command = [str(BIN / "batchfit"), "tune", *arguments, "--export-json", str(export)]
    start = time.perf_counter()
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        print(f"exit {done.returncode}: {' '.join(command)}\n{done.stderr[-2000:]}")
    results = json.loads(pathlib.Path(export).read_text(encoding="utf-8")) if pathlib.Path(export).exists() else {}
    return done.returncode, seconds, results


class Worker:
    """One worker process, asked line by line (docs/protocol.md)."""

    def __init__(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.number = 0

    def ask(self, op, **fields):
        self.number += 1
        self.process.stdin.write(json.dumps({"id": self.number, "op": op, **fields}) + "\n")
        self.process.stdin.flush()
        reply = json.loads(self.process.stdout.readline())
        if not reply.get("ok"):
            raise RuntimeError(f"{op}: {reply.get('error')}")
        return reply

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def own_memory(observation):
    """context + reserved on a device, peak resident memory on a CPU (docs/cache.md)."""
    if "resident_peak_bytes" in observation:
        return observation["resident_peak_bytes"]
    return observation["context_bytes"] + observation["reserved_peak_bytes"]


def commit():
    """The commit that was measured: of this checkout, or as the caller knows it where there is none."""
    if "BATCHFIT_COMMIT" in os.environ:
        return os.environ["BATCHFIT_COMMIT"]
    return subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()


def device_name():
    if pathlib.Path("/dev/nvidia0").exists():
        shown = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"],
            capture_output=True, text=True, check=False,
        )
        if shown.returncode == 0:
            return ", driver ".join(shown.stdout.strip().splitlines()[0].split(", "))
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores"


def saved_rows(folder, name):
    """The rows of a raw file that the folder holds; none where it holds no such file."""
    path = pathlib.Path(folder) / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []


def write_result(folder, name, *, title, what, command, columns, rows, versions=None, notes=()):
    """One raw file of reports/benchmarks (its README describes the fields)."""
    result = {
        "title": title,
        "what": what,
        "command": command,
        "commit": commit(),
        "device": device_name(),
        "versions": versions or {},
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "columns": [dict(zip(("key", "title", "format"), column)) for column in columns],
        "rows": rows,
        "notes": list(notes),
    }
    path = pathlib.Path(folder) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {path}")
