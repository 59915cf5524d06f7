#!/usr/bin/env python3
"""transformers with bitsandbytes' NF4: Llama-3-8B's shapes with random weights, prefill of 512 tokens, by the Python worker.

    python benchmarks/llama_nf4_python.py OUTDIR [--device cuda:0] [--length 512] [--layers 32]

Run it with the Python that has torch, transformers and bitsandbytes. Both timings are asked for; where the model cannot be
captured the row of graph timing says why. `--layers`, `--hidden` and `--vocabulary` make a smaller model, to try the script.
"""

import argparse
import importlib.metadata
import pathlib
import tempfile

import common
from python_worker import python_worker

PACKAGES = ("torch", "transformers", "bitsandbytes")


def row_of(timing, code, seconds, results):
    workload = results["workloads"][0] if results else {}
    observations = [r for r in workload.get("records", []) if r["record"] == "observation"]
    row = {"timing": timing, "exit": code, "seconds": seconds, "probes": workload.get("probes")}
    if "error" in workload:
        return row | {"why": workload["error"]["message"].splitlines()[0]}
    answer = workload["answer"]
    at_best = next((b for b in workload["batches"] if b["batch"] == answer.get("batch")), {})
    return row | {
        "batch": answer.get("batch"), "why": answer.get("limited_by"), "latency": at_best.get("latency_s"),
        "memory": at_best.get("own_memory_bytes"), "tokens_per_s": at_best.get("throughput_per_s"),
        "ooms": sum(o.get("ooms", 0) for o in observations),
        "faults": sum(b.get("faults", 0) for b in workload["batches"]),
        "notes": workload["notes"],
        "batches": {str(b["batch"]): [b.get("latency_s"), b.get("own_memory_bytes")] for b in workload["batches"]},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--dtype", default="nf4")
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=4096)
    parser.add_argument("--vocabulary", type=int, default=128256)
    parser.add_argument("--max-batch", default="64")
    options = parser.parse_args()
    sizes = {name: getattr(options, name) for name in ("length", "layers", "hidden", "vocabulary")}
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for timing in ("eager", "graph"):
            arguments = ["llm", "--mode", "prefill", "--dtype", options.dtype, "--device", options.device, "--timing", timing]
            arguments += [f"--shape={name}={size}" for name, size in sizes.items()]
            arguments += ["--worker", python_worker("transformers_llm.py"), "--max-batch", options.max_batch]
            arguments += ["--no-cache", "-q"]
            code, seconds, results = common.tune(arguments, pathlib.Path(scratch) / f"{timing}.json")
            row = row_of(timing, code, seconds, results)
            if row.get("tokens_per_s"):
                row["tokens_per_s"] *= options.length
            rows.append(row)
            print(row, flush=True)
    common.write_result(
        options.out, "llama-nf4-python",
        title="Llama-3-8B's shapes by transformers and bitsandbytes",
        what=f"Random weights in {options.dtype}, prefill of {options.length} tokens, the Python worker, default limits; seconds are of the "
             "whole process: importing, making and quantising the weights, and the search.",
        command=f"benchmarks/llama_nf4_python.py OUTDIR --device {options.device} --length {options.length} --layers {options.layers}",
        columns=[("timing", "timing"), ("batch", "answer"), ("why", "limited by"), ("latency", "latency", "seconds"),
                 ("memory", "own memory", "bytes"), ("tokens_per_s", "tokens/s", "count"), ("ooms", "out-of-memory events", "count"),
                 ("faults", "faults", "count"), ("probes", "probes", "count"), ("seconds", "time", "seconds")],
        rows=rows,
        versions={name: importlib.metadata.version(name) for name in PACKAGES if installed(name)},
    )


def installed(name):
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False


if __name__ == "__main__":
    main()
