"""Tests of scripts/make_day12_report.py: results that are there, that are missed, that come later, and that are damaged; and that what is committed is up to date."""

import contextlib
import io
import json
import pathlib
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import make_day12_report as day12  # noqa: E402
from day12_figures import FIGURES, read_figures  # noqa: E402

HEAD = {"title": "T", "what": "W", "command": "benchmarks/t.py", "commit": "0123abc", "device": "NVIDIA H200", "versions": {}, "time": "2026-11-20T14:05:00Z",
        "columns": [{"key": "a", "title": "a"}]}
SUITE = [
    {"workload": "resnet50 fp32", "answers": "8, 8", "agree": "identical", "seconds": [2.0, 2.1], "load_s": 0.9, "probes": 7},
    {"workload": "whole process", "agree": "yes", "seconds": [12.5, 13.25], "met": True, "answers_met": True},
]
# Of each file that comes later one row a line, as its benchmark writes it.
LATER = {
    "llama-tune": [{"mode": "prefill", "seconds": 6.5, "met": True, "batch": 2}, {"mode": "prefill", "seconds": 9.5, "met": False, "batch": 2},
                   {"mode": "decode", "seconds": 7.5, "met": True, "batch": 4}],
    "llama-answers": [{"mode": "decode", "answer": 4, "sweep": 4, "equal": True}],
    "llama-limits": [{"limit": "8GiB", "batch": 20, "ooms": 0}],
    "llama-load": [{"bytes": 2**32, "read": 1.5, "share": 0.75}],
    "llama-peer": [{"mode": "decode", "batch": 1, "latency": 0.065, "memory": 2**32, "batchfit_memory": 2**32 + 2**26}, {"mode": "decode", "batch": 8, "why": "out of memory"}],
    "video-peer": [{"work": work, "frames_per_s": 210.0, "batchfit_frames_per_s": 630.0} for work in ("json", "json+video")],
    "video-limits": [{"stage": "decode, to nothing", "frames_per_s": 900.0}],
    "video-memory": [{"memory": "worker_bytes", "growth": 0.001}],
    "suite-reports": [{"what": "everything but PNG", "median_s": 0.024, "met": True}],
}


