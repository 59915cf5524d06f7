#!/usr/bin/env python3
"""The suite of scripts/suite, cold, twice: seconds of whole processes, whether the answers agree, where the time goes; and what its reports cost.

    python3 benchmarks/suite.py OUTDIR [--device cuda:0] [--runs 2] [--seconds-wanted 20] [--models A,B:MODE] [--extra '--max-batch 8']
    python3 benchmarks/suite.py OUTDIR --reports-of FOLDER/suite/first.json

The first writes OUTDIR/suite.json, and the runs' own result files in OUTDIR/suite/. The second, on any machine, writes OUTDIR/suite-reports.json; gnuplot is
needed for the plots (left out where there is none). `--device sim:FILE --models NAME` and `--device cpu` try the script.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import common
from reports import svg_only

sys.path.insert(0, str(common.ROOT / "scripts"))
import suite_runs  # noqa: E402

NAMES = ("first", "second", "third", "fourth", "fifth")
REPORTS_WANTED_S = 0.1
REPEATS = 21


def cold_run(options, export):
    """One `batchfit tune` without a cache. The result file keeps the command line, so nothing in that is a path of this machine."""
    folder, program = export.parent, os.path.relpath(common.BIN / "batchfit", common.ROOT)
    export.unlink(missing_ok=True)
    command = [program, "tune", *options.models, "--device", options.device, "--no-cache", "-q", *options.extra, "--export-json", "-"]
    start = time.perf_counter()
    with export.open("wb") as out:
        done = subprocess.run(command, cwd=common.ROOT, check=False, stdout=out, stderr=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        print(f"exit {done.returncode}: {' '.join(command)}\n{done.stderr[-2000:]}", flush=True)
    if export.stat().st_size == 0:
        sys.exit(f"no results in {folder}")
    return done.returncode, seconds, json.loads(export.read_text(encoding="utf-8"))


def closest(workloads):
    """The batch that a run left nearest to its limit, and by how much."""
    near = [(margin, batch) for workload in workloads for batch, margin in suite_runs.margins(workload).items()]
    return f"{min(near)[1]}: {100 * min(near)[0]:.2f} %" if near else None


def workload_row(workloads, parts):
    """One workload in every run; the parts of its time are the medians."""
    verdicts = [suite_runs.agreement(workloads[0], other) for other in workloads[1:]]
    worst = "different" if any(verdict == "different" for verdict, _ in verdicts) else next(
        (verdict for verdict, _ in verdicts if verdict != "identical"), "identical")
    known = workloads[0].get("subject", {}).get("workload", {})
    row = {"workload": suite_runs.label(workloads[0]), "timing": known.get("timing"), "status": parts[0]["status"], "limited_by": parts[0]["limited_by"],
           "answers": ", ".join(str(suite_runs.answer_of(workload)) for workload in workloads), "agree": worst, "closest": closest(workloads),
           "seconds": [part["seconds"] for part in parts], "each": ", ".join(f"{part['seconds']:.2f}" for part in parts),
           "weights": next((note for note in workloads[0].get("notes", []) if note.startswith("weights:")), None),
           "out_of_memory": sum(batch.get("outcome") == "out_of_memory" for workload in workloads for batch in workload.get("batches", []))}
    for key in ("load_s", "probes", "probes_s", "comparisons", "comparisons_s", "rest_s"):
        values = [part[key] for part in parts if key in part]
        if values:
            row[key] = statistics.median(values)
    return row


def measure(options):
    folder = options.out / "suite"
    folder.mkdir(parents=True, exist_ok=True)
    codes, walls, results = [], [], []
    for name in NAMES[:options.runs]:
        code, seconds, result = cold_run(options, folder / f"{name}.json")
        codes.append(code)
        walls.append(seconds)
        results.append(result)
        print(f"{name}: exit {code}, {seconds:.2f} s, {[suite_runs.answer_of(w) for w in result['workloads']]}", flush=True)
    spent = [suite_runs.spent(result) for result in results]
    rows = [workload_row([result["workloads"][i] for result in results], [one[i] for one in spent]) for i in range(len(results[0]["workloads"]))]
    agree = all(row["agree"] != "different" and row["status"] == "found" for row in rows)
    slowest = max(walls)
    rows.append({"workload": "whole process", "agree": "yes" if agree else "no", "seconds": walls, "each": ", ".join(f"{wall:.2f}" for wall in walls),
                 "out_of_memory": sum(row["out_of_memory"] for row in rows), "wanted_s": options.seconds_wanted, "met": slowest <= options.seconds_wanted,
                 "answers_met": agree, "exits": codes})
    runtime = results[0]["workloads"][0].get("subject", {}).get("runtime", {})
    details = {name: text for name, text in runtime.get("details", {}).items() if name in ("cudnn", "cublas", "bitsandbytes")}
    extra = f" --extra '{' '.join(options.extra)}'" if options.extra else ""
    common.write_result(
        options.out, "suite", title="The suite: four models, cold",
        what="`scripts/suite`: one process without a cache, default limits, each model in its first dtype, random weights; a language model reads a prompt of 512 tokens (prefill) "
             "and makes the token after 512 (decode). Start and load: from the workload's start to its first record, the worker's start included in the first. Closest: of the "
             "batches that an answer rules on, the nearest to its limit, and how near. Close neighbours would be answers one apart of which one is within 0.3 %. "
             "Parts are medians of the runs.",
        command=f"benchmarks/suite.py OUTDIR --device {options.device}{'' if options.models == suite_runs.SUITE else ' --models ' + ','.join(options.models)}{extra}",
        versions={runtime["name"]: runtime["version"], **details} if runtime else {},
        columns=[("workload", "workload"), ("timing", "timing"), ("answers", "answers"), ("agree", "agree"), ("limited_by", "limited by"), ("closest", "closest"),
                 ("each", "seconds of each run"), ("wanted_s", "wanted at most", "seconds"), ("met", "met"), ("load_s", "start and load", "seconds"),
                 ("probes", "probes", "count"), ("probes_s", "they took", "seconds"), ("comparisons", "comparisons", "count"), ("comparisons_s", "they took", "seconds"),
                 ("rest_s", "the rest", "seconds"), ("out_of_memory", "out-of-memory events")],
        rows=rows)


def measure_reports(options):
    results = options.reports_of.resolve()
    report = [common.BIN / "batchfit", "report", results]
    kinds = {"terminal": [], "JSON": ["--export-json", "a.json"], "CSV": ["--export-csv", "a.csv"], "Markdown": ["--export-markdown", "a.md"],
             "HTML": ["--export-html", "a.html"]}
    rows = []

    def add(what, samples, wanted=None):
        row = {"what": what, "median_s": statistics.median(samples), "least_s": min(samples), "most_s": max(samples), "repeats": len(samples), "samples_s": samples}
        if wanted is not None:
            row |= {"wanted_s": wanted, "met": row["median_s"] <= wanted}
        rows.append(row)

    with tempfile.TemporaryDirectory() as scratch:
        for name, extra in kinds.items():
            add(name, common.timed([*report, *extra], REPEATS, cwd=scratch))
        text = common.timed([*report, *sum(kinds.values(), [])], REPEATS, cwd=scratch)
        add("all of these in one process", text)
        if shutil.which("gnuplot"):
            subprocess.run([*report, "--plots", "plots"], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
            plots = pathlib.Path(scratch) / "plots"
            (plots / "svg.gp").write_text(svg_only((plots / "plots.gp").read_text(encoding="utf-8")), encoding="utf-8")
            svg = common.timed(["gnuplot", "svg.gp"], REPEATS, cwd=plots)
            both = common.timed(["gnuplot", "plots.gp"], REPEATS, cwd=plots)
            add(f"{len(list(plots.glob('*.svg')))} plots as SVG, by gnuplot", svg)
            add("everything but PNG", [a + b for a, b in zip(text, svg)], REPORTS_WANTED_S)
            add("the plots as SVG and PNG", both)
    common.write_result(
        options.out, "suite-reports", title="Reports of the suite",
        what="Whole processes that make the reports from the suite's result file, without its device. Everything but PNG: one process for terminal, JSON, CSV, Markdown and "
             "HTML, one for the plots.",
        command=f"benchmarks/suite.py OUTDIR --reports-of {os.path.relpath(results, common.ROOT)}",
        columns=[("what", "what"), ("median_s", "median", "seconds"), ("least_s", "least", "seconds"), ("most_s", "most", "seconds"),
                 ("wanted_s", "wanted at most", "seconds"), ("met", "met"), ("repeats", "repeats")],
        rows=rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--models", type=lambda text: tuple(text.split(",")), default=suite_runs.SUITE)
    parser.add_argument("--runs", type=int, default=2, choices=range(1, len(NAMES) + 1))
    parser.add_argument("--seconds-wanted", type=float, default=20)
    parser.add_argument("--extra", type=lambda text: text.split(), default=[], help="more options of batchfit tune, as in '--max-batch 8'")
    parser.add_argument("--reports-of", type=pathlib.Path, help="measure the reports of this result file, and nothing else")
    options = parser.parse_args()
    if options.reports_of:
        measure_reports(options)
    else:
        measure(options)


if __name__ == "__main__":
    main()
