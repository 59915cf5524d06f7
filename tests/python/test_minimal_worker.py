"""docs/minimal_worker.py, the worker that the guide shows, over its pipes."""

from __future__ import annotations

import json
import subprocess
import sys
import unittest

from pipe import ROOT


class MinimalWorker(unittest.TestCase):
    def setUp(self) -> None:
        program = [sys.executable, ROOT / "docs" / "minimal_worker.py"]
        self.worker = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(self.ask("hello", protocol=1, heartbeat_timeout_s=30)["protocol"], 1)

    def tearDown(self) -> None:
        self.worker.kill()
        self.worker.wait()
        self.worker.stdin.close()
        self.worker.stdout.close()

    def ask(self, op: str, **fields: object) -> dict:
        self.worker.stdin.write(json.dumps({"id": 1, "op": op} | fields) + "\n")
        self.worker.stdin.flush()
        return json.loads(self.worker.stdout.readline())

    def test_it_measures_and_compares(self) -> None:
        self.assertEqual(self.ask("load", model="sum", device="cpu")["subject"]["workload"]["model"], "sum")
        [observation] = self.ask("probe", batch=3, min_samples=4, max_samples=9, seconds=0)["records"]
        self.assertEqual((observation["outcome"], len(observation["samples_s"])), ("measured", 4))
        [comparison] = self.ask("compare", reference=1, candidate=3, pairs=5, seed=0)["records"]
        self.assertEqual(len(comparison["pairs_s"]), 5)
        self.assertTrue(self.ask("quit")["ok"])
        self.assertEqual(self.worker.wait(10), 0)

    def test_it_tells_what_it_lacks(self) -> None:
        self.assertEqual(self.ask("dance")["error"]["kind"], "unsupported")
        self.assertEqual(self.ask("load", model="resnet50", device="cpu")["error"]["kind"], "usage")

    def test_it_ends_when_stdin_closes(self) -> None:
        self.worker.stdin.close()
        self.assertEqual(self.worker.wait(10), 0)

    def test_it_ends_when_the_heartbeats_stop(self) -> None:
        with subprocess.Popen(self.worker.args, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as worker:
            worker.stdin.write('{"id":1,"op":"hello","protocol":1,"heartbeat_timeout_s":0.2}\n')
            worker.stdin.flush()
            self.assertEqual(worker.wait(10), 0)


if __name__ == "__main__":
    unittest.main()
