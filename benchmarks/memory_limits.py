#!/usr/bin/env python3
"""Largest batch under memory limits alone, on one GPU: the searches, and the truth around their answers.

    python3 benchmarks/memory_limits.py OUTDIR [--parts searches,others,truth] [--cases resnet50-fp32,…] [--timings graph,eager]
        [--limits 2GiB,…,90%] [--seconds 1500] [--device cuda:0|sim:FILE] [--worker COMMAND --models resnet50=torchvision-resnet50,…]

The truth is made of rehearsals (docs/protocol.md); the answer's neighbour is run too, to see that both take the same. Where OUTDIR holds
the memory of all that is looked at already (memory-truth.json), it is not measured again; without the part `searches` the searches that
OUTDIR holds (memory-limits.json) are those that the truth is looked for.

Every case is written down as soon as it is measured; what --seconds leaves no time for stands in the results' notes. Needs the built
programs (BATCHFIT_BIN: where they are).
"""

import argparse
import json
import math
import pathlib
import shlex
import sys
import tempfile
import time

import common

CASES = {
    "resnet50-fp32": ("resnet50", "fp32", False),
    "resnet50-fp16": ("resnet50", "fp16", False),
    "resnet50-fp16-channels-last": ("resnet50", "fp16", True),
    "vit_b_16-fp32": ("vit_b_16", "fp32", False),
    "vit_b_16-fp16": ("vit_b_16", "fp16", False),
}
# Elements an item of the largest tensors: at 2^31 elements libraries work in another way.
ELEMENTS = {"resnet50": (802_816, 401_408, 200_704), "vit_b_16": (605_184, 453_888, 151_296)}
MAX_BATCH = 16_384
WINDOW = 0.02  # the truth is looked for this far on both sides of the answer …
MOST_IN_WINDOW = 41  # … at every batch where there are not more than these, else at so many
HORIZON = 1.5  # and at some batches up to so many times the answer, for drops of memory
FAR_LOOKS = 8
RUN_UP_TO = 16 << 30  # the answer's neighbour is run too at limits up to this: at larger ones it takes many seconds
GIB = 1 << 30
OTHERS_LIMITS = ("4GiB",)  # where guided is held against other searches


class Bench:
    """What all parts share: options, the clock, and where results go."""

    def __init__(self, options, scratch):
        self.options, self.scratch = options, scratch
        self.deadline = time.monotonic() + options.seconds
        self.skipped = []
        self.models = dict(pair.split("=") for pair in options.models.split(",") if pair)
        self.suffix = "-python" if options.worker else ""
        self.known = self.known_memory()  # own bytes by batch, by case and timing

    def known_memory(self):
        known = {}
        for row in common.saved_rows(self.options.out, f"memory-truth{self.suffix}"):
            known.setdefault((row["case"], row["timing"]), {}).update({int(batch): own for batch, own in row["own_bytes"].items() if own})
        return known

    def out_of_time(self, what):
        if time.monotonic() < self.deadline:
            return False
        self.skipped.append(what)
        return True

    def model(self, case):
        return self.models.get(case[0], case[0])

    def tune_arguments(self, case, timing, limit, strategy):
        model, dtype, channels_last = case
        arguments = [self.model(case), "--device", self.options.device, "--dtype", dtype, "--timing", timing, "--latency-limit", "none",
                     "--memory-limit", limit, "--max-batch", str(MAX_BATCH), "--strategy", strategy, "-q"]
        if channels_last:
            arguments.append("--channels-last")
        if self.options.worker:
            arguments += ["--worker", self.options.worker]
        return arguments

    def tune(self, case, timing, limit, strategy):
        export = self.scratch / "run.json"
        export.unlink(missing_ok=True)
        code, seconds, results = common.tune([*self.tune_arguments(case, timing, limit, strategy), "--no-cache"], export)
        return code, seconds, (results.get("workloads") or [{}])[0]

    def worker(self, case, timing):
        return Prober(self, case, timing)

    def write(self, name, title, what, columns, rows):
        if not rows:
            return
        common.write_result(self.options.out, name + self.suffix, title=title, what=what,
                            command=f"benchmarks/{pathlib.Path(sys.argv[0]).name} OUTDIR --limits {self.options.limits} --timings {self.options.timings}"
                                    + (" --worker …" if self.options.worker else ""),
                            columns=columns, rows=rows,
                            notes=[f"No time was left for: {', '.join(self.skipped)}."] if self.skipped else [])


