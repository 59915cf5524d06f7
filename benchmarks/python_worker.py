#!/usr/bin/env python3
"""The Python worker and the C++ worker on the same torchvision ResNet50 and ViT-B/16, on one GPU.

    python benchmarks/python_worker.py OUTDIR [--device cuda:0] [--dtypes fp16,fp32] [--max-batch N]

Run it with the Python that has torch and torchvision: it starts the Python worker with itself. BATCHFIT_BIN: where the built
programs are, when not in build/release/bin.
"""

import argparse
import os
import pathlib
import shlex
import sys
import tempfile

import common

EXAMPLES = common.ROOT / "examples/python"
MODELS = {"resnet50": "torchvision-resnet50", "vit_b_16": "torchvision-vit-b-16"}


def python_worker(example):
    """The --worker command that runs one of the examples with this Python."""
    package = str(common.ROOT / "workers/python")
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != package]
    os.environ["PYTHONPATH"] = os.pathsep.join([package, *others])
    return f"{shlex.quote(sys.executable)} -m batchfit_worker {shlex.quote(str(EXAMPLES / example))}"


def batch_of(workload, batch):
    return next((b for b in workload.get("batches", []) if b["batch"] == batch), {})


def row_of(name, dtype, worker, seconds, results):
    """One tune; own memory and latency are of the answer and, to compare like with like, of batch 1."""
    workload = results["workloads"][0]
    if "error" in workload:
        return {"model": name, "dtype": dtype, "worker": worker, "seconds": seconds, "why": workload["error"]["message"]}
    batch = workload["answer"].get("batch")
    one, best = batch_of(workload, 1), batch_of(workload, batch)
    return {
        "model": name, "dtype": dtype, "worker": worker, "timing": workload["subject"]["workload"]["timing"],
        "batch": batch, "undecided": ", ".join(str(u["batch"]) for u in workload["answer"].get("undecided", [])),
        "latency_one": one.get("latency_s"), "memory_one": one.get("own_memory_bytes"),
        "latency": best.get("latency_s"), "memory": best.get("own_memory_bytes"),
        "ooms": sum(r.get("ooms", 0) for r in workload["records"] if r["record"] == "observation"),
        "probes": workload["probes"], "seconds": seconds, "why": workload["answer"].get("why"),
        "batches": {str(b["batch"]): [b.get("latency_s"), b.get("own_memory_bytes")] for b in workload["batches"]},
    }


def differences(cpp, python):
    """Largest relative differences (Python over C++, less 1) of the batches that both measured."""
    both = [b for b in cpp.get("batches", {}) if b in python.get("batches", {})]
    found = {}
    for place, what in enumerate(("latency_difference", "memory_difference")):
        ratios = [
            python["batches"][b][place] / cpp["batches"][b][place] - 1
            for b in both
            if cpp["batches"][b][place] and python["batches"][b][place]
        ]
        if ratios:
            found[what] = max(ratios, key=abs)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--dtypes", default="fp16,fp32")
    parser.add_argument("--max-batch", default="256")
    options = parser.parse_args()
    command = python_worker("torchvision_models.py")
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, in_python in MODELS.items():
            for dtype in options.dtypes.split(","):
                pair = []
                for worker, arguments in (("C++", [name]), ("Python", [in_python, "--worker", command])):
                    arguments += ["--device", options.device, "--dtype", dtype, "--max-batch", options.max_batch]
                    arguments += ["--no-cache", "-q"]
                    _, seconds, results = common.tune(arguments, pathlib.Path(scratch) / f"{worker}-{name}-{dtype}.json")
                    if not results:
                        continue
                    pair.append(row_of(name, dtype, worker, seconds, results))
                    print({key: value for key, value in pair[-1].items() if key != "batches"}, flush=True)
                if len(pair) == 2:
                    pair[1] |= differences(*pair)
                rows += pair
    common.write_result(
        options.out, "python-worker",
        title="The Python worker beside the C++ worker",
        what="torchvision's ResNet50 and ViT-B/16 with random weights by either worker, default limits; seconds are of the whole "
             "process (Python imports torch and torchvision). Differences are the largest over the batches that both measured.",
        command=f"benchmarks/python_worker.py OUTDIR --device {options.device} --dtypes {options.dtypes}",
        columns=[("model", "model"), ("dtype", "dtype"), ("worker", "worker"), ("timing", "timing"), ("batch", "answer"),
                 ("undecided", "undecided"), ("latency_one", "batch 1", "seconds"), ("memory_one", "own memory at 1", "bytes"),
                 ("latency", "latency", "seconds"), ("memory", "own memory", "bytes"),
                 ("latency_difference", "latency differs", "percent"), ("memory_difference", "own memory differs", "percent"),
                 ("ooms", "out-of-memory events", "count"), ("probes", "probes", "count"), ("seconds", "time", "seconds")],
        rows=rows,
        versions=common_versions(),
    )


def common_versions():
    import torch
    import torchvision

    return {"torch": torch.__version__, "torchvision": torchvision.__version__}


if __name__ == "__main__":
    main()
