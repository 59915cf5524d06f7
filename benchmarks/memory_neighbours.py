#!/usr/bin/env python3
"""Largest batch beside another process of the device: one that holds memory from the start, and one that takes it in the middle.

    python3 benchmarks/memory_neighbours.py OUTDIR [--cases resnet50-fp32,…] [--timings graph] [--seconds 1500] [--device cuda:0]

The truth is looked for as memory_limits.py does. Needs the built programs (BATCHFIT_BIN: where they are) and a Python with torch.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import common
from memory_limits import GIB, each_case, measure, options_of, out_of_memory, own_limit, row_of, truth_around

NEIGHBOUR_WINDOW = 0.002  # beside neighbours, each of which takes a device of its own to look at
DRIVERS_OWN = 16 << 20  # device memory that comes and goes by itself
NEIGHBOUR = """
import sys, torch
held = []
for line in sys.stdin:
    try:
        held.append(torch.empty(int(line), dtype=torch.uint8, device="cuda"))
        torch.cuda.synchronize()
        print("held", flush=True)
    except torch.cuda.OutOfMemoryError:
        print("out of memory", flush=True)
"""

NEIGHBOUR_COLUMNS = [("case", "case"), ("timing", "timing"), ("neighbour", "neighbour"), ("neighbour_ooms", "its out-of-memory"),
                     ("batch", "answer"), ("truth", "truth"), ("equal", "equal"), ("ooms", "out-of-memory"), ("ooms_while_it_grew", "while the neighbour grew"), ("probes", "probes"),
                     ("seconds", "seconds")]


class NeighbourProcess:
    """Another process on the device that holds memory when told."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, "-c", NEIGHBOUR], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ooms = 0

    def hold(self, size):
        self.process.stdin.write(f"{size}\n")
        self.process.stdin.flush()
        self.ooms += self.process.stdout.readline().strip() != "held"

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def batches_run(cache):
    """Batches in the journals beside a cache, while a run writes them."""
    batches = []
    for journal in cache.with_suffix(".d").glob("*.jsonl"):
        for line in journal.read_text(encoding="utf-8").splitlines():
            if '"record":"observation"' in line:
                batches.append(json.loads(line)["batch"])
    return batches


def tune_beside(bench, case, timing, neighbour, size, from_batch):
    """One search; the neighbour takes `size` once a batch of `from_batch` or more has run, or before the start."""
    with tempfile.TemporaryDirectory(dir=bench.scratch) as folder:
        cache, export = pathlib.Path(folder) / "cache.json", pathlib.Path(folder) / "run.json"
        if not from_batch:
            neighbour.hold(size)
        command = [str(common.BIN / "batchfit"), "tune", *bench.tune_arguments(case, timing, "90%", "guided"), "--cache", str(cache),
                   "--export-json", str(export)]
        start, holds = time.perf_counter(), not from_batch
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            while run.poll() is None:
                if not holds and max(batches_run(cache), default=0) >= from_batch:
                    neighbour.hold(size)
                    holds = True
                time.sleep(0.02)
        seconds = time.perf_counter() - start
        results = json.loads(export.read_text(encoding="utf-8")) if export.exists() else {}
        return run.returncode, seconds, (results.get("workloads") or [{}])[0], holds


def grew_meanwhile(record):
    conditions = record.get("conditions", {})
    return conditions.get("others_after_bytes", 0) - conditions.get("others_before_bytes", 0) > DRIVERS_OWN


def neighbours(bench):
    rows = []
    for name, case, timing in each_case(bench):
        for what, size, from_batch in (("holds 20 GiB from the start", 20 * GIB, 0), ("takes 10 GiB in the middle", 10 * GIB, 64)):
            if bench.out_of_time(f"{name} {timing}: a neighbour that {what}"):
                continue
            neighbour = NeighbourProcess()
            neighbour.hold(1)  # its context is there before the search begins
            code, seconds, workload, held = tune_beside(bench, case, timing, neighbour, size, from_batch)
            answer = workload.get("answer", {}).get("batch")
            row = row_of(name, timing, "90%", "guided", code, seconds, workload)
            row |= {"neighbour": what if held else f"{what}: the search ended before", "neighbour_ooms": neighbour.ooms,
                    "ooms_while_it_grew": sum(grew_meanwhile(record) for record in workload.get("records", []) if out_of_memory(record))}
            if answer:
                prober = bench.worker(case, timing)
                found = truth_around(prober, {}, case, own_limit("90%", workload), workload, NEIGHBOUR_WINDOW, horizon=1)
                prober.close()
                row |= {**found, "equal": found["truth"] == answer}
            neighbour.close()
            rows.append(row)
            print({key: value for key, value in row.items() if key != "own_bytes"}, flush=True)
            bench.write("memory-neighbours", "Memory beside neighbours",
                        "A limit of 90 % of the device beside a process that holds memory from the start, and beside one that takes it once batch 64 "
                        "or more has run. Truth: as in the truth of memory limits, beside the neighbour.", NEIGHBOUR_COLUMNS, rows)


if __name__ == "__main__":
    measure(options_of(__doc__, "neighbours", "graph"), neighbours)
