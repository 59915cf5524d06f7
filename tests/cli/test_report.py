"""Reports from result files: comparisons, regressions, damaged files, and a schema that all of it keeps to."""

import csv
import io
import json
import unittest

from running import DEVICES, ROOT, Running

try:
    import jsonschema
except ImportError:
    jsonschema = None

GOLDEN = ROOT / "tests/golden/expected"
SCHEMA = json.loads((ROOT / "docs/results.schema.json").read_text(encoding="utf-8"))


class Reports(Running):
    def report(self, *arguments, code=0):
        done = self.batchfit("report", *arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def tuned(self, name, *arguments, **named):
        self.results("--no-cache", *arguments, **named)
        path = self.folder / name
        (self.folder / "results.json").rename(path)
        return path

    def changed(self, path, name, change):
        """A copy of a result file with one thing changed."""
        results = json.loads(path.read_text(encoding="utf-8"))
        change(results)
        copy = self.folder / name
        copy.write_text(json.dumps(results), encoding="utf-8")
        return copy

    def test_a_report_of_a_file_says_what_the_run_said(self):
        whole = self.tune("--no-cache", "--export-json", "results.json", "--export-csv", "tuned.csv", "--export-markdown",
                          "tuned.md", "-q")
        done = self.report("results.json", "--export-csv", "again.csv", "--export-markdown", "again.md")
        self.assertTrue(done.stdout.startswith(whole.stdout))
        for kind in ("csv", "md"):
            self.assertEqual((self.folder / f"again.{kind}").read_text(), (self.folder / f"tuned.{kind}").read_text())

    def test_a_report_of_a_search_that_rehearsed_says_what_the_run_said(self):
        known = json.loads((DEVICES / "resnet-like.json").read_text(encoding="utf-8"))["capabilities"]
        device = self.device({"capabilities": [*known, "rehearsal"]})
        whole = self.tune("--no-cache", "--latency-limit", "none", "--export-json", "results.json", "-q", device=device)
        self.assertIn("rehearsed", {batch.get("outcome") for batch in self.workloads()[0]["batches"]})
        self.assertTrue(self.report("results.json").stdout.startswith(whole.stdout))

    def test_several_devices_stand_side_by_side_and_a_simulated_one_says_so(self):
        fast = self.tuned("fast.json")
        slow = self.tuned("slow.json", device=self.device({"name": "Slow one", "total_memory_bytes": 4 << 30}))
        done = self.report(fast, slow, "--price", "2")
        for words in ("SIMULATED Slow one", "SIMULATED Simulated accelerator", "items/s"):
            self.assertIn(words, done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 100)
        rows = self.report(fast, slow, "--export-csv", "-").stdout
        devices = {row["device"] for row in csv.DictReader(io.StringIO(rows))}
        self.assertEqual(len(devices), 2)

    def test_caches_of_several_machines_are_answered_from_what_they_hold(self):
        self.results("--cache", "one/cache.json")
        self.results("--cache", "two/cache.json", device=self.device({"name": "Another"}))
        before = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        done = self.report("one/cache.json", "two/cache.json", "--latency-limit", "1.5x", "--export-json", "both.json")
        for words in ("SIMULATED Another", "SIMULATED Simulated accelerator"):
            self.assertIn(words, done.stdout)
        both = json.loads((self.folder / "both.json").read_text(encoding="utf-8"))
        self.assertEqual(both["runs"][0]["results"]["limits"]["latency_ratio"], 1.5)
        self.assertTrue(all(path.read_bytes() == text for path, text in before.items()), "a report writes into no cache")
        (self.folder / "lost.json").write_text((self.folder / "one/cache.json").read_text())
        self.assertIn("no journals beside it", self.report("lost.json", code=2).stderr)

    def test_a_regression_beyond_the_noise_fails_the_check_and_noise_does_not(self):
        now = self.tuned("now.json")

        def faster(by):
            def change(results):
                for batch in results["workloads"][0]["batches"]:
                    batch["latency_s"] /= by
                results["workloads"][0]["answer"]["throughput_per_s"] *= by
            return change

        same = self.report(now, "--against", self.changed(now, "same.json", faster(1.004)), "--fail-on-regression")
        self.assertIn("within the noise", same.stdout)
        worse = self.report(now, "--against", self.changed(now, "old.json", faster(1.2)), "--fail-on-regression", code=6)
        self.assertIn("WORSE", worse.stdout)
        self.report(now, "--against", self.changed(now, "slow.json", faster(0.8)), "--fail-on-regression")
        self.report(now, "--against", self.folder / "old.json")  # told, but no failure

    def test_what_cannot_be_compared_is_refused(self):
        now = self.tuned("now.json")
        other = self.tuned("other.json", device=self.device({"name": "Another"}))
        refused = self.report(now, "--against", other, "--fail-on-regression", code=2)
        self.assertIn("no workload of", refused.stderr)
        self.assertIn("--against", self.report(now, "--fail-on-regression", code=2).stderr)
        self.assertIn("one result file", self.report(now, now, "--against", other, code=2).stderr)

    def test_a_damaged_file_or_one_of_another_version_gives_a_clear_error(self):
        path = self.tuned("results.json")
        text = path.read_text(encoding="utf-8")
        (self.folder / "cut.json").write_text(text[: len(text) // 2], encoding="utf-8")
        self.changed(path, "newer.json", lambda results: results.update(version=2))
        (self.folder / "other.json").write_text('{"format": "batchfit-forecasts", "version": 1}', encoding="utf-8")
        (self.folder / "binary.json").write_bytes(bytes(range(256)))
        for name, words in (("cut.json", "is damaged"), ("newer.json", "is of version 2"), ("other.json", "no result file"),
                            ("binary.json", "is damaged")):
            refused = self.report(name, code=1)
            self.assertIn(f"{name} ", refused.stderr)
            self.assertIn(words, refused.stderr)
        self.assertIn("nowhere.json", self.report("nowhere.json", code=2).stderr)

    @unittest.skipIf(jsonschema is None, "the Python package jsonschema is not installed")
    def test_every_json_keeps_to_the_published_schema(self):
        checker = jsonschema.Draft202012Validator(SCHEMA)
        now = self.tuned("now.json", "--objective", "balanced", "--confirm", "1s", "--price", "1")
        self.report(now, now, "--export-json", "two.json")
        self.report(now, "--against", now, "--export-json", "against.json")
        self.report(now, "--export-json", "one.json")
        for path in (now, *(self.folder / name for name in ("two.json", "against.json", "one.json")), *GOLDEN.glob("*.json")):
            checker.validate(json.loads(path.read_text(encoding="utf-8")))
        broken = json.loads(now.read_text(encoding="utf-8"))
        broken["workloads"][0]["batches"][0]["latency_s"] = "1 ms"
        self.assertFalse(checker.is_valid(broken))


if __name__ == "__main__":
    unittest.main()