class Prober:
    """A worker of one workload that is asked for one batch after the other; it is replaced when it says so or ends."""

    def __init__(self, bench, case, timing):
        self.bench, self.case, self.timing = bench, case, timing
        self.process, self.restarts = None, -1

    def start(self):
        device = self.bench.options.device
        if self.bench.options.worker:
            command = shlex.split(self.bench.options.worker)
        elif device.startswith("sim:"):
            command = [str(common.BIN / "batchfit-worker-sim"), device[4:]]
        else:
            command = [str(common.BIN / "batchfit-worker-torch")]
        model, dtype, channels_last = self.case
        self.process = common.Worker(command)
        self.restarts += 1
        self.process.ask("hello", protocol=1, heartbeat_timeout_s=3600)
        self.process.ask("load", device="sim:0" if device.startswith("sim:") else device, model=self.bench.model(self.case), weights="random",
                         seed=0, dtype=dtype, channels_last=channels_last, mode="forward", shape={}, timing=self.timing)

    def probe(self, batch, cap=None, rehearse=False):
        """The observation of one batch; {} where the worker failed."""
        try:
            if self.process is None:
                self.start()
            limits = ({"cap_bytes": cap} if cap else {}) | ({"rehearse": True} if rehearse else {})
            reply = self.process.ask("probe", batch=batch, min_samples=1, max_samples=1, seconds=0, trace=False, **limits)
        except (RuntimeError, OSError, ValueError) as error:
            print(f"batch {batch}: {error}", flush=True)
            self.close()
            return {}
        if reply.get("replace_worker"):
            self.close()
        return next(record for record in reply["records"] if record["record"] == "observation")

    def own(self, batch, rehearse):
        """Own memory in bytes; infinity where it did not fit."""
        seen = self.probe(batch, rehearse=rehearse)
        return common.own_memory(seen) if seen.get("outcome") in ("measured", "rehearsed") else math.inf

    def close(self):
        if self.process:
            self.process.process.kill()
            self.process.process.wait()
        self.process = None


def out_of_memory(record):
    return record.get("outcome") == "out_of_memory" or record.get("ooms", 0) > 0


def ooms(workload):
    return sum(out_of_memory(record) for record in workload.get("records", []))


def forecast_of_answer(workload):
    """What was said of the answer from other batches, and by its rehearsal, and how far off each was from its run, in per cent."""
    batch = workload.get("answer", {}).get("batch")
    said = next((one for one in workload.get("forecasts", []) if one["batch"] == batch), None)
    measured = workload.get("answer", {}).get("at_best", {}).get("own_memory_bytes")
    if not said or not measured:
        return {}
    found = {"forecast_bytes": said["own_bytes"], "measured_bytes": measured, "basis": said["basis"],
             "error_percent": round(100 * (said["own_bytes"] / measured - 1), 3),
             "inside": said["low_bytes"] <= measured <= said["high_bytes"]}
    rehearsed = next((record for record in workload.get("records", [])
                      if record.get("batch") == batch and record.get("outcome") == "rehearsed"), None)
    if rehearsed:
        found["rehearsal_error_percent"] = round(100 * (common.own_memory(rehearsed) / measured - 1), 3)
    return found


def row_of(name, timing, limit, strategy, code, seconds, workload):
    answer = workload.get("answer", {})
    tried = [batch["batch"] for batch in workload.get("batches", [])]
    run = [batch["batch"] for batch in workload.get("batches", []) if batch.get("outcome") != "rehearsed"]
    return {"case": name, "timing": timing, "limit": limit, "strategy": strategy, "exit": code, "batch": answer.get("batch"),
            **forecast_of_answer(workload), "ended": answer.get("why"), "largest_tried": max(tried, default=None), "runs": len(run), "ooms": ooms(workload),
            "probes": workload.get("probes"), "seconds": round(seconds, 2), **workload.get("environment", {})}


