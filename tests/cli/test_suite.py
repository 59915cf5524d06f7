"""scripts/suite on a simulated device: one process, every report, and what it says of two runs."""

import copy
import json
import pathlib
import shutil
import subprocess
import sys
import unittest

from running import DEVICES, PATIENCE_S, ROOT, Running

sys.path.insert(0, str(ROOT / "scripts"))
import suite_runs  # noqa: E402
from day12_figures import read_figures  # noqa: E402


class Suite(Running):
    def suite(self, *arguments, models="resnet-like", device=DEVICES / "resnet-like.json"):
        return subprocess.run([sys.executable, "-B", ROOT / "scripts/suite", "--out", "out", "--models", models, "--device", f"sim:{device}",
                               *arguments], cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    def written(self, name):
        return json.loads((self.folder / "out" / name).read_text(encoding="utf-8"))

    def test_one_process_tunes_all_and_every_report_is_made(self):
        done = self.suite("--no-cache", models="resnet-like,resnet-like:forward")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([w["status"] for w in self.written("suite.json")["workloads"]], ["found", "found"])
        made = {path.name for path in (self.folder / "out").iterdir()}
        self.assertLessEqual({"suite.json", "suite.csv", "suite.md", "suite.html"}, made)
        if shutil.which("gnuplot"):
            self.assertIn("plots", made)
        for words in ("SIMULATED", "batch 12 does not pass", "whole process"):
            self.assertIn(words, done.stdout)

    def test_further_options_are_those_of_tune(self):
        done = self.suite("--cache", "mine.json", "--max-batch", "4")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.folder / "mine.json").exists())
        self.assertEqual(self.written("suite.json")["workloads"][0]["answer"]["max_batch"], 4)

    def test_two_cold_runs_give_the_same_answer(self):
        done = self.suite("--twice")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(self.written("suite-again.json")["workloads"][0]["from_cache"])
        self.assertIn("resnet-like fp16: 11 and 11, identical", done.stdout)
        self.assertIn("answers of the two runs: the same", done.stdout)

    def test_its_benchmark_writes_what_the_page_of_day_12_reads(self):
        command = [sys.executable, "-B", ROOT / "benchmarks/suite.py", "raw", "--device", f"sim:{DEVICES / 'resnet-like.json'}", "--models", "resnet-like"]
        for arguments in (command, [*command[:4], "--reports-of", "raw/suite/first.json"]):
            subprocess.run(arguments, cwd=self.folder, check=True, timeout=PATIENCE_S, capture_output=True)
        raw = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (self.folder / "raw").glob("*.json")}
        figures = {figure.key: figure for figure in read_figures(raw)}
        self.assertEqual(figures["suite_again"].value, "resnet-like fp16 11, 11")
        self.assertTrue(figures["suite_again"].met)
        self.assertIsNotNone(figures["suite_seconds"].value)
        if shutil.which("gnuplot"):
            self.assertIsNotNone(figures["suite_reports"].value)

    @unittest.skipIf(pathlib.Path("/dev/nvidia0").exists() or pathlib.Path("/proc/driver/nvidia").exists(), "there is a GPU")
    def test_without_a_gpu_it_starts_nothing_unless_a_device_is_named(self):
        done = subprocess.run([sys.executable, "-B", ROOT / "scripts/suite", "--out", "out"], cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode, 5)
        self.assertIn("name --device and --models", done.stderr)
        self.assertFalse((self.folder / "out").exists())

    def test_what_fails_keeps_the_exit_code_of_tune(self):
        self.assertEqual(self.suite("--latency-limit", "never").returncode, 2)
        self.assertEqual(self.suite("--memory-limit", "1MiB", "--no-cache").returncode, 3)


class Agreement(Running):
    def setUp(self):
        super().setUp()
        self.first, _ = self.results("--no-cache")  # 11; 12 is 0.1 % over

    def answered(self, batch):
        other = copy.deepcopy(self.first)
        other["answer"]["batch"] = batch
        return other

    def test_the_same_batch_is_identical(self):
        self.assertEqual(suite_runs.agreement(self.first, self.answered(11)), ("identical", None))

    def test_neighbours_agree_only_where_one_is_close_to_the_limit(self):
        verdict, margin = suite_runs.agreement(self.first, self.answered(12))
        self.assertEqual(verdict, "close neighbours")
        self.assertLess(margin, 0.003)
        self.first["answer"]["next"]["latency"]["margin"] = -0.01
        self.assertEqual(suite_runs.agreement(self.first, self.answered(12))[0], "different")

    def test_batches_further_apart_and_lost_answers_differ(self):
        self.assertEqual(suite_runs.agreement(self.first, self.answered(13))[0], "different")
        lost = {name: value for name, value in self.first.items() if name != "answer"}
        self.assertEqual(suite_runs.agreement(self.first, lost), ("different", None))

    def test_every_second_of_probes_is_accounted_for(self):
        for record in self.first["records"]:
            record["started_at"] = 100.5
        (row,) = suite_runs.spent({"started_at": 100.0, "workloads": [self.first]})
        self.assertEqual(row["load_s"], 0.5)
        self.assertEqual(row["probes"] + row["comparisons"], len(self.first["records"]))
        taken = sum(record["took_s"] for record in self.first["records"])
        self.assertAlmostEqual(row["probes_s"] + row["comparisons_s"], taken)

    def test_probes_that_a_cache_knew_took_nothing_now(self):
        (row,) = suite_runs.spent({"started_at": 100.0, "workloads": [{**self.first, "from_cache": True}]})
        self.assertEqual((row["probes"], row["probes_s"], row["batch"]), (0, 0, 11))
        self.first["records"][0]["started_at"] = 99.0
        (row,) = suite_runs.spent({"started_at": 100.0, "workloads": [self.first]})
        self.assertEqual(row["probes"] + row["comparisons"], len(self.first["records"]) - 1)


if __name__ == "__main__":
    unittest.main()
