#!/usr/bin/env python3
"""What reports cost: of one result file, and of 1,000 workloads with 200 batches each.

    python3 benchmarks/reports.py OUTDIR

needs batchfit and batchfit-worker-sim in $BATCHFIT_BIN (default build/release/bin), GNU time, gnuplot for the plots, and Chromium to open the page (either is
left out where it is not installed). Writes OUTDIR/reports.json.
"""

import copy
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import common

DEVICE = common.ROOT / "workers/sim/devices/resnet-like.json"
WORKLOADS, BATCHES, REPEATS, PAGE_REPEATS = 1000, 200, 7, 5
WANTED_S, WANTED_BYTES = 1.0, 200_000_000  # of a report over 1,000 workloads
ONE_FILE_WANTED_S, PAGE_WANTED_S = 0.1, 2.0


def cost_of(command, folder):
    """Seconds of the wall and the most memory, of every repeat."""
    seconds, memory = [], []
    for _ in range(REPEATS):
        start = time.perf_counter()
        # A child's peak is that of the largest child so far; GNU time tells this one's.
        done = subprocess.run(["/usr/bin/time", "-f", "%M", *map(str, command)], cwd=folder, capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - start)
        memory.append(int(done.stderr.strip().splitlines()[-1]) * 1024)
    return seconds, max(memory)


def svg_only(script):
    """A script of plots without its PNGs."""
    return re.sub(r"set terminal pngcairo.*?unset output\n", "", script, flags=re.S)


def large(results):
    """A result file of many workloads with many batches, records and forecasts included."""
    out, one = [], results["workloads"][0]
    for i in range(WORKLOADS):
        workload = copy.copy(one)
        workload["model"] = f"model-{i}"
        workload["subject"] = copy.deepcopy(one["subject"])
        workload["subject"]["workload"]["model"] = workload["model"]
        first, record = one["batches"][0], one["records"][0]
        forecast = one["forecasts"][0]
        latency = [0.001 + 0.0001 * b + 1.234567e-7 * ((b * 7919 + i) % 97) for b in range(1, BATCHES + 1)]
        workload["batches"] = [{**first, "batch": b + 1, "latency_s": t, "latency_min_s": 0.998 * t, "latency_max_s": 1.002 * t,
                                "throughput_per_s": (b + 1) / t} for b, t in enumerate(latency)]
        workload["records"] = [{**record, "batch": b + 1, "samples_s": [t] * 7} for b, t in enumerate(latency)]
        workload["forecasts"] = [{**forecast, "batch": b + 2} for b in range(BATCHES - 1)]
        out.append(workload)
    return {**results, "workloads": out}


def opened(page, chromium):
    """Seconds until the page is loaded, then to sort a table of all workloads, then to unfold a workload."""
    visit = """<script>addEventListener("load", () => {
      console.log("RESULT loaded " + performance.now());
      let t = performance.now(); document.querySelectorAll("main table th button")[1].click(); document.body.offsetHeight;
      console.log("RESULT sorted " + (performance.now() - t));
      const section = document.querySelectorAll("details.workload")[500]; t = performance.now();
      section.addEventListener("toggle", () => { document.body.offsetHeight; console.log("RESULT unfolded " + (performance.now() - t)); });
      section.open = true; });</script></body>"""
    visited = page.with_name("visit.html")
    visited.write_text(page.read_text(encoding="utf-8").replace("</body>", visit), encoding="utf-8")
    said = subprocess.run([chromium, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", f"--screenshot={page.with_name('page.png')}",
                           visited.as_uri()], capture_output=True, text=True, check=True).stderr
    return {what: float(ms) / 1e3 for what, ms in re.findall(r"RESULT (\w+) ([\d.]+)", said)}


def version_of(command):
    return re.search(r"\d[\d.]*(?: patchlevel \d+)?", subprocess.run(command, capture_output=True, text=True, check=True).stdout).group()


