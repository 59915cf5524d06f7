"""The figures of Day 12's comparison, each read from one raw result of reports/benchmarks.

A raw result that is not there yet gives a figure that is not measured; one whose rows lack what is read raises BadFile.
"""

import dataclasses
import statistics

from make_benchmarks_doc import FORMATS, BadFile, three_digits


@dataclasses.dataclass
class Figure:
    key: str
    group: str
    what: str
    file: str  # name of the raw result, without .json
    value: str | None = None  # None: not measured
    wanted: str | None = None  # None: no figure was wanted
    met: bool | None = None


seconds, count, size = FORMATS["seconds"], FORMATS["count"], FORMATS["bytes"]


def met_of(rows):
    """Of the rows that say whether they met what was wanted: all of them; None where none says."""
    said = [row["met"] for row in rows if isinstance(row.get("met"), bool)]
    return all(said) if said else None


def each(rows, key, form=str):
    return ", ".join(form(row[key]) for row in rows)


def row_of(rows, **wanted):
    for row in rows:
        if all(row.get(key) == value for key, value in wanted.items()):
            return row
    raise KeyError(f"no row with {wanted}")


# Each of these takes the rows of its file and returns (value, met), where met is None if no figure was wanted.


def suite_seconds(rows):
    whole = row_of(rows, workload="whole process")
    return ", ".join(f"{wall:.2f} s" for wall in whole["seconds"]), whole["met"]


def suite_answers(rows):
    whole = row_of(rows, workload="whole process")
    return "; ".join(f"{row['workload']} {row['answers']}" for row in rows if row is not whole), whole["answers_met"]


def suite_parts(rows):
    return "; ".join(f"{row['workload']} {statistics.median(row['seconds']):.2f} s, of which load {seconds(row['load_s'])}, {row['probes']:.0f} probes"
                     for row in rows if "load_s" in row) or "no clock", None


def repeats_of(case):
    def read(rows):
        row = row_of(rows, case=case)
        return f"{row['answers']} in {row['runs']} cold runs", "," not in row["answers"]

    return read


def pair_of_models(rows):
    walls = [row["wall_s"] for row in rows]
    return f"{min(walls):.2f} to {max(walls):.2f} s in {len(walls)} runs, answers {rows[0]['answers']} each time", len({row["answers"] for row in rows}) == 1


def truth(rows):
    equal = sum(row["equal"] in ("yes", True) for row in rows)
    return f"{equal} of {len(rows)} answers are the largest batch that passes", equal == len(rows)


def wrong_verdicts(rows):
    worst = max(rows, key=lambda row: row["wrong"] / row["decisions"])
    share = worst["wrong"] / worst["decisions"]
    return f"at most {three_digits(100 * share)} % ({worst['wrong']} of {count(worst['decisions'])} decisions at {worst['noise']} noise)", share <= 0.05


def doubling_errors(rows):
    every = row_of(rows, model="all")
    return (f"median {three_digits(every['median'])} %, worst {three_digits(every['worst'])} %; "
            f"{every['inside']} of {every['forecasts']} inside the interval that was said"), None


def answer_errors(rows):
    guided = [row for row in rows if row["strategy"] == "guided" and row.get("error_percent") is not None]
    errors = [abs(row["error_percent"]) for row in guided]
    rehearsed = [abs(row["rehearsal_error_percent"]) for row in guided if row.get("rehearsal_error_percent") is not None]
    return (f"median {three_digits(statistics.median(errors))} %, worst {three_digits(max(errors))} % of {len(errors)}; "
            f"after a rehearsal worst {three_digits(max(rehearsed))} % of {len(rehearsed)}"), statistics.median(errors) <= 0.2 and max(errors) <= 1


def events(strategy):
    def read(rows):
        searches = [row for row in rows if row["strategy"] == strategy]
        ooms = sum(row["ooms"] for row in searches)
        return f"{ooms} in {len(searches)} searches", ooms == 0

    return read


