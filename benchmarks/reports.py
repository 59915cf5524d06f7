"""What reports cost: of one result file, and of 1,000 workloads with 200 batches each.

    python3 benchmarks/reports.py FOLDER

needs batchfit and batchfit-worker-sim in $BATCHFIT_BIN (default build/release/bin), gnuplot for the plots, and Chromium to open the page (left out where
there is none). Writes FOLDER/reports.json: seconds of the wall, of the CPU, and the most memory, of each.
"""

import copy
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = pathlib.Path(os.environ.get("BATCHFIT_BIN", ROOT / "build/release/bin"))
DEVICE = ROOT / "workers/sim/devices/resnet-like.json"
WORKLOADS, BATCHES, REPEATS = 1000, 200, 5


def cost_of(command, folder):
    """The quickest of some runs: seconds of the wall and of the CPU, and the most memory of any."""
    best = None
    for _ in range(REPEATS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.monotonic()
        # A child's peak is that of the largest child so far; GNU time tells this one's.
        done = subprocess.run(["/usr/bin/time", "-f", "%M", *map(str, command)], cwd=folder, capture_output=True, text=True, check=True)
        wall = time.monotonic() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        memory = int(done.stderr.strip().splitlines()[-1]) * 1024
        if best is None or wall < best["wall_s"]:
            best = {"wall_s": round(wall, 4), "cpu_s": round(cpu, 4), "memory_bytes": memory}
    return best


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
    """Milliseconds until the page is loaded, a table of all workloads is sorted, and a workload is unfolded."""
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
    return {f"{what}_ms": round(float(ms), 1) for what, ms in re.findall(r"RESULT (\w+) ([\d.]+)", said)}


def main(folder):
    out = {}
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        subprocess.run([BIN / "batchfit", "tune", "resnet-like", "--device", f"sim:{DEVICE}", "--no-cache", "-q", "--export-json", "small.json"],
                       cwd=scratch, check=True, stdout=subprocess.DEVNULL)
        results = json.loads((scratch / "small.json").read_text(encoding="utf-8"))
        (scratch / "large.json").write_text(json.dumps(large(results), sort_keys=True, separators=(",", ":")), encoding="utf-8")
        out["large_file_bytes"] = (scratch / "large.json").stat().st_size
        report = [BIN / "batchfit", "report"]
        every = ["--export-json", "a.json", "--export-csv", "a.csv", "--export-markdown", "a.md", "--export-html", "a.html"]
        out["one_file_all_but_plots"] = cost_of([*report, "small.json", *every], scratch)
        if shutil.which("gnuplot"):
            subprocess.run([*report, "small.json", "--plots", "plots"], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
            script = (scratch / "plots/plots.gp").read_text(encoding="utf-8")
            svg = re.sub(r"set terminal pngcairo.*?unset output\n", "", script, flags=re.S)
            (scratch / "plots/svg.gp").write_text(svg, encoding="utf-8")
            out["svg_plots"] = cost_of(["gnuplot", "svg.gp"], scratch / "plots")
            out["svg_and_png_plots"] = cost_of(["gnuplot", "plots.gp"], scratch / "plots")
        out["large_table"] = cost_of([*report, "large.json"], scratch)
        for kind in ("csv", "markdown", "html"):
            out[f"large_{kind}"] = cost_of([*report, "large.json", f"--export-{kind}", f"large.{kind}"], scratch)
        chromium = next((c for c in map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome")) if c), None)
        if chromium:
            out["large_page_opened"] = opened(scratch / "large.html", chromium)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reports.json").write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
