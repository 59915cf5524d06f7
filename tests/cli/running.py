"""Runs batchfit on simulated devices for the tests beside this file."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ["BATCHFIT_BIN"])
DEVICES = ROOT / "workers/sim/devices"
PATIENCE_S = 120


class Running(unittest.TestCase):
    """Each test has a folder of its own as the working directory."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.cache = self.folder / "reports/batch_optimizer_cache.json"

    def batchfit(self, *arguments, env=None):
        done = subprocess.run([BIN / "batchfit", *map(str, arguments)], cwd=self.folder, capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False, env={**os.environ, **(env or {})})
        self.assertNotIn("Sanitizer", done.stderr)
        return done

    def tune(self, *arguments, device=DEVICES / "resnet-like.json"):
        return self.batchfit("tune", "resnet-like", "--dtype", "fp16", "--device", f"sim:{device}", *arguments)

    def device(self, changes, of="resnet-like"):
        """A shipped device file with some fields changed."""
        described = json.loads((DEVICES / f"{of}.json").read_text(encoding="utf-8"))
        path = self.folder / "device.json"
        path.write_text(json.dumps({**described, **changes}), encoding="utf-8")
        return path

    def results(self, *arguments, code=0, **named):
        """Runs `tune` with a JSON export and returns its first workload and the finished process."""
        done = self.tune("--export-json", "results.json", *arguments, **named)
        self.assertEqual(done.returncode, code, done.stderr)
        return self.workloads()[0], done

    def workloads(self):
        """Of the last JSON export."""
        return json.loads((self.folder / "results.json").read_text(encoding="utf-8"))["workloads"]
