#!/usr/bin/env python3
"""How well own memory is forecast one doubling ahead, on one GPU.

    python3 benchmarks/forecast.py OUTDIR [--device cuda:0] [--batches 1-256*2]

Needs only Python's standard library and the built programs (BATCHFIT_BIN: where they are, when not in build/release/bin).
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

import common

WORKLOADS = (
    ("resnet50", "fp32", ()),
    ("resnet50", "fp16", ()),
    ("resnet50", "fp16", ("--channels-last",)),
    ("vit_b_16", "fp32", ()),
    ("vit_b_16", "fp16", ()),
)


def forecasts(model, dtype, flags, timing, options, scratch):
    """The results of one `batchfit forecast` (docs/results.md)."""
    export = scratch / "forecasts.json"
    export.unlink(missing_ok=True)
    command = [str(common.BIN / "batchfit"), "forecast", model, "--dtype", dtype, "--timing", timing, *flags]
    command += ["--device", options.device, "--batches", options.batches, "--no-cache", "-q"]
    command += ["--export-json", str(export)]
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        print(f"exit {done.returncode}: {' '.join(command)}\n{done.stderr[-2000:]}", flush=True)
    return json.loads(export.read_text(encoding="utf-8"))["batches"] if export.exists() else []


def judged(batches):
    """The batches that were both forecast from two batches or more and measured: before that nothing can be known."""
    return [batch for batch in batches[2:] if "error" in batch]


def figures(batches):
    """Errors and widths of forecasts, in per cent of what was measured or forecast."""
    errors = [abs(batch["error"]) * 100 for batch in batches]
    said = [batch["forecast"] for batch in batches]
    widths = [(one["high_bytes"] - one["low_bytes"]) / one["own_bytes"] * 100 for one in said]
    return {
        "forecasts": len(batches),
        "median": round(statistics.median(errors), 3),
        "worst": round(max(errors), 3),
        "inside": sum(batch["inside"] for batch in batches),
        "median_width": round(statistics.median(widths), 2),
        "widest": round(max(widths), 2),
        "slowest_ms": round(max(batch["forecast_s"] for batch in batches) * 1e3, 3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--batches", default="1-256*2")
    options = parser.parse_args()

    rows, details, everything = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        for model, dtype, flags in WORKLOADS:
            for timing in ("graph", "eager"):
                batches = forecasts(model, dtype, flags, timing, options, pathlib.Path(scratch))
                name = {"model": model, "dtype": dtype + (" channels-last" if flags else ""), "timing": timing}
                for batch in batches:
                    said = batch.get("forecast", {})
                    details.append({
                        **name, "batch": batch["batch"], "outcome": batch.get("outcome", "not run"),
                        "basis": said.get("basis"), "forecast_bytes": said.get("own_bytes"),
                        "low_bytes": said.get("low_bytes"), "high_bytes": said.get("high_bytes"),
                        "own_bytes": batch.get("own_bytes"), "reserved_peak_bytes": batch.get("reserved_peak_bytes"),
                        "context_bytes": batch.get("context_bytes"), "traced": batch.get("traced"),
                    })
                if not judged(batches):
                    print(f"nothing to judge: {name}", flush=True)
                    continue
                everything += judged(batches)
                rows.append({**name, **figures(judged(batches))})
                print(rows[-1], flush=True)
    if everything:
        rows.append({"model": "all", "dtype": "", "timing": "", **figures(everything)})
        print(rows[-1])

    command = f"benchmarks/forecast.py OUTDIR --device {options.device} --batches {options.batches}"
    common.write_result(
        options.out, "forecast-errors",
        title="Own memory, forecast one doubling ahead",
        what="batchfit forecast: each batch is forecast from the smaller ones before it runs. Errors are of own memory "
             "(context, libraries and reserved), widths are of the interval; the first two batches are not judged, for "
             "two traces make the first full forecast.",
        command=command,
        columns=[("model", "model"), ("dtype", "dtype"), ("timing", "timing"), ("forecasts", "forecasts"),
                 ("median", "median error %"), ("worst", "worst error %"), ("inside", "inside the interval"),
                 ("median_width", "median width %"), ("widest", "widest %"), ("slowest_ms", "slowest forecast ms")],
        rows=rows,
    )
    common.write_result(
        options.out, "forecast-batches",
        title="Own memory, forecast and measured",
        what="Every batch behind the errors of the forecasts.",
        command=command,
        columns=[(key, key.replace("_", " ")) for key in details[0]] if details else [],
        rows=details,
    )


if __name__ == "__main__":
    main()