def own_limit(limit, workload):
    """A limit on own memory, in bytes."""
    if not limit.endswith("%"):
        return int(float(limit.removesuffix("GiB")) * GIB)
    environment = workload["environment"]
    return int(float(limit[:-1]) / 100 * environment["total_bytes"]) - environment.get("others_bytes", 0)


def retry_on_oom(bench, case, timing, limit):
    """The usual loop: double until out of memory, then halve the step; the limit is the worker's cap."""
    prober = bench.worker(case, timing)
    start, passing, step, probes, failed = time.perf_counter(), 0, 1, 0, 0
    doubling = True
    while step >= 1 and passing + step <= MAX_BATCH:
        probes += 1
        if prober.probe(passing + step, limit).get("outcome") == "measured":
            passing += step
            step = passing if doubling else step // 2
        else:
            failed += 1
            doubling = False
            step //= 2
    prober.close()
    return {"batch": passing, "probes": probes, "ooms": failed, "restarts": prober.restarts, "seconds": round(time.perf_counter() - start, 2)}


def batches_around(case, answer, furthest, window):
    """Every batch within the window, up to so many; both sides of each change of regime; and some up to the furthest."""
    first, last = max(1, math.floor(answer * (1 - window))), math.ceil(answer * (1 + window))
    stride = max(1, math.ceil((last - first + 1) / MOST_IN_WINDOW))
    batches = set(range(first, last + 1, stride)) | {answer, answer + 1}
    changes = [math.ceil((1 << 31) / elements) for elements in ELEMENTS.get(case[0], ())]
    batches |= {side for change in changes if answer < change <= furthest for side in (change - 1, change)}
    batches |= {last + (furthest - last) * look // FAR_LOOKS for look in range(1, FAR_LOOKS + 1) if furthest > last}
    return stride, sorted(batch for batch in batches if batch <= MAX_BATCH)


def truth_around(prober, known, case, limit, workload, window=WINDOW, horizon=HORIZON):
    """The largest batch within the limit among those that are looked at, and what was looked at.

    The context wanders by some MiB from process to process, so it is taken to be that of the search throughout.
    """
    answer, measured = workload["answer"]["batch"], workload["answer"]["at_best"]["own_memory_bytes"]
    room = workload["environment"]["total_bytes"] / limit  # beyond it the device itself is full
    stride, batches = batches_around(case, answer, int(min(horizon, max(1, 0.98 * room)) * answer), window)
    if all(batch in known for batch in batches):
        own = {batch: known[batch] for batch in batches}
    else:
        own = {batch: prober.own(batch, rehearse=True) for batch in batches}
    shift = measured - own[answer]
    unlike = prober.own(answer + 1, rehearse=False) - own[answer + 1] if limit <= RUN_UP_TO and not math.isinf(own[answer + 1]) else None
    within = [batch for batch, taken in own.items() if taken + shift <= limit]
    return {"truth": max(within, default=None), "stride": stride, "looked_at": len(own), "shift_bytes": shift, "unlike_bytes": unlike,
            "own_bytes": {str(batch): None if math.isinf(taken) else taken for batch, taken in own.items()}}


def saved_search(bench, name, timing, limit):
    """What the truth needs to know of a search whose row OUTDIR holds; {} where it holds none."""
    rows = common.saved_rows(bench.options.out, f"memory-limits{bench.suffix}")
    row = next((row for row in rows if (row["case"], row["timing"], row["limit"], row["strategy"]) == (name, timing, limit, "guided")), None)
    if row is None:
        return {}
    return {"answer": {"batch": row["batch"], "at_best": {"own_memory_bytes": row["measured_bytes"]}},
            "environment": {"total_bytes": row["total_bytes"], "others_bytes": row["others_bytes"]}}


def each_case(bench):
    for name in bench.options.cases.split(","):
        for timing in bench.options.timings.split(","):
            yield name, bench.options.known_cases[name], timing


SEARCH_COLUMNS = [("case", "case"), ("timing", "timing"), ("limit", "limit"), ("strategy", "strategy"), ("batch", "answer"),
                  ("error_percent", "forecast of the answer: error %"), ("inside", "inside"),
                  ("rehearsal_error_percent", "its rehearsal: error %"), ("largest_tried", "largest tried"), ("runs", "batches run"),
                  ("ooms", "out-of-memory"), ("probes", "probes"), ("seconds", "seconds")]
TRUTH_COLUMNS = [("case", "case"), ("timing", "timing"), ("limit", "limit"), ("batch", "answer"), ("truth", "truth"), ("equal", "equal"),
                 ("stride", "stride"), ("looked_at", "batches rehearsed"), ("unlike_bytes", "neighbour: run less rehearsal, bytes")]


def other_searches(bench, name, case, timing, limit, environment):
    """Exponential without the forecast, and the usual loop."""
    yield row_of(name, timing, limit, "exponential", *bench.tune(case, timing, limit, "exponential"))
    yield {"case": name, "timing": timing, "limit": limit, "strategy": "retry on out-of-memory",
           **retry_on_oom(bench, case, timing, own_limit(limit, {"environment": environment}))}


def searches_and_truth(bench):
    searches, truths = [], []
    parts = bench.options.parts.split(",")
    for name, case, timing in each_case(bench):
        found = {}
        for limit in bench.options.limits.split(","):
            if bench.out_of_time(f"{name} {timing} {limit}"):
                continue
            if "searches" not in parts:
                found[limit] = saved_search(bench, name, timing, limit)
                continue
            code, seconds, found[limit] = bench.tune(case, timing, limit, "guided")
            searches.append(row_of(name, timing, limit, "guided", code, seconds, found[limit]))
            print(searches[-1], flush=True)
            if "others" in parts and limit in OTHERS_LIMITS and "environment" in found[limit]:
                for row in other_searches(bench, name, case, timing, limit, found[limit]["environment"]):
                    searches.append(row)
                    print(row, flush=True)
            bench.write("memory-limits", "Memory limits alone",
                        "`--latency-limit none`: guided by the forecast of memory, exponential without it, and the usual loop that doubles until "
                        "out of memory and then halves its step, the limit being its cap. The errors are of own memory of the answer: as forecast "
                        "from other batches before it was first tried, and as rehearsed before it was run.", SEARCH_COLUMNS, searches)
        # Only now, for another process on the device would cap the searches.
        prober, known = bench.worker(case, timing), bench.known.get((name, timing), {})
        for limit, workload in found.items():
            answer = workload.get("answer", {}).get("batch")
            if "truth" not in parts or not answer or bench.out_of_time(f"truth of {name} {timing} {limit}"):
                continue
            truth = truth_around(prober, known, case, own_limit(limit, workload), workload)
            truths.append({"case": name, "timing": timing, "limit": limit, "batch": answer, **truth, "equal": truth["truth"] == answer})
            print({key: value for key, value in truths[-1].items() if key != "own_bytes"}, flush=True)
            bench.write("memory-truth", "Answers under memory limits against the truth",
                        f"Truth: the largest batch within the limit of those rehearsed one by one: within ±{WINDOW:.0%} of the answer at the stride "
                        f"given, on both sides of each batch at which a tensor reaches 2^31 elements, and {FAR_LOOKS} more up to {HORIZON} times the "
                        "answer or what the device holds. Up to 16 GiB the answer's neighbour was run too.", TRUTH_COLUMNS, truths)
        prober.close()


def options_of(description, parts, timings):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--parts", default=parts)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--timings", default=timings)
    parser.add_argument("--limits", default="2GiB,4GiB,8GiB,16GiB,32GiB,90%")
    parser.add_argument("--seconds", type=float, default=1500, help="begin nothing new after so many")
    parser.add_argument("--worker", default="", help="command of another worker, as for batchfit tune")
    parser.add_argument("--models", default="", help="what that worker calls the models: resnet50=torchvision-resnet50,…")
    options = parser.parse_args()
    options.known_cases = CASES
    if options.device.startswith("sim:"):
        simulated = json.loads(pathlib.Path(options.device[4:]).read_text(encoding="utf-8"))
        options.known_cases = {simulated["model"]: (simulated["model"], simulated["dtypes"][0], False)}
        options.cases = simulated["model"]
    return options


def measure(options, part):
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(options, pathlib.Path(scratch))
        part(bench)
    if bench.skipped:
        print("no time was left for:", *bench.skipped, sep="\n  ")


if __name__ == "__main__":
    measure(options_of(__doc__, "searches,others,truth", "graph,eager"), searches_and_truth)