def neighbours(rows):
    own, theirs, struck = sum(row["ooms"] for row in rows), sum(row["neighbour_ooms"] for row in rows), sum(row["ooms"] > 0 for row in rows)
    return f"{own} of its own, in {struck} of {len(rows)} searches; {theirs} of the neighbour", own + theirs == 0


def loop_events(rows):
    loops = [row for row in rows if row["strategy"] == "retry on out-of-memory"]
    return f"{sum(row['ooms'] for row in loops)} in {len(loops)} searches, {sum(row['restarts'] for row in loops)} restarts", None


def faults(rows):
    cells = [row[strategy] for row in rows for strategy in ("exponential", "binary", "sweep", "guided")]
    found = sum(cell.startswith("found, ") for cell in cells)
    return f"{found} of {len(cells)} searches end with a proven answer", found == len(cells)


def kills(rows):
    lost, invalid = sum(row["lost"] for row in rows), sum(row["invalid"] for row in rows)
    total = f"{count(sum(row['kills'] for row in rows))} kills, {count(sum(row['records'] for row in rows))} records"
    return f"{lost} records lost, {invalid} invalid caches ({total})", lost + invalid == 0


def cached(rows):
    row = row_of(rows, what="cached answer, 1000 workloads in the cache")
    return f"{seconds(row['median_ms'] / 1e3)}, of which the driver's library {seconds(row['nvml_ms'] / 1e3)}", None


def cold(rows):
    row = next(row for row in rows if row["what"].startswith("cold tune"))
    return f"{seconds(row['median_ms'] / 1e3)} ({row['what'].removeprefix('cold tune ')})", None


def video(work):
    def read(rows):
        best = max((row for row in rows if row["work"] == work), key=lambda row: row["frames_per_s"])
        share = best["frames_per_s"] / best["slowest_frames_per_s"]
        return (f"{three_digits(best['frames_per_s'])} frames/s in {best['dtype']} at batch {best['batch']}, "
                f"{three_digits(100 * share)} % of what {best['slowest']}, its slowest stage, could do"), None

    return read


def beside_ultralytics(work):
    def read(rows):
        best = max((row for row in rows if row["work"] == work), key=lambda row: row["frames_per_s"])
        times = best["batchfit_frames_per_s"] / best["frames_per_s"]
        return f"{three_digits(times)} × its {three_digits(best['frames_per_s'])} frames/s", times >= 3

    return read


def stages_alone(rows):
    return "; ".join(f"{row['stage']} {three_digits(row['frames_per_s'])} frames/s" for row in rows), None


def memory_growth(rows):
    names = {"worker_bytes": "worker", "ffmpeg_bytes": "ffmpeg", "device_bytes": "device"}
    return "; ".join(f"{names.get(row['memory'], row['memory'])} {100 * row['growth']:+.2f} %" for row in rows), all(row["growth"] < 0.01 for row in rows)


def pose_rates(rows):
    best = {name: max((row for row in rows if row["precision"] == name), key=lambda row: row["per_s"]) for name in ("fp32", "fp16")}
    return "; ".join(f"{name} {count(row['per_s'])} images/s at batch {row['batch']}" for name, row in best.items()), None


def folding(rows):
    large = [row for row in rows if row["batch"] >= 32]
    return "; ".join(f"{row['precision']} at {row['batch']}: {100 * (1 / row['ratio'] - 1):.1f} %" for row in large), all(1 / row["ratio"] >= 1.15 for row in large)


def llama_latency(mode, batch):
    def read(rows):
        row = row_of(rows, mode=mode, batch=batch)
        return (f"{seconds(row['latency'])}, {count(row['tokens_per_s'])} tokens/s" if "latency" in row else str(row["outcome"])), bool(row.get("met", False))

    return read


def llama_search(mode):
    def read(rows):
        runs = [row for row in rows if row["mode"] == mode]
        return f"{each(runs, 'seconds', seconds)}; answers {each(runs, 'batch')}", met_of(runs)

    return read


def llama_answers(rows):
    return "; ".join(f"{row['mode']} {row['answer']}, sweep {row['sweep']}" for row in rows), all(row["equal"] for row in rows)


