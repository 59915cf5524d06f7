#!/usr/bin/env python3
"""Every kind of fault by every strategy, on the simulated device: what became of the run.

    python3 benchmarks/faults.py OUTDIR

Each fault strikes at batch 8, once and for ever. Struck once, the answer must be the one of the healthy device, at the
cost of a probe or so; struck for ever, batch 8 is given up and the answer must not be wrong: a batch that passes on the
healthy device. Exits 1 where a run hangs, is killed by a signal, or answers wrongly.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import common

STRATEGIES = ("exponential", "binary", "sweep", "guided")
STRUCK_BATCH = 8
LONGEST_RUN_S = 60
DEVICE = common.ROOT / "workers/sim/devices/resnet-like.json"


def fault_kinds():
    """The kinds in the table of docs/simulated-device.md."""
    text = (common.ROOT / "docs/simulated-device.md").read_text(encoding="utf-8")
    table = text[text.index("| kind | the worker |"):].split("\n\n")[0]
    return [kind for row in table.splitlines()[2:] for kind in re.findall(r"`(\w+)`", row.split("|")[1])]


def run(device, strategy, scratch):
    """Exit code (None: it hung), seconds and the workload's result."""
    export = scratch / "run.json"
    export.unlink(missing_ok=True)
    command = [str(common.BIN / "batchfit"), "tune", "resnet-like", "--device", f"sim:{device}", "--dtype", "fp16",
               "--strategy", strategy, "--max-batch", "16", "--no-cache", "-q", "--worker-timeout", "1s",
               "--export-json", str(export)]
    start = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, timeout=LONGEST_RUN_S, check=False)
    except subprocess.TimeoutExpired:
        return None, LONGEST_RUN_S, {}
    seconds = time.monotonic() - start
    workload = json.loads(export.read_text(encoding="utf-8"))["workloads"][0] if export.exists() else {}
    return done.returncode, seconds, workload


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    options = parser.parse_args()
    healthy = json.loads(DEVICE.read_text(encoding="utf-8"))
    rows, bad = [], 0
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        truth = {strategy: run(DEVICE, strategy, scratch)[2]["answer"]["batch"] for strategy in STRATEGIES}
        for kind in fault_kinds():
            for times, often in ((1, "once"), (1000, "for ever")):
                struck = {**healthy, "faults": [{"kind": kind, "batch": STRUCK_BATCH, "times": times, "wall_s": 0.2}]}
                device = scratch / f"{kind}-{times}.json"
                device.write_text(json.dumps(struck), encoding="utf-8")
                row = {"fault": kind, "strikes": often}
                for strategy in STRATEGIES:
                    code, seconds, workload = run(device, strategy, scratch)
                    batch, status = workload.get("answer", {}).get("batch"), workload.get("status", "none")
                    hung, crashed = code is None, code is not None and code < 0
                    # A refusal or a failed pass is the model's word on batch 8, not the worker's: it stands at once.
                    stands = often == "for ever" or kind in ("refuse", "refuse_and_replace", "refuse_for_memory", "failed", "out_of_memory", "leaky")
                    wrong = batch is None or batch > truth[strategy] or (batch != truth[strategy] and not stands)
                    outcome = "HANG" if hung else "CRASH" if crashed else "WRONG" if wrong else f"{status}, {batch}"
                    bad += hung or crashed or wrong
                    row[strategy] = f"{outcome} ({workload.get('probes', '?')} probes, {seconds:.1f} s)"
                rows.append(row)
                print(row, flush=True)
    common.write_result(
        options.out, "faults",
        title="Faults of a worker",
        what=f"Each kind of fault at batch {STRUCK_BATCH} of the simulated device, once and for ever: status and answer. "
             f"The healthy device's answer is {sorted(set(truth.values()))}. Struck for ever, batch {STRUCK_BATCH} is given up: "
             "strategies that stop there answer less, never more. The time-out of a probe is 1 s.",
        command="benchmarks/faults.py OUTDIR",
        columns=[("fault", "fault"), ("strikes", "strikes"), *((s, s) for s in STRATEGIES)],
        rows=rows,
        notes=[f"{len(fault_kinds())} kinds, {len(rows) * len(STRATEGIES)} runs; hangs, crashes of batchfit and wrong answers: {bad}."],
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
