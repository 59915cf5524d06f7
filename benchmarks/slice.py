#!/usr/bin/env python3
"""Cold and cached whole-process times, on one GPU or a CPU, and on a GPU the answers by strategy.

    python3 benchmarks/slice.py OUTDIR [--device cuda:0] [--quick]

Needs only Python's standard library and the built programs (BATCHFIT_BIN: where they are, when not in build/release/bin).
"""

import argparse
import copy
import json
import pathlib
import shutil
import tempfile

import common

MODELS = ("resnet50", "vit_b_16")
CACHED_WORKLOADS = 1000


def strategies(out, device, max_sweep, scratch):
    """Every model and dtype by every strategy, without a cache, so that each measures for itself."""
    rows = []
    for model in MODELS:
        for dtype in ("fp32", "fp16"):
            for strategy in ("exponential", "binary", "sweep", "guided"):
                arguments = [model, "--device", device, "--dtype", dtype, "--strategy", strategy, "--no-cache", "-q"]
                arguments += ["--max-batch", str(max_sweep)]
                _, seconds, results = common.tune(arguments, scratch / "run.json")
                workload = results["workloads"][0]
                answer = workload.get("answer", {})
                rows.append({
                    "model": model, "dtype": dtype, "strategy": strategy, "batch": answer.get("batch"),
                    "status": workload["status"], "probes": workload["probes"], "seconds": round(seconds, 2),
                    "undecided": ", ".join(str(u["batch"]) for u in answer.get("undecided", [])) or "none",
                })
                print(rows[-1], flush=True)
    common.write_result(
        out, "strategies",
        title="Answers of the strategies",
        what=f"Default limits (90 % of memory, 2 × batch 1), graph timing on a GPU, largest batch tried {max_sweep}; "
             "seconds are of the whole process, worker start and model load included.",
        command=f"benchmarks/slice.py OUTDIR --device {device}",
        columns=[("model", "model"), ("dtype", "dtype"), ("strategy", "strategy"), ("batch", "answer"),
                 ("undecided", "undecided"), ("probes", "probes"), ("seconds", "seconds")],
        rows=rows,
    )


def fill_cache(cache, template_cache, model):
    """A cache of CACHED_WORKLOADS workloads: the measured one, and copies under other names."""
    folder, template = cache.with_suffix(".d"), template_cache.with_suffix(".d")
    shutil.copytree(template, folder)
    summary = json.loads(template_cache.read_text(encoding="utf-8"))
    journal = next(template.glob("*.jsonl"))
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    entry = summary["devices"][0]["workloads"][0]
    for number in range(CACHED_WORKLOADS - 1):
        header = json.loads(lines[0])
        header["subject"]["workload"]["model"] = f"{model}-{number}"
        name = f"{model}-{number}-{number:016x}.jsonl"
        (folder / name).write_text(json.dumps(header) + "\n" + "".join(lines[1:]), encoding="utf-8")
        other = copy.deepcopy(entry)
        other["key"], other["journal"] = f"{number:016x}", name
        other["workload"]["model"] = f"{model}-{number}"
        summary["devices"][0]["workloads"].append(other)
    head = {"format": summary["format"], "version": summary["version"], "devices": summary["devices"]}
    cache.write_text(json.dumps(head) + "\n", encoding="utf-8")


def whole_processes(out, device, scratch, quick):
    repeats = 3 if quick else 10
    rows = []
    batchfit = str(common.BIN / "batchfit")

    def row(what, seconds, extra=None):
        rows.append({"what": what, **common.spread(seconds), **(extra or {})})
        print(rows[-1], flush=True)

    row("--version", common.timed([batchfit, "--version"], 20))
    limit = [] if device.startswith("cuda") else ["--max-batch", "8"]
    dtype = "fp16" if device.startswith("cuda") else "fp32"
    cold = [batchfit, "tune", "resnet50", "--device", device, "--dtype", dtype, "--no-cache", "-q", *limit]
    row(" ".join(["cold tune resnet50 --dtype", dtype, *limit]), common.timed(cold, 2 if quick else 5))

    first = scratch / "first.json"
    arguments = ["resnet50", "--device", device, "--dtype", dtype, "-q", *limit]
    common.tune([*arguments, "--cache", str(first)], scratch / "run.json")
    for name, cache in (("1 workload", first), (f"{CACHED_WORKLOADS} workloads", scratch / "many.json")):
        if cache != first:
            fill_cache(cache, first, "resnet50")
        _, _, results = common.tune([*arguments, "--cache", str(cache)], scratch / "cached.json")
        nvml = results["nvml_seconds"]
        assert results["workloads"][0]["from_cache"], "the second run must be answered from the cache"
        seconds = common.timed([batchfit, "tune", *arguments, "--cache", str(cache)], repeats)
        row(f"cached answer, {name} in the cache", seconds, {"nvml_ms": round(nvml * 1e3, 2)})
    common.write_result(
        out, "whole-processes" if device.startswith("cuda") else "whole-processes-cpu",
        title="Whole processes" if device.startswith("cuda") else "Whole processes on a CPU",
        what="Wall time from start to exit. A cached answer starts no worker; the time that NVML takes to say which "
             "GPU this is and what others hold on it stands apart and is included.",
        command=f"benchmarks/slice.py OUTDIR --device {device}",
        columns=[("what", "process"), ("min_ms", "min ms"), ("median_ms", "median ms"), ("max_ms", "max ms"),
                 ("nvml_ms", "of which NVML ms"), ("runs", "runs")],
        rows=rows,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--quick", action="store_true", help="fewer repeats and a shorter sweep")
    options = parser.parse_args()
    on_gpu = options.device.startswith("cuda")
    with tempfile.TemporaryDirectory() as scratch:
        whole_processes(options.out, options.device, pathlib.Path(scratch), options.quick)
        if on_gpu:  # a sweep on a CPU takes minutes and says nothing new
            strategies(options.out, options.device, 8 if options.quick else 64, pathlib.Path(scratch))


if __name__ == "__main__":
    main()
