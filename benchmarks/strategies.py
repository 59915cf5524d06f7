#!/usr/bin/env python3
"""The strategies on random simulated devices; writes the result file.

    python3 benchmarks/strategies.py OUTDIR [--devices 10000]

Needs the program `strategies` (cmake -DBATCHFIT_BENCHMARKS=ON), whose head says what a device is and what its seconds are.
"""

import argparse
import json
import pathlib
import subprocess

import common


def decisions(out, times):
    printed = subprocess.run([str(common.BIN / "strategies"), "--decisions", str(times)], check=True, capture_output=True, text=True).stdout
    rows = []
    for row in json.loads(printed):
        wrong = row["passes"] if row["share"] > 1 else row["fails"]
        rows.append({
            "noise": f"{100 * row['noise']:g} %", "batch": "1 % over" if row["share"] > 1 else "1 % under", "decisions": row["decisions"], "wrong": wrong,
            "rate": f"{100 * wrong / row['decisions']:.2f} %", "nominal": "5 %", "right": row["decisions"] - wrong - row["undecided"], "undecided": row["undecided"],
        })
        print(rows[-1])
    common.write_result(
        out, "simulated-decisions",
        title="Wrong verdicts beside the nominal level",
        what="One batch, 1 % over the limit or 1 % under it, judged so often with samples of fresh noise. Wrong: it passes though it is over, or fails though it is "
             "under; alpha is the nominal chance of either over a whole search.",
        command=f"benchmarks/strategies.py OUTDIR --decisions {times}",
        columns=[("noise", "noise"), ("batch", "batch"), ("decisions", "decisions"), ("wrong", "wrong"), ("rate", "rate"), ("nominal", "nominal"),
                 ("right", "right"), ("undecided", "undecided")],
        rows=rows,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--decisions", type=int, default=10_000)
    options = parser.parse_args()
    decisions(options.out, options.decisions)
    rows = []
    for noise in (0.005, 0.05):
        printed = subprocess.run([str(common.BIN / "strategies"), "--devices", str(options.devices), "--noise", str(noise)],
                                 check=True, capture_output=True, text=True).stdout
        for row in json.loads(printed):
            row["noise"] = f"to {noise * 100:g} %"
            for key in ("device_s", "to_exponential", "to_binary", "pairs_share"):
                row[key] = round(row[key], 3)
            row["undecided_margin"] = f"{100 * row['undecided_margin']:.2f} %"
            row["pairs_share"] = f"{100 * row['pairs_share']:.0f} %"
            rows.append(row)
            print(row)
    common.write_result(
        options.out, "simulated-strategies",
        title="Strategies on random simulated devices",
        what="Each device has a launch floor, a slope, waves, dips at multiples of 8, noise, drift, and some a spell of throttling; the limit "
             "is 2 × batch 1, the largest batch 512. Device seconds are those of passes alone, medians over the devices; ratios are medians of "
             "the ratio on one device. Exact: the true largest batch. Missed: a decided answer with a larger batch that would pass. Undecided: "
             "the noise left a batch above the answer open; its margin is the median distance of such a batch's true latency from the limit. Larger: whatever was "
             "answered, a larger batch would pass. Pairs: their share of all device seconds; the rest are solo samples. False pass and false fail: verdicts against the truth, of an answer and of its "
             "neighbour; the judge's level is 5 %.",
        command=f"benchmarks/strategies.py OUTDIR --devices {options.devices}",
        columns=[("noise", "noise"), ("strategy", "strategy"), ("probes", "probes"), ("device_s", "device s"),
                 ("to_exponential", "to exponential"), ("to_binary", "to binary"), ("exact", "exact"), ("missed", "missed"),
                 ("undecided", "undecided"), ("undecided_margin", "their margin"), ("larger", "a larger passes"), ("pairs_share", "pairs"), ("false_pass", "false pass"), ("false_fail", "false fail"), ("devices", "devices")],
        rows=rows,
    )


if __name__ == "__main__":
    main()
