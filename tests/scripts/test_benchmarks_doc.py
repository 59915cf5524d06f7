"""Tests of scripts/make_benchmarks_doc.py, and that docs/benchmarks.md is what it makes of the raw results present."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import make_benchmarks_doc as doc  # noqa: E402

GOOD = {
    "title": "ResNet50",
    "what": "Latency by batch.",
    "command": "benchmarks/latency.py",
    "commit": "0123abc",
    "device": "NVIDIA H200",
    "versions": {"torch": "2.11.0", "driver": "580"},
    "time": "2026-11-20T14:05:00Z",
    "columns": [
        {"key": "batch", "title": "batch", "format": "count"},
        {"key": "latency_s", "title": "latency", "format": "seconds"},
    ],
    "rows": [{"batch": 1, "latency_s": 0.001882}, {"batch": 1024}],
}


class Page(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.raw = pathlib.Path(folder.name) / "raw"
        self.raw.mkdir()
        self.page = pathlib.Path(folder.name) / "benchmarks.md"

    def save(self, name="a.json", **changes):
        data = {**GOOD, **changes}
        (self.raw / name).write_text(json.dumps({k: v for k, v in data.items() if v is not None}))

    def run_script(self, *arguments):
        self.errors = io.StringIO()
        with contextlib.redirect_stderr(self.errors):
            return doc.main(["--raw", str(self.raw), "--page", str(self.page), *arguments])

    def test_names_command_commit_device_versions_and_time(self):
        self.save()
        page = doc.make_page(self.raw)
        facts = ("`benchmarks/latency.py`", "`0123abc`", "NVIDIA H200", "driver 580, torch 2.11.0", GOOD["time"])
        for text in ("## ResNet50", *facts):
            self.assertIn(text, page)
        self.assertIn("| 1 | 1.88 ms |", page)

    def test_what_is_unknown_is_a_dash(self):
        self.save()
        self.assertIn("| 1,024 | – |", doc.make_page(self.raw))

    def test_sections_stand_in_the_order_of_the_names(self):
        self.save("b.json", title="Second")
        self.save("a.json", title="First")
        page = doc.make_page(self.raw)
        self.assertLess(page.index("First"), page.index("Second"))
        self.assertEqual(page, doc.make_page(self.raw))

    def test_check_tells_whether_the_page_is_up_to_date(self):
        self.save()
        self.assertEqual(self.run_script("--check"), 1, "there is no page yet")
        self.assertEqual(self.run_script(), 0)
        self.assertEqual(self.run_script("--check"), 0)
        self.save(title="Changed")
        before = self.page.read_text()
        self.assertEqual(self.run_script("--check"), 1)
        self.assertEqual(self.page.read_text(), before, "a check writes nothing")

    def test_a_damaged_file_is_named_with_its_field(self):
        for changes, word in (
            ({"commit": None}, "'commit'"),
            ({"time": "yesterday"}, "'time'"),
            ({"time": "2026-11-20T14:05:00"}, "'time'"),
            ({"columns": [{"key": "batch", "title": "batch", "format": "furlongs"}]}, "furlongs"),
            ({"rows": [{"batch": "many"}]}, "row 1"),
            ({"rows": [{"batch": float("nan")}]}, "row 1"),
            ({"versions": {"torch": 2}}, "'versions'"),
        ):
            with self.subTest(word=word):
                self.save(**changes)
                self.assertEqual(self.run_script(), 2)
                self.assertIn("a.json", self.errors.getvalue())
                self.assertIn(word, self.errors.getvalue())

    def test_what_is_no_json_is_named(self):
        (self.raw / "a.json").write_text("{")
        self.assertEqual(self.run_script("--check"), 2)
        self.assertIn("a.json", self.errors.getvalue())

    def test_text_holds_no_markup(self):
        self.save(title="a|b <script>", command="echo `date`")
        page = doc.make_page(self.raw)
        self.assertIn("## a\\|b &lt;script&gt;", page)
        self.assertIn("`` echo `date` ``", page)


class Formats(unittest.TestCase):
    def test_people_see_three_digits_and_units(self):
        for form, value, text in (
            ("seconds", 0.0010049, "1.00 ms"),
            ("seconds", 0.0362, "36.2 ms"),
            ("seconds", 12.44, "12.4 s"),
            ("seconds", 0.00002, "20.0 us"),
            ("seconds", 0, "0 us"),
            ("bytes", 35 * 2**29, "17.5 GiB"),
            ("bytes", 700 * 2**20, "700 MiB"),
            ("bytes", 0, "0 B"),
            ("percent", 0.034, "3.40 %"),
            ("percent", -0.29, "-29.0 %"),
            ("count", 1234567, "1,234,567"),
            ("ratio", 9.996, "10.0x"),
            ("number", 0.0001234, "0.000123"),
        ):
            with self.subTest(form=form, value=value):
                self.assertEqual(doc.FORMATS[form](value), text)


class Committed(unittest.TestCase):
    def test_the_page_is_what_the_raw_results_give(self):
        self.assertEqual(doc.main(["--check"]), 0)


if __name__ == "__main__":
    unittest.main()