class Rows:
    def __init__(self):
        self.rows = []

    def add(self, what, seconds, memory=None, wanted_s=None, wanted_bytes=None):
        row = {"what": what, "median_s": statistics.median(seconds), "most_s": max(seconds), "repeats": len(seconds), "samples_s": seconds}
        if memory is not None:
            row["memory"] = memory
        if wanted_s is not None:
            row |= {"wanted_s": wanted_s, "met": row["median_s"] <= wanted_s and (wanted_bytes is None or memory <= wanted_bytes)}
        if wanted_bytes is not None:
            row["wanted_bytes"] = wanted_bytes
        self.rows.append(row)
        print({key: value for key, value in row.items() if key != "samples_s"}, flush=True)


def one_file(rows, report, scratch):
    every = ["--export-json", "a.json", "--export-csv", "a.csv", "--export-markdown", "a.md", "--export-html", "a.html"]
    text, memory = cost_of([*report, "small.json", *every], scratch)
    rows.add("one workload: terminal, JSON, CSV, Markdown, HTML", text, memory)
    if not shutil.which("gnuplot"):
        return
    subprocess.run([*report, "small.json", "--plots", "plots"], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
    script = (scratch / "plots/plots.gp").read_text(encoding="utf-8")
    (scratch / "plots/svg.gp").write_text(svg_only(script), encoding="utf-8")
    svg, memory = cost_of(["gnuplot", "svg.gp"], scratch / "plots")
    rows.add("its plots as SVG, by gnuplot", svg, memory)
    rows.add("everything but PNG", [a + b for a, b in zip(text, svg)], wanted_s=ONE_FILE_WANTED_S)
    rows.add("its plots as SVG and PNG", *cost_of(["gnuplot", "plots.gp"], scratch / "plots"))


def many(rows, report, scratch):
    rows.add("1,000 x 200: terminal", *cost_of([*report, "large.json"], scratch), WANTED_S, WANTED_BYTES)
    for kind in ("csv", "markdown", "html"):
        name = {"csv": "CSV", "markdown": "Markdown", "html": "HTML"}[kind]
        rows.add(f"1,000 x 200: terminal and {name}", *cost_of([*report, "large.json", f"--export-{kind}", f"large.{kind}"], scratch), WANTED_S, WANTED_BYTES)


def page(rows, chromium, scratch):
    visits = [opened(scratch / "large.html", chromium) for _ in range(PAGE_REPEATS)]
    for key, what, wanted in (("loaded", "1,000 x 200: the page is loaded", PAGE_WANTED_S), ("sorted", "its table is sorted", None), ("unfolded", "a workload is unfolded", None)):
        rows.add(what, [visit[key] for visit in visits], wanted_s=wanted)


def main(out):
    rows, versions = Rows(), {}
    chromium = next((c for c in map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome")) if c), None)
    if shutil.which("gnuplot"):
        versions["gnuplot"] = version_of(["gnuplot", "--version"])
    if chromium:
        versions["chromium"] = version_of([chromium, "--version"])
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        _, _, results = common.tune(["resnet-like", "--device", f"sim:{DEVICE}", "--no-cache", "-q"], scratch / "small.json")
        (scratch / "large.json").write_text(json.dumps(large(results), sort_keys=True, separators=(",", ":")), encoding="utf-8")
        size = (scratch / "large.json").stat().st_size
        report = [common.BIN / "batchfit", "report"]
        one_file(rows, report, scratch)
        many(rows, report, scratch)
        if chromium:
            page(rows, chromium, scratch)
    common.write_result(
        out, "reports", title="Reports",
        what="Whole processes that make reports from result files, without their device: of one workload, and of 1,000 workloads with 200 batches each, raw records "
             "included. Memory is the most of any repeat.",
        command="benchmarks/reports.py OUTDIR", versions=versions,
        columns=[("what", "what"), ("median_s", "median", "seconds"), ("most_s", "most", "seconds"), ("wanted_s", "wanted at most", "seconds"),
                 ("memory", "memory", "bytes"), ("wanted_bytes", "wanted at most", "bytes"), ("met", "met"), ("repeats", "repeats")],
        rows=rows.rows, notes=[f"The file of 1,000 x 200 has {size / 1e6:.0f} MB. Its page is opened by Chromium without a window."])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