def llama_limits(rows):
    ooms = sum(row["ooms"] for row in rows)
    return "; ".join(f"{row['limit']}: batch {row['batch']}" for row in rows) + f"; {ooms} out-of-memory events", ooms == 0


def llama_load(rows):
    return f"{size(rows[0]['bytes'])} in {each(rows, 'read', seconds)}; {three_digits(100 * statistics.median(row['share'] for row in rows))} % of cat's speed", statistics.median(row["share"] for row in rows) >= 0.8


def llama_peer(rows):
    return "; ".join(f"{row['mode']} batch {row['batch']}: {seconds(row['latency']) if 'latency' in row else 'failed'}" for row in rows), None


def llama_peer_memory(rows):
    shares = {f"{row['mode']} batch {row['batch']}": row["batchfit_memory"] / row["memory"] for row in rows if "memory" in row}
    return "; ".join(f"{what} {100 * share:.1f} %" for what, share in shares.items()), all(share <= 1 for share in shares.values())


def reports_of(what):
    def read(rows):
        row = row_of(rows, what=what)
        memory = f", {size(row['memory'])}" if "memory" in row else ""
        return f"{seconds(row['median_s'])}{memory}", row.get("met")

    return read


def large_reports(rows):
    many = [row for row in rows if row["what"].startswith("1,000 x 200: terminal")]
    return (f"{seconds(min(row['median_s'] for row in many))} to {seconds(max(row['median_s'] for row in many))}, at most "
            f"{max(row['memory'] for row in many) / 1e6:.0f} MB"), met_of(many)


