"""The HTML report: its numbers, what hostile names become, and how a browser shows it (where there is Chromium)."""

import html.parser
import json
import re
import shutil
import subprocess
import unittest

from running import DEVICES, Running

CHROMIUM = next((found for found in map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome")) if found), None)
HOSTILE = "</script><img src=x onerror=alert(1)>'\"&<!--"

# Runs in the page after its own scripts: what a person would do, and what came of it, for --dump-dom to show.
VISIT = """<script>
document.querySelectorAll("details").forEach((d) => { d.open = true; });
setTimeout(() => {
  const table = document.querySelector("main table");
  const cells = (at) => [...table.tBodies[0].rows].map((row) => row.cells[at].dataset.v);
  const button = [...table.querySelectorAll("th button")][1];
  button.focus();
  button.click();
  const up = cells(1);
  button.click();
  const result = { up, down: cells(1), sorted: button.parentElement.getAttribute("aria-sort"), focused: document.activeElement === button,
    charts: document.querySelectorAll("canvas[role=img][aria-label]").length, rows: document.querySelectorAll(".batches tbody tr").length,
    images: document.querySelectorAll("img").length, theme: document.documentElement.dataset.theme };
  document.getElementById("theme").click();
  result.other = document.documentElement.dataset.theme;
  const filter = document.getElementById("filter");
  filter.value = "no such model";
  filter.dispatchEvent(new Event("input"));
  result.shown = [...document.querySelectorAll("[data-name]")].filter((part) => !part.hidden).length;
  document.body.dataset.result = JSON.stringify(result);
}, 100);
</script></body>"""


class Page(html.parser.HTMLParser):
    """What of a page is text, which elements there are, and the data of its workloads."""

    def __init__(self, text):
        super().__init__()
        self.text, self.elements, self.data, self.inside = "", [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.inside = tag
        if ("type", "application/json") in attrs:
            self.inside = "data"

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "data":
            self.data.append(json.loads(data))
        elif self.inside not in ("script", "style"):
            self.text += data


class Html(Running):
    def page(self, *arguments, **named):
        """Of a run: the page's text, and its results."""
        done = self.tune("--no-cache", "--export-json", "results.json", *arguments, **named)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.batchfit("report", "results.json", "--export-html", "page.html")
        self.assertEqual(done.returncode, 0, done.stderr)
        return (self.folder / "page.html").read_text(encoding="utf-8"), self.workloads()

    def hostile_page(self):
        def rename(path):
            results = json.loads(path.read_text(encoding="utf-8"))
            for workload in results["workloads"]:
                workload["model"] = HOSTILE
                workload["notes"] = workload["certificate"] = [HOSTILE]
                workload["batches"][0]["reason"] = HOSTILE
                workload["subject"]["device"]["name"] = HOSTILE
            results["command"] = ["batchfit", HOSTILE]
            path.write_text(json.dumps(results), encoding="utf-8")

        self.page()
        rename(self.folder / "results.json")
        self.batchfit("report", "results.json", "--export-html", "page.html", "--plots", "plots")
        return (self.folder / "page.html").read_text(encoding="utf-8")

    def test_every_figure_of_a_batch_is_that_of_the_json(self):
        page, workloads = self.page("--objective", "throughput")
        data = Page(page).data
        self.assertEqual(len(data), len(workloads))
        for one, workload in zip(data, workloads):
            self.assertEqual(one["answer"], workload["answer"]["batch"])
            self.assertEqual(one["latency_limit_s"], workload["answer"]["best"]["latency"]["limit_s"])
            for field in ("batch", "samples", "latency_s", "latency_min_s", "latency_max_s", "eager_latency_s", "own_memory_bytes"):
                self.assertEqual(one[field], [batch.get(field) for batch in workload["batches"]], field)
            self.assertEqual(one["forecasts"], [[f["batch"], f["own_bytes"], f["low_bytes"], f["high_bytes"]] for f in workload["forecasts"]])
        answer = workloads[0]["answer"]
        for field in ("batch", "latency_s", "latency_share", "memory_bytes", "memory_share", "throughput_per_s", "speed_up"):
            self.assertIn(f'data-v="{json.dumps(answer[field])}"'.replace('.0"', '"'), page, field)

    def test_a_page_needs_nothing_else_and_says_what_is_simulated(self):
        page, _ = self.page()
        self.assertNotRegex(re.sub(r"<script>.*?</script>", "", page, flags=re.S), r"(src|href)=[\"']?(https?:)?//")
        for words in ("Content-Security-Policy", "SIMULATED", "Certificate", "How to reproduce", "batchfit tune"):
            self.assertIn(words, page)

    def test_hostile_names_stay_text(self):
        page = Page(self.hostile_page())
        self.assertNotIn("img", page.elements)
        self.assertIn(HOSTILE, page.text)
        self.assertEqual(page.data[0]["reason"][0], HOSTILE)

    @unittest.skipIf(CHROMIUM is None, "there is no Chromium to show the page")
    def test_a_browser_shows_it_without_complaint(self):
        self.hostile_page()
        page = self.folder / "page.html"
        page.write_text(page.read_text(encoding="utf-8").replace("</body>", VISIT), encoding="utf-8")
        shown = subprocess.run([CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
                                "--virtual-time-budget=10000", "--dump-dom", page.as_uri()], capture_output=True, text=True,
                               timeout=120, check=True)
        self.assertNotIn("CONSOLE", shown.stderr)
        result = json.loads(html.unescape(re.search(r'data-result="([^"]*)"', shown.stdout).group(1)))
        self.assertEqual(result["up"], result["down"][::-1])
        self.assertEqual(result["sorted"], "descending")
        self.assertTrue(result["focused"])
        self.assertEqual(result["charts"], 3)
        self.assertEqual(result["rows"], len(self.workloads()[0]["batches"]))
        self.assertEqual(result["images"], 0, "a name became markup")
        self.assertNotEqual(result["theme"], result["other"])
        self.assertEqual(result["shown"], 0)


class Plots(Running):
    @unittest.skipIf(shutil.which("gnuplot") is None, "there is no gnuplot to draw with")
    def test_each_workload_has_its_plots_as_svg_and_png(self):
        done = self.tune("--no-cache", "--plots", "plots")
        self.assertEqual(done.returncode, 0, done.stderr)
        for what in ("memory", "throughput", "latency"):
            svg = (self.folder / f"plots/resnet-like-{what}.svg").read_text(encoding="utf-8")
            for words in ("answer", "batch (items in one call)", "SIMULATED"):
                self.assertIn(words, svg)
            self.assertTrue((self.folder / f"plots/resnet-like-{what}.png").read_bytes().startswith(b"\x89PNG"))

    @unittest.skipIf(shutil.which("gnuplot") is None, "there is no gnuplot to draw with")
    def test_workloads_that_differ_in_one_size_have_a_surface(self):
        sizes = {"size": {"name": "length", "standard": 512}}
        done = self.tune("--no-cache", "--plots", "plots", "--shape", "length=128,512,1024", device=self.device(sizes))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("throughput (items/s)", (self.folder / "plots/resnet-like-batch-length.svg").read_text(encoding="utf-8"))

    def test_without_gnuplot_the_remedy_is_named_before_anything_is_measured(self):
        refused = self.batchfit("tune", "resnet-like", "--device", f"sim:{DEVICES / 'resnet-like.json'}", "--plots", "plots",
                                env={"PATH": str(self.folder)})
        self.assertEqual(refused.returncode, 2)
        self.assertIn("gnuplot-nox", refused.stderr)


if __name__ == "__main__":
    unittest.main()
