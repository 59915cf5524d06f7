#!/usr/bin/env python3
"""Largest batch under memory limits alone, on one GPU: what was met on the way, and how near the answer is to the limit.

    python3 benchmarks/memory_limits.py OUTDIR [--device cuda:0] [--limits 2GiB,8GiB,32GiB,90%]
"""

import argparse
import pathlib
import tempfile

import common

WORKLOADS = (("resnet50", "fp32", []), ("resnet50", "fp16", []), ("resnet50", "fp16", ["--channels-last"]),
             ("vit_b_16", "fp32", []), ("vit_b_16", "fp16", []))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--limits", default="2GiB,4GiB,8GiB,16GiB")
    parser.add_argument("--strategies", default="guided,exponential")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for model, dtype, extra in WORKLOADS:
            for limit in options.limits.split(","):
                for strategy in options.strategies.split(","):
                    arguments = [model, "--device", options.device, "--dtype", dtype, *extra, "--latency-limit", "none", "--memory-limit", limit,
                                 "--strategy", strategy, "--no-cache", "-q"]
                    _, seconds, results = common.tune(arguments, pathlib.Path(scratch) / "run.json")
                    workload = results["workloads"][0]
                    answer = workload["answer"]
                    memory, following = answer["best"]["memory"], answer.get("next", {}).get("memory")
                    rows.append({
                        "model": model, "dtype": " ".join([dtype, *extra]).replace("--", ""), "limit": limit, "strategy": strategy,
                        "batch": answer["batch"], "left_percent": round(memory["margin"] * 100, 2),
                        "next_batch": answer.get("next", {}).get("batch"),
                        "next_over_percent": round(-following["margin"] * 100, 2) if following else None,
                        "largest_run": max(r["batch"] for r in workload["records"]),
                        "ooms": sum(r.get("outcome") == "out_of_memory" for r in workload["records"]),
                        "probes": workload["probes"], "seconds": round(seconds, 2),
                    })
                    print(rows[-1], flush=True)
    common.write_result(
        options.out, "memory-limits",
        title="Memory limits alone",
        what="`--latency-limit none`, graph timing. Left: share of the limit that the answer leaves; over: by how much the next batch was measured to "
             "be beyond it. Out-of-memory: probes that ended so. Guided chooses batches by the forecast of memory, exponential does not.",
        command=f"benchmarks/memory_limits.py OUTDIR --limits {options.limits}",
        columns=[("model", "model"), ("dtype", "dtype"), ("limit", "limit"), ("strategy", "strategy"), ("batch", "answer"), ("left_percent", "left %"),
                 ("next_batch", "next"), ("next_over_percent", "over %"), ("largest_run", "largest run"), ("ooms", "out-of-memory"),
                 ("probes", "probes"), ("seconds", "seconds")],
        rows=rows,
    )


if __name__ == "__main__":
    main()