# key, group, what, file, what was wanted, how its rows are read
WANTED_AGAIN = "the same, or two neighbours of which one is within 0.3 % of the limit"
FIGURES = [
    ("suite_seconds", "Seconds", "the suite cold, whole process, each run", "suite", "at most 20 s", suite_seconds),
    ("suite_parts", "Seconds", "where they go", "suite", None, suite_parts),
    ("pair_seconds", "Seconds", "ResNet50 and ViT-B in fp32, cold", "gpu-suite", "the same answers each time", pair_of_models),
    ("cold_seconds", "Seconds", "one cold search", "whole-processes", None, cold),
    ("cached_seconds", "Seconds", "an answer from a cache of 1,000 workloads", "whole-processes", None, cached),
    ("resnet50_again", "Answers", "ResNet50 in fp32, repeated", "gpu-repeats", "the same each time", repeats_of("resnet50-fp32")),
    ("vit_again", "Answers", "ViT-B in fp32, repeated", "gpu-repeats", "the same each time", repeats_of("vit_b_16-fp32")),
    ("yolo_again", "Answers", "YOLO11n-pose in fp32, repeated", "gpu-repeats", "the same each time", repeats_of("yolo11n-pose-fp32")),
    ("suite_again", "Answers", "the suite's answers, each run", "suite", WANTED_AGAIN, suite_answers),
    ("latency_truth", "Answers", "under the default limits, against every batch", "gpu-truth", "all", truth),
    ("memory_truth", "Answers", "under memory limits alone, against the truth", "memory-truth", "all", truth),
    ("wrong_verdicts", "Answers", "wrong verdicts on batches 1 % off the limit (simulated)", "simulated-decisions", "at most 5 %", wrong_verdicts),
    ("doubling_error", "Forecast of memory", "one doubling ahead: error", "forecast-errors", None, doubling_errors),
    ("answer_error", "Forecast of memory", "of the answer, before it was tried: error", "memory-limits", "median at most 0.2 %, worst 1 %", answer_errors),
    ("ooms", "Out of memory", "events under memory limits, guided", "memory-limits", "none", events("guided")),
    ("loop_ooms", "Out of memory", "the usual loop (double, on out-of-memory halve the step), same limits", "memory-limits", None, loop_events),
    ("ooms_beside", "Out of memory", "events beside another process", "memory-neighbours", "none", neighbours),
    ("faults", "Out of memory", "crashes, hangs and garbage of the worker (simulated)", "faults", "all", faults),
    ("kills", "Cache", "killed at random and resumed (simulated)", "kills", "none", kills),
    ("video_json", "Video", "1080p, poses to JSON", "video-run", None, video("json")),
    ("video_drawn", "Video", "1080p, poses to JSON and drawn into a video", "video-run", None, video("json+video")),
    ("video_peer_json", "Video", "poses to JSON, against Ultralytics' predict", "video-peer", "at least 3 ×", beside_ultralytics("json")),
    ("video_peer_drawn", "Video", "drawn into a video too, against Ultralytics' predict", "video-peer", "at least 3 ×", beside_ultralytics("json+video")),
    ("video_stages", "Video", "its stages, each alone", "video-limits", None, stages_alone),
    ("video_memory", "Video", "memory, from the middle third of a long run to the last", "video-memory", "flat", memory_growth),
    ("pose_rates", "Video", "YOLO11n-pose alone", "pose-model", None, pose_rates),
    ("pose_folding", "Video", "BatchNorm folded: faster by", "pose-model", "at least 15 % from batch 32 on", folding),
    *((f"llama_{mode}_{batch}", "Llama-3-8B in 4 bits", f"{mode}, {batch} × 512 tokens", "llama-latencies", wanted, llama_latency(mode, batch))
      for mode, batch, wanted in (("decode", 1, "at most 6 ms"), ("decode", 8, "at most 14 ms"), ("decode", 64, "at most 18 ms"), ("prefill", 1, "at most 28 ms"),
                                  ("prefill", 8, "at most 105 ms"), ("generate", 1, "at least 150 tokens/s"))),
    ("llama_cold_prefill", "Llama-3-8B in 4 bits", "cold search, prefill", "llama-tune", "at most 8 s", llama_search("prefill")),
    ("llama_cold_decode", "Llama-3-8B in 4 bits", "cold search, decode", "llama-tune", "at most 10 s", llama_search("decode")),
    ("llama_answers", "Llama-3-8B in 4 bits", "answers against a sweep", "llama-answers", "equal", llama_answers),
    ("llama_limits", "Llama-3-8B in 4 bits", "largest batch under memory limits, decode", "llama-limits", "no out-of-memory", llama_limits),
    ("llama_load", "Llama-3-8B in 4 bits", "reading a checkpoint of its size", "llama-load", "at least 80 %", llama_load),
    ("llama_peer", "Llama-3-8B in 4 bits", "the same passes by transformers", "llama-peer", None, llama_peer),
    ("llama_peer_memory", "Llama-3-8B in 4 bits", "own memory, of transformers' for the same", "llama-peer", "at most that", llama_peer_memory),
    ("suite_reports", "Reports", "every report of the suite but PNG", "suite-reports", "at most 100 ms", reports_of("everything but PNG")),
    ("one_report", "Reports", "every report of one workload but PNG", "reports", "at most 100 ms", reports_of("everything but PNG")),
    ("large_reports", "Reports", "a report over 1,000 workloads × 200 batches", "reports", "at most 1 s and 200 MB", large_reports),
    ("large_page", "Reports", "its HTML page opens", "reports", "at most 2 s", reports_of("1,000 x 200: the page is loaded")),
]


def read_figures(raw):
    """Every figure. `raw`: the raw results by name, as make_benchmarks_doc reads and checks them."""
    figures = []
    for key, group, what, file, wanted, read in FIGURES:
        figure = Figure(key, group, what, file, wanted=wanted)
        if file in raw:
            try:
                figure.value, figure.met = read(raw[file]["rows"])
            except KeyError as error:
                # A case that the run left out is not measured; a row that lacks a field is damage.
                if not str(error.args[0]).startswith("no row with"):
                    raise BadFile(f"{file}.json: '{key}' needs {error} in its rows") from error
            except (TypeError, ValueError, AttributeError, IndexError, StopIteration) as error:
                raise BadFile(f"{file}.json: '{key}' cannot be read from its rows ({error})") from error
        if wanted is None:
            figure.met = None
        figures.append(figure)
    return figures