class Report(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "reports/benchmarks").mkdir(parents=True)
        shutil.copy(ROOT / "reports/day12.json", self.root / "reports/day12.json")
        self.plan = self.root / day12.PLAN
        self.plan.write_text(f"before\n{day12.BEGIN}\nstale words\n{day12.END}\nafter\n", encoding="utf-8")

    def save(self, name, rows, **changes):
        (self.root / f"reports/benchmarks/{name}.json").write_text(json.dumps({**HEAD, "rows": rows, **changes}), encoding="utf-8")

    def make(self, *arguments):
        self.errors = io.StringIO()
        with contextlib.redirect_stderr(self.errors):
            return day12.main(["--root", str(self.root), *arguments])

    def lines(self, words):
        return [line for line in (self.root / day12.REPORT).read_text(encoding="utf-8").splitlines() if words in line]

    def figures(self):
        return {figure.key: figure for figure in read_figures(day12.read_raw(self.root / "reports/benchmarks"))}

    def test_without_any_result_every_figure_is_not_measured(self):
        self.assertEqual(self.make(), 0, self.errors.getvalue())
        self.assertTrue(all(figure.value is None and figure.met is None for figure in self.figures().values()))
        self.assertEqual(len(self.lines("| not measured |")), len(FIGURES))
        self.assertIn("79 s, 109 s (1)", self.lines("whole process")[0])

    def test_a_result_that_is_there_has_its_figure_its_command_and_its_commit(self):
        self.save("suite", SUITE)
        self.assertEqual(self.make(), 0)
        (line,) = self.lines("| the suite cold, whole process")
        self.assertIn("| 12.50 s, 13.25 s | at most 20 s | met | [suite](benchmarks/suite.json) |", line)
        self.assertTrue(self.lines("| `benchmarks/t.py` | NVIDIA H200 | `0123abc` |"))
        self.assertIn("12.50 s, 13.25 s", self.plan.read_text(encoding="utf-8"))

    def test_what_was_missed_says_so_with_its_notes(self):
        self.save("suite", [SUITE[0], {**SUITE[1], "met": False}], notes=["The device was warm."])
        self.assertEqual(self.make(), 0)
        self.assertIn("**missed**", self.lines("| the suite cold, whole process")[0])
        self.assertIn("The device was warm.", self.lines("Missed: 12.50 s")[0])
        self.assertIn("**missed**; wanted: at most 20 s", self.plan.read_text(encoding="utf-8"))

    def test_results_that_come_later_are_read_as_their_benchmarks_write_them(self):
        for name, rows in LATER.items():
            self.save(name, rows)
        figures = self.figures()
        self.assertEqual({figure.file for figure in figures.values() if figure.value is not None}, set(LATER))
        self.assertEqual(figures["llama_cold_prefill"].value, "6.50 s, 9.50 s; answers 2, 2")
        self.assertEqual([figures[key].met for key in ("llama_cold_prefill", "llama_cold_decode", "llama_answers", "suite_reports")], [False, True, True, True])
        self.assertIn("decode batch 8: failed", figures["llama_peer"].value)
        self.assertEqual((figures["llama_peer_memory"].value, figures["llama_peer_memory"].met), ("decode batch 1 101.6 %", False))
        self.assertEqual((figures["video_peer_json"].value, figures["video_peer_json"].met), ("3.00 × its 210 frames/s", True))

    def test_a_case_that_a_run_left_out_is_not_measured(self):
        self.save("gpu-repeats", [{"case": "resnet50-fp32", "runs": 20, "answers": "8 (20×)"}])
        figures = self.figures()
        self.assertTrue(figures["resnet50_again"].met)
        self.assertIsNone(figures["yolo_again"].value)

    def test_answers_that_differ_are_missed(self):
        self.save("gpu-repeats", [{"case": "resnet50-fp32", "runs": 2, "answers": "8 (1×), 9 (1×)"}])
        self.assertFalse(self.figures()["resnet50_again"].met)

    def test_other_results_are_listed(self):
        self.save("something-else", [], title="Something else")
        self.make()
        self.assertIn("[something-else](benchmarks/something-else.json) (Something else)", self.lines("Other raw results")[0])

    def test_a_damaged_result_is_named(self):
        self.save("suite", [{"workload": "whole process"}])
        self.assertEqual(self.make(), 2)
        self.assertIn("suite.json", self.errors.getvalue())

    def test_check_tells_what_is_out_of_date_and_writes_nothing(self):
        self.assertEqual(self.make("--check"), 1)
        self.assertFalse((self.root / day12.REPORT).exists())
        self.assertEqual(self.make(), 0)
        self.assertEqual(self.make("--check"), 0)
        self.plan.write_text(self.plan.read_text(encoding="utf-8").replace("not measured", "splendid"), encoding="utf-8")
        self.assertEqual(self.make("--check"), 1)
        self.assertIn(day12.PLAN, self.errors.getvalue())

    def test_the_plan_keeps_what_stands_around_the_markers(self):
        self.make()
        plan = self.plan.read_text(encoding="utf-8")
        self.assertTrue(plan.startswith("before\n") and plan.endswith("\nafter\n"))
        self.assertNotIn("stale words", plan)
        self.plan.write_text("no markers", encoding="utf-8")
        self.assertEqual(self.make(), 2)

    def test_words_about_a_figure_that_is_not_there_are_refused(self):
        words = json.loads((ROOT / "reports/day12.json").read_text(encoding="utf-8"))
        words["criteria"][0]["figures"] = ["furlongs"]
        (self.root / "reports/day12.json").write_text(json.dumps(words), encoding="utf-8")
        self.assertEqual(self.make(), 2)
        self.assertIn("furlongs", self.errors.getvalue())


class Committed(unittest.TestCase):
    def test_the_report_and_the_plan_are_what_the_raw_results_give(self):
        self.assertEqual(day12.main(["--check"]), 0)


if __name__ == "__main__":
    unittest.main()
