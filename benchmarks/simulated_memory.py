#!/usr/bin/env python3
"""Searches under a memory limit on random allocation programs, against the truth of every batch; writes the result file.

    python3 benchmarks/simulated_memory.py OUTDIR [--programs 2000]

Needs the program `simulated_memory` (cmake -DBATCHFIT_BENCHMARKS=ON), whose head says what a program is.
"""

import argparse
import json
import pathlib
import subprocess

import common


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--programs", type=int, default=2000)
    options = parser.parse_args()
    rows = []
    for flags, programs in (((), "affine"), (("--changes",), "workspaces come and go")):
        printed = subprocess.run([str(common.BIN / "simulated_memory"), "--programs", str(options.programs), *flags],
                                 check=True, capture_output=True, text=True).stdout
        for row in json.loads(printed):
            row["equal_percent"] = round(100 * row["equal"] / row["programs"], 2)
            row["furthest_short_percent"] = round(100 * row.pop("furthest_short"), 1)
            row["strategy_ms_a_probe"] = round(row["strategy_ms_a_probe"], 3)
            rows.append({"kind": programs, **row})
            print(rows[-1], flush=True)
    common.write_result(
        options.out, "simulated-memory",
        title="Memory limits on random allocation programs",
        what="Each program is a chain of tensors with workspaces between them, run through PyTorch's allocator by the simulated device; the limit on "
             "own memory falls anywhere between batch 1 and batch 600, the largest. Equal: the answer is the largest batch within the limit, by a look at "
             "every one. Above: it breaks the limit. Furthest short: of the answers below the truth, the largest part that is missing; where "
             "workspaces come or go at a batch, a drop of memory that no trace has shown cannot be foreseen. Milliseconds a probe are those of the "
             "strategy, all its forecasts included.",
        command=f"benchmarks/simulated_memory.py OUTDIR --programs {options.programs}",
        columns=[("kind", "programs"), ("strategy", "strategy"), ("programs", "searches"), ("equal", "equal"), ("equal_percent", "equal %"),
                 ("above", "above"), ("furthest_short_percent", "furthest short %"), ("ooms", "out-of-memory"),
                 ("median_probes", "probes, median"), ("most_probes", "most"), ("strategy_ms_a_probe", "ms a probe")],
        rows=rows,
    )


if __name__ == "__main__":
    main()
