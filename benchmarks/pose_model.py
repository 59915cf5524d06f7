#!/usr/bin/env python3
"""Latency of yolo11n-pose on one GPU: BatchNorm kept and folded, fp32 and fp16, by batch.

    python3 benchmarks/pose_model.py OUTDIR [--device cuda:0] [--batches 1,8,32,128] [--model yolo11n-pose]

Replays of a captured graph where the device can capture it; medians of up to 100 samples.
"""

import argparse
import pathlib
import statistics
import sys

import common

SAMPLING = {"min_samples": 15, "max_samples": 100, "seconds": 0.5}


def measure(options, dtype, folds):
    worker = common.Worker([str(common.BIN / "batchfit-worker-torch")])
    worker.ask("hello", protocol=1, heartbeat_timeout_s=3600)
    loaded = worker.ask("load", device=options.device, model=options.model, weights="random", seed=0, dtype=dtype, fold_batchnorm=folds)
    timing = loaded["subject"]["workload"]["timing"]
    for batch in options.batches:
        record = worker.ask("probe", batch=batch, **SAMPLING)["records"][0]
        row = {"dtype": dtype, "batchnorm": "folded" if folds else "kept", "batch": batch, "timing": timing}
        if record["outcome"] == "measured":
            latency = statistics.median(record["samples_s"])
            row |= {"latency_s": latency, "per_s": batch / latency, "memory_bytes": common.own_memory(record),
                    "least_s": min(record["samples_s"]), "most_s": max(record["samples_s"])}
        print(row, flush=True)
        yield row
    worker.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--model", default="yolo11n-pose")
    parser.add_argument("--batches", type=lambda text: [int(word) for word in text.split(",")], default=[1, 8, 32, 128])
    options = parser.parse_args()
    rows = [row for dtype in ("fp32", "fp16") for folds in (False, True) for row in measure(options, dtype, folds)]
    columns = [("dtype", "dtype"), ("batchnorm", "BatchNorm"), ("timing", "timing"), ("batch", "batch", "count"),
               ("latency_s", "latency", "seconds"), ("per_s", "images/s", "count"), ("memory_bytes", "own memory", "bytes")]
    common.write_result(options.out, "pose-model", title=f"{options.model} by batch", what="Median latency of one pass, 640x640, random weights.",
                        command=" ".join(["benchmarks/pose_model.py", "OUTDIR", *sys.argv[2:]]), columns=columns, rows=rows)


if __name__ == "__main__":
    main()
