"""The suite's workloads, whether two runs of them agree, and where the seconds of a run went (docs/results.md has the fields)."""

SUITE = ("resnet50", "vit_b_16", "yolo11n-pose", "llama-3-8b-nf4:prefill", "llama-3-8b-nf4:decode")
# Of two neighbours one may be the answer once and the other the next time where the limit lies within this share of one of them.
CLOSE = 0.003


def label(workload):
    """"llama-3-8b-nf4 decode bf16": what tells a workload of the suite from the others."""
    known = workload.get("subject", {}).get("workload", {})
    mode = known.get("mode", "forward")
    return " ".join(word for word in (workload["model"], "" if mode == "forward" else mode, known.get("dtype", "")) if word)


def answer_of(workload):
    return workload.get("answer", {}).get("batch")


def margins(workload):
    """By batch, the distance to the nearer limit as a share of it, of every batch that the answer rules on."""
    answer = workload.get("answer", {})
    rulings = [answer[name] for name in ("best", "largest", "next") if answer.get(name)] + answer.get("undecided", [])
    near = {}
    for ruling in rulings:
        known = [abs(ruling[limit]["margin"]) for limit in ("latency", "memory") if "margin" in ruling.get(limit, {})]
        if known:
            near[ruling["batch"]] = min(known)
    return near


def agreement(first, second):
    """("identical" | "close neighbours" | "different", the margin of the closer neighbour or None), of one workload in two runs."""
    a, b = answer_of(first), answer_of(second)
    if a is None or b is None:
        return "different", None
    if a == b:
        return "identical", None
    known = [near[batch] for near in (margins(first), margins(second)) for batch in (a, b) if batch in near]
    margin = min(known, default=None)
    close = abs(a - b) == 1 and margin is not None and margin < CLOSE
    return ("close neighbours" if close else "different"), margin


def spent(results):
    """A dictionary a workload: where the seconds of this run went. What a cache knew before does not count.

    `load_s` is from the workload's start to its first record: the start of the worker, before the first workload, and the load of the model.
    Absent where the device has no clock, as a simulated one, whose records all start at 0. `rest_s` is the tuner's own, and messages."""
    rows, start = [], results["started_at"]
    for workload in results["workloads"]:
        records = [] if workload["from_cache"] else [
            record for record in workload.get("records", []) if (record.get("started_at") or start) >= results["started_at"]]
        kinds = {kind: [record for record in records if record["record"] == kind] for kind in ("observation", "comparison")}
        row = {"workload": label(workload), "batch": answer_of(workload), "limited_by": workload.get("answer", {}).get("limited_by"),
               "status": workload["status"], "seconds": workload["seconds"], "probes": len(kinds["observation"]),
               "probes_s": sum(record.get("took_s", 0) for record in kinds["observation"]), "comparisons": len(kinds["comparison"]),
               "comparisons_s": sum(record.get("took_s", 0) for record in kinds["comparison"])}
        starts = [record["started_at"] for record in records if record.get("started_at")]
        if starts:
            row["load_s"] = max(0.0, min(starts) - start)
            row["rest_s"] = max(0.0, row["seconds"] - row["load_s"] - row["probes_s"] - row["comparisons_s"])
        rows.append(row)
        start += workload["seconds"]
    return rows
