#!/usr/bin/env python3
"""The libtorch worker's models beside torchvision's own in Python: latency and memory, same machine, one after the other.

    python3 benchmarks/torchvision_comparison.py OUTDIR [--batches 1,8,64]

Needs a GPU and, for the peer, a Python with torch and torchvision (benchmarks/torchvision_peer.py). Each model and dtype is
measured by the worker, then by the peer, then by the worker again: the spread between the worker's two is the noise.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import common

MODELS = ("resnet50", "vit_b_16")
DTYPES = ("fp32", "fp16")


def worker_figures(model, dtype, batches, timing):
    worker = common.Worker([str(common.BIN / "batchfit-worker-torch")])
    worker.ask("hello", protocol=1, heartbeat_timeout_s=600)
    worker.ask("load", device="cuda:0", model=model, weights="random", seed=0, dtype=dtype, mode="forward", shape={}, timing=timing)
    figures = {}
    for batch in batches:
        [observation] = [record for record in worker.ask("probe", batch=batch, min_samples=30, max_samples=30, seconds=60, trace=False)["records"]
                         if record["record"] == "observation"]
        figures[batch] = (statistics.median(observation["samples_s"]), common.own_memory(observation), observation["reserved_peak_bytes"])
    worker.close()
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--batches", default="1,8,64")
    options = parser.parse_args()
    batches = [int(batch) for batch in options.batches.split(",")]
    rows = []
    for model in MODELS:
        for dtype in DTYPES:
            first = {timing: worker_figures(model, dtype, batches, timing) for timing in ("graph", "eager")}
            with tempfile.NamedTemporaryFile(suffix=".json") as file:
                subprocess.run([sys.executable, str(common.ROOT / "benchmarks/torchvision_peer.py"), file.name, "--batches", options.batches,
                                "--models", model, "--dtypes", dtype], check=True)
                peer = json.loads(pathlib.Path(file.name).read_text(encoding="utf-8"))
            again = {timing: worker_figures(model, dtype, batches, timing) for timing in ("graph", "eager")}
            for theirs in peer["results"]:
                timing, batch = theirs["timing"], theirs["batch"]
                latency, own, reserved = first[timing][batch]
                second = again[timing][batch][0]
                their_own = theirs["context_bytes"] + theirs["reserved_peak_bytes"] if "context_bytes" in theirs else None
                rows.append({
                    "model": model, "dtype": dtype, "timing": timing, "batch": batch,
                    "worker_ms": round(latency * 1e3, 3), "again_ms": round(second * 1e3, 3),
                    "peer_ms": round(theirs["latency_s"] * 1e3, 3), "latency_ratio": round(min(latency, second) / theirs["latency_s"], 3),
                    "worker_mib": round(own / 2**20), "peer_mib": round(their_own / 2**20) if their_own else None,
                    "memory_ratio": round(own / their_own, 3) if their_own else None,
                    "worker_reserved_mib": round(reserved / 2**20), "peer_reserved_mib": round(theirs["reserved_peak_bytes"] / 2**20),
                })
                print(rows[-1], flush=True)
    common.write_result(
        options.out, "torchvision",
        title="Beside torchvision in Python",
        what="Median latency of 30 samples and own memory (context + reserved) at the peak, the same architecture, torch and GPU; "
             "the worker was measured before and after the peer. A ratio below 1: the worker is faster or smaller.",
        command="benchmarks/torchvision_comparison.py OUTDIR",
        columns=[("model", "model"), ("dtype", "dtype"), ("timing", "timing"), ("batch", "batch"), ("worker_ms", "worker ms"), ("again_ms", "again ms"),
                 ("peer_ms", "torchvision ms"), ("latency_ratio", "latency ratio"), ("worker_mib", "worker MiB"), ("peer_mib", "torchvision MiB"),
                 ("memory_ratio", "memory ratio")],
        rows=rows, versions={name: str(version) for name, version in peer["versions"].items()},
        notes=["Eager latency at small batches is launch noise, on both sides."],
    )


if __name__ == "__main__":
    main()
