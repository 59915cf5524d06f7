#!/usr/bin/env python3
"""Answers on one GPU: do they repeat, are they true, and what do they cost.

    python3 benchmarks/answers.py OUTDIR [--device cuda:0] [--parts a,b,c,d] [--cases resnet50-fp32,…] [--seconds 1500]

a: fresh processes without a cache: the answer each time, and batches left open with their margins.
b: the truth: every batch to twice the answer, asked of one worker process with ten times the samples, close ones by ten times the pairs.
c: guided, guided without its look-ahead, binary and exponential in turn: probes, device seconds (what the records say they took), wall seconds.
d: the cold suite of resnet50 and vit_b_16 in fp32, and where its seconds go.

What is done is written after each case; a part that the --seconds are too few for is left out. `--device sim:FILE` and `--device cpu` try the script.
"""

import argparse
import collections
import json
import math
import pathlib
import statistics
import tempfile
import time

import common

Case = collections.namedtuple("Case", "name model options")
CASES = [
    Case("resnet50-fp32", "resnet50", ("--dtype", "fp32")),
    Case("resnet50-fp16", "resnet50", ("--dtype", "fp16")),
    Case("resnet50-fp16-nhwc", "resnet50", ("--dtype", "fp16", "--channels-last")),
    Case("vit_b_16-fp32", "vit_b_16", ("--dtype", "fp32")),
    Case("vit_b_16-fp16", "vit_b_16", ("--dtype", "fp16")),
    Case("yolo11n-pose-fp32", "yolo11n-pose", ("--dtype", "fp32")),
    Case("yolo11n-pose-fp16", "yolo11n-pose", ("--dtype", "fp16")),
]
STRATEGIES = {
    "guided": ("--strategy", "guided"),
    "guided, no look-ahead": ("--strategy", "guided", "--no-look-ahead"),
    "binary": ("--strategy", "binary"),
    "exponential": ("--strategy", "exponential"),
}
ALPHA, FAR, MOST_PAIRS, GIVE_UP, HOPEFUL = 0.05, 0.05, 2560, 320, 1.28  # the judge's, with ten times the pairs


def martingale(trials, successes):
    """docs/judge.md's, at one half."""
    term, total = (trials + 1) / (trials + 1 - successes), 0.0
    for j in range(successes, -1, -1):
        total += term
        term *= j / (trials + 2 - j)
        if term < 1e-17 * total:
            break
    return total / (trials + 1)


def sign_test(trials, successes, level):
    if martingale(trials, successes) >= 1 / level:
        return "pass"
    return "fail" if martingale(trials, trials - successes) >= 1 / level else "undecided"


def hopeless(trials, successes, level):
    rate = max(successes, trials - successes) / trials + HOPEFUL / (2 * math.sqrt(trials))
    leading = max(successes, trials - successes) + round(min(1, rate) * (MOST_PAIRS - trials))
    return sign_test(MOST_PAIRS, leading, level) == "undecided"


class Truth:
    """Every batch by one worker, with ten times the samples that a search takes."""

    def __init__(self, device, case):
        command = [str(common.BIN / "batchfit-worker-torch")]
        if device.startswith("sim:"):
            command = [str(common.BIN / "batchfit-worker-sim"), device[4:]]
        self.worker = common.Worker(command)
        self.worker.ask("hello", protocol=1, heartbeat_timeout_s=3600)
        options = case.options
        loaded = self.worker.ask("load", device=device, model=case.model, weights="random", seed=0, timing="auto",
                                 dtype=options[options.index("--dtype") + 1], channels_last="--channels-last" in options)
        self.graph = loaded["subject"]["workload"]["timing"] == "graph"
        self.tests = 0
        self.one = self.latency(1)

    def latency(self, batch):
        reply = self.worker.ask("probe", batch=batch, min_samples=70, max_samples=300, seconds=1.0, trace=False)
        record = next(r for r in reply["records"] if r["record"] == "observation")
        return statistics.median(record["samples_s"]) if record["outcome"] == "measured" else None

    def verdict(self, batch, ratio=2):
        """(verdict, margin, pairs)"""
        if batch == 1:
            return "pass", 1 - 1 / ratio, 0
        latency = self.latency(batch)
        if latency is None:
            return "fail", None, 0
        margin = 1 - latency / (ratio * self.one)
        if abs(margin) >= (FAR if self.graph else 5 * FAR):
            return ("pass" if margin > 0 else "fail"), margin, 0
        return self.compared(batch, ratio)

    def compared(self, batch, ratio):
        self.tests += 1
        level = ALPHA * 6 / (math.pi**2 * self.tests**2)
        ratios, within, verdict = [], 0, "undecided"
        while verdict == "undecided" and len(ratios) < MOST_PAIRS:
            if len(ratios) >= GIVE_UP and hopeless(len(ratios), within, level):
                break
            reply = self.worker.ask("compare", reference=1, candidate=batch, pairs=80, seed=len(ratios) + 1)
            pairs = reply["records"][0]["pairs_s"]
            ratios += [candidate / reference for reference, candidate, _ in pairs]
            within += sum(candidate <= ratio * reference for reference, candidate, _ in pairs)
            verdict = sign_test(len(ratios), within, level)
        return verdict, 1 - statistics.median(ratios) / ratio, len(ratios)


