"""A worker started as the tuner starts it, spoken to over its pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
PACKAGE = ROOT / "workers" / "python"


class Worker:
    """`with Worker("functions.py:load") as worker:`; what is still running at the end is killed."""

    def __init__(self, target: str, *options: str, folder: Path = FOLDER / "models", python: str = sys.executable) -> None:
        self.scratch = tempfile.TemporaryDirectory()
        self.stuck = Path(self.scratch.name) / "stuck"
        os.mkfifo(self.stuck)
        self.stderr_file = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [python, "-m", "batchfit_worker", target, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr_file,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1", "STUCK": str(self.stuck)},
        )
        self.asked = 0

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: Any) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.stderr_file):
            stream.close()
        self.scratch.cleanup()

    def send(self, op: str, **fields: Any) -> None:
        self.asked += 1
        self.write(json.dumps({"id": self.asked, "op": op} | fields))

    def write(self, line: str) -> None:
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the worker has ended ({self.process.wait()}): {self.stderr()}")
        return json.loads(line)

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        self.send(op, **fields)
        answer = self.read()
        if answer["id"] != self.asked:
            raise AssertionError(f"asked {self.asked}, answered {answer}")
        return answer

    def good(self, op: str, **fields: Any) -> dict[str, Any]:
        answer = self.ask(op, **fields)
        if not answer["ok"]:
            raise AssertionError(f"{answer['error']}\n{self.stderr()}")
        return answer

    def error(self, op: str, **fields: Any) -> dict[str, Any]:
        answer = self.ask(op, **fields)
        if answer["ok"]:
            raise AssertionError(f"no error: {answer}")
        return answer["error"] | {"replace_worker": answer.get("replace_worker", False)}

    def load(self, model: str, device: str = "cpu", **fields: Any) -> dict[str, Any]:
        threads = {"threads": 1} if device == "cpu" else {}
        return self.good("load", device=device, model=model, **threads, **fields)

    def observation(self, batch: int, **fields: Any) -> dict[str, Any]:
        return self.good("probe", batch=batch, **fields)["records"][0]

    def wait_until_stuck(self) -> None:
        """Until a pass of the models of broken.py that get stuck has begun."""
        self.stuck.read_text()

    def stderr(self) -> str:
        self.stderr_file.seek(0)
        return self.stderr_file.read()
