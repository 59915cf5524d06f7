#!/usr/bin/env python3
"""torchvision's ResNet-50 as a TorchScript file and as an AOTInductor package, tuned beside the built-in model by the C++ worker.

    python benchmarks/model_files.py OUTDIR [--device cuda:0] [--dtypes fp16,fp32] [--max-batch N]

Run it with the Python that has torch and torchvision, and a C++ compiler, which the package needs. The files are exported on the
device that they are tuned on. A file that cannot be made has a row that says why. BATCHFIT_BIN: where the built programs are,
when not in build/release/bin.
"""

import argparse
import importlib.metadata
import multiprocessing
import pathlib
import tempfile
import time

import common
import torch
import torchvision

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
PICTURE = (3, 224, 224)
EXAMPLE_BATCH = 4  # of the export: the batch is a dynamic dimension, and 1 would be taken for a constant
LARGEST_BATCH = 4096


def script(model, example, path):
    torch.jit.trace(model, example).save(path)


def package(model, example, path):
    batch = torch.export.Dim("batch", min=1, max=LARGEST_BATCH)
    exported = torch.export.export(model, (example,), dynamic_shapes=({0: batch},))
    torch._inductor.aoti_compile_and_package(exported, package_path=path)


KINDS = {"TorchScript": ("ts", script), "AOTInductor package": ("pt2", package)}


def export(kind, dtype, device, path):
    """Seconds of it. Run in a process of its own, whose memory on the device is free when the file is tuned."""
    model = torchvision.models.resnet50().eval().to(device, DTYPES[dtype])
    example = torch.rand(EXAMPLE_BATCH, *PICTURE, device=device, dtype=DTYPES[dtype])
    start = time.perf_counter()
    with torch.no_grad():
        KINDS[kind][1](model, example, path)
    return time.perf_counter() - start


def first_line(error):
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def tuned(model, arguments, export):
    """One tune as the fields of a row."""
    _, seconds, results = common.tune([str(model), *arguments, "--no-cache", "-q"], export)
    workload = results["workloads"][0] if results else {"error": {"message": "no results"}}
    if "error" in workload:
        return {"seconds": seconds, "why": workload["error"]["message"].splitlines()[0]}
    answer = workload["answer"]
    at_one, at_best = answer.get("at_one", {}), answer.get("at_best", {})
    return {
        "timing": workload["subject"]["workload"]["timing"], "batch": answer.get("batch"), "why": answer.get("limited_by"),
        "latency_one": at_one.get("latency_s"), "latency": at_best.get("latency_s"), "memory": at_best.get("own_memory_bytes"),
        "per_s": at_best.get("throughput_per_s"), "probes": workload["probes"], "seconds": seconds,
        "ooms": sum(r.get("ooms", 0) for r in workload["records"] if r["record"] == "observation"),
        "batches": {str(b["batch"]): [b.get("latency_s"), b.get("own_memory_bytes")] for b in workload["batches"]},
    }


def rows_of(dtype, options, folder):
    common_options = ["--device", options.device, "--max-batch", options.max_batch]
    results = folder / "results.json"
    yield {"dtype": dtype, "model": "built in"} | tuned("resnet50", ["--dtype", dtype, *common_options], results)
    for kind, (extension, _) in KINDS.items():
        path = str(folder / f"resnet50-{dtype}.{extension}")
        try:
            with multiprocessing.get_context("spawn").Pool(1) as process:
                seconds = process.apply(export, (kind, dtype, options.device, path))
        except Exception as error:  # whatever the exporter raises is a finding of the row
            yield {"dtype": dtype, "model": kind, "why": f"cannot be exported: {first_line(error)}"}
            continue
        inputs = "x".join(map(str, PICTURE)) + f":{dtype}"
        yield {"dtype": dtype, "model": kind, "export_s": seconds} | tuned(path, ["--input", inputs, *common_options], results)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--dtypes", default="fp16,fp32")
    parser.add_argument("--max-batch", default=str(LARGEST_BATCH))
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for dtype in options.dtypes.split(","):
            for row in rows_of(dtype, options, pathlib.Path(scratch)):
                rows.append(row)
                print(row, flush=True)
    common.write_result(
        options.out, "model-files",
        title="Models that are files, beside the built-in one",
        what="torchvision's ResNet50 with random weights, exported on the device and tuned by the C++ worker with default limits. "
             "Export: seconds of tracing, or of compiling the package; time: of the whole tune.",
        command=f"benchmarks/model_files.py OUTDIR --device {options.device} --dtypes {options.dtypes} --max-batch {options.max_batch}",
        columns=[("dtype", "dtype"), ("model", "model"), ("timing", "timing"), ("batch", "answer"), ("why", "limited by"),
                 ("latency_one", "batch 1", "seconds"), ("latency", "latency", "seconds"), ("per_s", "images/s", "count"),
                 ("memory", "own memory", "bytes"), ("ooms", "out-of-memory events", "count"), ("probes", "probes", "count"),
                 ("export_s", "export", "seconds"), ("seconds", "time", "seconds")],
        rows=rows,
        versions={name: importlib.metadata.version(name) for name in ("torch", "torchvision")},
    )


if __name__ == "__main__":
    main()