class Bench:
    def __init__(self, options, scratch):
        self.options = options
        self.scratch = scratch
        self.start = time.monotonic()
        self.rows = collections.defaultdict(list)
        self.batches = {}  # by case: the answer of its first run

    def left(self):
        return self.options.seconds - (time.monotonic() - self.start)

    def tune(self, models, extra):
        arguments = [*models, "--device", self.options.device, "--no-cache", "-q", *self.options.extra, *extra]
        export = self.scratch / "run.json"
        export.unlink(missing_ok=True)
        _, seconds, results = common.tune(arguments, export)
        if not results:
            raise RuntimeError("no results")
        return seconds, results["workloads"], results["started_at"]

    def write(self, part):
        titles = {
            "a": ("gpu-repeats", "Answers of repeated runs",
                  "Fresh processes, no cache, default limits: how often which batch was the answer, and which batches were left open, with their margins.",
                  [("case", "case"), ("runs", "runs"), ("answers", "answers"), ("open", "left open"), ("median_s", "median s"), ("max_s", "max s")]),
            "b": ("gpu-truth", "Answers against an exhaustive sweep",
                  "Every batch to twice the answer by one worker process, with ten times the samples of a search, those within 5 % of the limit by up to 2,560 pairs "
                  "under the judge's rule.",
                  [("case", "case"), ("answer", "answer"), ("truth", "largest that passes"), ("equal", "equal"), ("open", "open in the sweep"),
                   ("near", "near the limit: margins"), ("batches", "batches"), ("seconds", "s")]),
            "c": ("gpu-strategies", "What the strategies cost",
                  "The strategies in turn, fresh processes, no cache. Device seconds are what the records say they took; ratios are of medians.",
                  [("case", "case"), ("strategy", "strategy"), ("answers", "answers"), ("probes", "probes"), ("device_s", "device s"), ("wall_s", "wall s"),
                   ("to_binary", "device s to binary"), ("to_exponential", "to exponential"), ("runs", "runs")]),
            "d": ("gpu-suite", "The cold suite resnet50 vit_b_16, fp32",
                  "Whole processes without a cache. Startup is from the start of the process to the first probe, model load included; between the models lies the second's load.",
                  [("run", "run"), ("wall_s", "wall s"), ("startup_s", "to the first probe"), ("between_s", "between the models"), ("probes_s", "probes"),
                   ("comparisons_s", "comparisons"), ("rest_s", "the rest"), ("answers", "answers")]),
        }
        name, title, what, columns = titles[part]
        if self.options.device != "cuda:0":
            name += "-" + self.options.device.split(":")[0]
        common.write_result(self.options.out, name, title=title, what=what, columns=columns, rows=self.rows[part],
                            command=f"benchmarks/answers.py OUTDIR --device {self.options.device} --parts {part}")


def device_seconds(workload):
    return sum(record.get("took_s", 0) for record in workload["records"])


def count(values):
    return ", ".join(f"{value} ({times}×)" for value, times in collections.Counter(values).most_common())


def open_batches(workload):
    undecided = workload.get("answer", {}).get("undecided", [])
    return {u["batch"]: u["latency"]["margin"] for u in undecided if "latency" in u}


def repeats(bench, case):
    answers, seconds, left_open = [], [], collections.defaultdict(list)
    for _ in range(bench.options.repeats):
        if bench.left() < 0:
            break
        took, (workload,), _ = bench.tune([case.model], case.options)
        answers.append(workload.get("answer", {}).get("batch"))
        seconds.append(took)
        for batch, margin in open_batches(workload).items():
            left_open[batch].append(margin)
    if not answers:
        return
    bench.batches[case.name] = statistics.mode(answers)
    bench.rows["a"].append({
        "case": case.name, "runs": len(answers), "answers": count(answers), "median_s": round(statistics.median(seconds), 2), "max_s": round(max(seconds), 2),
        "open": "; ".join(f"{b}: {len(m)}×, {100 * min(m):+.2f} to {100 * max(m):+.2f} %" for b, m in sorted(left_open.items())) or "none",
    })


