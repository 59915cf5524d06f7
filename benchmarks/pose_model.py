#!/usr/bin/env python3
"""Latency of yolo11n-pose on one GPU with BatchNorm kept and folded: fp32, fp32 with TF32, and fp16, by batch.

    python3 benchmarks/pose_model.py OUTDIR [--device cuda:0] [--batches 1,8,32,128] [--model yolo11n-pose] [--image-size 640] [--rounds 2]

A worker each for kept and folded; they are asked in turns (A B, B A, ...), each time for a few samples, so that drift of the device falls on both.
Replays of a captured graph where the device can capture it. On a CPU it is tried with: --device cpu --batches 1,2 --image-size 64
"""

import argparse
import itertools
import pathlib
import statistics
import sys

import common

PRECISIONS = {"fp32": {"dtype": "fp32"}, "fp32, TF32": {"dtype": "fp32", "tf32": True}, "fp16": {"dtype": "fp16"}}
SAMPLING = {"min_samples": 7, "max_samples": 40, "seconds": 0.1}


def load(options, folds, precision):
    worker = common.Worker([str(common.BIN / "batchfit-worker-torch")])
    worker.ask("hello", protocol=1, heartbeat_timeout_s=3600)
    return worker, worker.ask("load", device=options.device, model=options.model, weights="random", seed=0, fold_batchnorm=folds,
                              shape={"image_size": options.image_size}, **PRECISIONS[precision])


def in_turns(workers, batch, rounds):
    """The measured records of each worker, or None where one could not be measured."""
    taken = [[] for _ in workers]
    for turn in range(rounds):
        for i in (0, 1) if turn % 2 == 0 else (1, 0):
            record = workers[i].ask("probe", batch=batch, **SAMPLING)["records"][0]
            if record["outcome"] != "measured":
                return None
            taken[i].append(record)
    return taken


def row_of(batch, taken):
    """Medians of all samples, the least and the most of them, and folded / kept with its range from turn to turn."""
    row = {"batch": batch}
    medians = [[statistics.median(record["samples_s"]) for record in records] for records in taken]
    for name, records in zip(("kept", "folded"), taken):
        samples = list(itertools.chain.from_iterable(record["samples_s"] for record in records))
        row |= {f"{name}_s": statistics.median(samples), f"{name}_least_s": min(samples), f"{name}_most_s": max(samples),
                f"{name}_bytes": max(common.own_memory(record) for record in records)}
    ratios = [folded / kept for kept, folded in zip(*medians)]
    return row | {"ratio": row["folded_s"] / row["kept_s"], "ratio_least": min(ratios), "ratio_most": max(ratios),
                  "per_s": batch / row["folded_s"]}


def measure(options, precision, notes):
    workers, loads = zip(*(load(options, folds, precision) for folds in (False, True)))
    notes += [f"{precision}, folded: {note}" for note in loads[1]["notes"] if note.startswith("convolutions")]
    timing = loads[0]["subject"]["workload"]["timing"]
    for batch in options.batches:
        taken = in_turns(workers, batch, options.rounds)
        row = {"precision": precision, "timing": timing} | (row_of(batch, taken) if taken else {"batch": batch})
        print(row, flush=True)
        yield row
    for worker in workers:
        worker.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--model", default="yolo11n-pose")
    parser.add_argument("--batches", type=lambda text: [int(word) for word in text.split(",")], default=[1, 8, 32, 128])
    parser.add_argument("--image-size", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    precisions = PRECISIONS if options.device.startswith("cuda") else ["fp32"]
    notes = []
    rows = [row for precision in precisions for row in measure(options, precision, notes)]
    columns = [("precision", "precision"), ("timing", "timing"), ("batch", "batch", "count"), ("kept_s", "BatchNorm kept", "seconds"),
               ("folded_s", "folded", "seconds"), ("ratio", "folded / kept", "number"), ("ratio_least", "least", "number"),
               ("ratio_most", "most", "number"), ("per_s", "images/s, folded", "count"), ("kept_bytes", "own memory, kept", "bytes"),
               ("folded_bytes", "own memory, folded", "bytes")]
    size = options.image_size
    what = (f"Median latency of one pass, {size}x{size}, random weights, BatchNorm kept and folded measured in turns; least and most are of the "
            "ratio of a turn's medians.")
    common.write_result(options.out, "pose-model", title=f"{options.model} by batch", what=what,
                        command=" ".join(["benchmarks/pose_model.py", "OUTDIR", *sys.argv[2:]]), columns=columns, rows=rows, notes=notes)


if __name__ == "__main__":
    main()