def truth(bench, case):
    if case.name not in bench.batches:
        _, (workload,), _ = bench.tune([case.model], case.options)
        bench.batches[case.name] = workload["answer"]["batch"]
    answer = bench.batches[case.name]
    start = time.monotonic()
    sweep, verdicts = Truth(bench.options.device, case), {}
    for batch in range(1, 2 * answer + 1):
        if bench.left() < 0:
            break
        verdicts[batch] = sweep.verdict(batch)
    sweep.worker.close()
    passing = [batch for batch, (verdict, _, _) in verdicts.items() if verdict == "pass"]
    left_open = [batch for batch, (verdict, _, _) in verdicts.items() if verdict == "undecided"]
    largest = max(passing, default=None)
    whole = len(verdicts) == 2 * answer
    near = {b: v for b, v in verdicts.items() if v[2] > 0}
    bench.rows["b"].append({
        "case": case.name, "answer": answer, "truth": largest, "open": ", ".join(map(str, left_open)) or "none", "batches": len(verdicts),
        "equal": ("yes" if largest == answer else "no") if whole else "not finished",
        "near": "; ".join(f"{b} {v[0]} {100 * v[1]:+.2f} % ({v[2]} pairs)" for b, v in near.items()) or "none",
        "seconds": round(time.monotonic() - start, 1),
    })


def costs(bench, case):
    runs = collections.defaultdict(list)
    for _ in range(bench.options.turns):
        for name, extra in STRATEGIES.items():
            if bench.left() < 0:
                break
            wall, (workload,), _ = bench.tune([case.model], (*case.options, *extra))
            runs[name].append((workload.get("answer", {}).get("batch"), workload["probes"], device_seconds(workload), wall))
    medians = {name: statistics.median(run[2] for run in made) for name, made in runs.items() if made}
    for name, made in runs.items():
        bench.rows["c"].append({
            "case": case.name, "strategy": name, "runs": len(made), "answers": count(run[0] for run in made),
            "probes": statistics.median(run[1] for run in made), "device_s": round(medians[name], 3),
            "wall_s": round(statistics.median(run[3] for run in made), 2),
            **{f"to_{other}": round(medians[name] / medians[other], 2) for other in ("binary", "exponential") if medians.get(other)},
        })


def suite(bench):
    models = bench.options.suite.split(",")
    for run in range(bench.options.turns):
        if bench.left() < 0:
            break
        wall, workloads, started_at = bench.tune(models, ("--dtype", bench.options.suite_dtype))
        first, last = workloads[0], workloads[-1]
        row = {"run": run + 1, "wall_s": round(wall, 2), "answers": ", ".join(str(w.get("answer", {}).get("batch")) for w in workloads)}
        for key, kind in (("probes_s", "observation"), ("comparisons_s", "comparison")):
            row[key] = round(sum(r.get("took_s", 0) for w in workloads for r in w["records"] if r["record"] == kind), 2)
        timed = [[r for r in w["records"] if r.get("started_at")] for w in (first, last)]
        if all(timed):  # a simulated device has no clock
            row["startup_s"] = round(timed[0][0]["started_at"] - started_at, 2)
            if first is not last:
                row["between_s"] = round(timed[1][0]["started_at"] - timed[0][-1]["started_at"] - timed[0][-1]["took_s"], 2)
        known = sum(row.get(key, 0) for key in ("startup_s", "between_s", "probes_s", "comparisons_s"))
        row["rest_s"] = round(wall - known, 2)
        bench.rows["d"].append(row)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--parts", default="a,b,c,d")
    parser.add_argument("--cases", default=",".join(case.name for case in CASES))
    parser.add_argument("--model", help="in place of the cases' (a simulated device has one of its own)")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--suite", default="resnet50,vit_b_16")
    parser.add_argument("--suite-dtype", default="fp32")
    parser.add_argument("--seconds", type=float, default=1500)
    parser.add_argument("--extra", type=lambda text: text.split(), default=[], help="more options of batchfit tune, as in '--max-batch 8'")
    options = parser.parse_args()
    known = {case.name: case for case in CASES}
    cases = [known[name] for name in options.cases.split(",")]
    if options.model:
        cases = [case._replace(model=options.model) for case in cases]
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(options, pathlib.Path(scratch))
        steps = {"a": repeats, "b": truth, "c": costs}
        for part in options.parts.split(","):
            if part == "d":
                suite(bench)
                bench.write(part)
                continue
            for case in cases:
                if bench.left() < 0:
                    print(f"no time for {case.name} in part {part}", flush=True)
                    continue
                try:
                    steps[part](bench, case)
                except (RuntimeError, ValueError, BrokenPipeError) as error:
                    print(f"{case.name}, part {part}: {error}", flush=True)
                    continue
                bench.write(part)
                print(json.dumps(bench.rows[part][-1], ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
