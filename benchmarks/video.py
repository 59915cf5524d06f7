#!/usr/bin/env python3
"""`batchfit run` on a 1080p clip beside Ultralytics' predict(stream=True): same clip, weights, machine and work.

    python3 benchmarks/video.py OUTDIR [--parts limits,run,peer,memory] [--device cuda:0] [--frames 1500] [--batches 8,16,32,64] …

limits: each stage alone: ffmpeg decoding (to nothing, and through a pipe), the model's passes, ffmpeg encoding.
run:    batchfit over the clip: the poses as JSON; then drawn and encoded too; by dtype and batch.
peer:   Ultralytics over the clip, the same two ways (its packages are found by PYTHONPATH); by half precision, input shape and batch.
memory: resident memory of the worker and of its ffmpegs, and the device's, sampled over 10,000 frames.

The clip is a moving pattern with a walking figure over it, made in OUTDIR/work with ffmpeg. The weights are random ones, calmed so that both
sides find about five poses a frame (calm_weights.py says how), of random shape: their limbs are longer than people's, for both sides alike.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import calm_weights
import common

HERE = pathlib.Path(__file__).resolve().parent
DATA = common.ROOT / "tests/data"
RANDOM_WEIGHTS = DATA / "yolo11n-pose/yolo11n-pose-random.pt"
# On this clip the largest of a frame's scores then lie around 0.35.
SCALE, SHIFT = 0.02, -4.1
MODEL = "yolo11n-pose"
PRESET = "superfast"  # batchfit's


def ffmpeg():
    if "BATCHFIT_FFMPEG" in os.environ:
        return os.environ["BATCHFIT_FFMPEG"]
    try:
        import imageio_ffmpeg
        return imageio_ffmpeg.get_ffmpeg_exe()
    except ImportError:
        return "ffmpeg"


def command_line():
    return " ".join(["benchmarks/video.py", "OUTDIR", *sys.argv[2:]])


def seconds_of(command):
    start = time.perf_counter()
    done = subprocess.run(command, shell=isinstance(command, str), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        print(f"exit {done.returncode}: {command}\n{done.stderr[-1500:]}", flush=True)
    return time.perf_counter() - start


def make_clip(folder, frames):
    """1080p H.264 with B-frames, and the same again and again up to 10,000 frames and more."""
    folder.mkdir(parents=True, exist_ok=True)
    clip, long, pieces = folder / f"clip-{frames}.mp4", folder / f"long-{frames}.mp4", folder / "pieces.txt"
    if not clip.exists():
        seconds_of([ffmpeg(), "-y", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=25", "-stream_loop", "-1", "-i",
                    DATA / "pose-clip.mp4", "-filter_complex", "[1]scale=960:720[figure];[0][figure]overlay=480:180", "-frames:v",
                    str(frames), "-c:v", "libx264", "-preset", "medium", "-crf", "23", "-pix_fmt", "yuv420p", "-colorspace", "smpte170m",
                    "-color_primaries", "smpte170m", "-color_trc", "smpte170m", "-color_range", "tv", clip])
    if not long.exists():
        pieces.write_text(f"file '{clip.resolve()}'\n" * -(-10_000 // frames), encoding="utf-8")
        seconds_of([ffmpeg(), "-y", "-v", "error", "-f", "concat", "-safe", "0", "-i", pieces, "-c", "copy", long])
    return clip, long


def batchfit(options, clip, batch, dtype, *extra):
    """One `batchfit run`; its export (docs/video.md) and the wall seconds of the whole process."""
    export = options.work / "run.json"
    export.unlink(missing_ok=True)
    command = [common.BIN / "batchfit", "run", MODEL, "--weights", options.weights, "--video", clip, "--device", options.device, "--dtype", dtype,
               "--batch", str(batch), "--confidence", str(options.confidence), "--json", options.work / "run.jsonl", "--no-cache", "-q",
               "--image-size", str(options.image_size), "--export-json", export, *extra]
    start = time.perf_counter()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    wall = time.perf_counter() - start
    if done.returncode != 0 or not export.exists():
        print(f"exit {done.returncode}: {command}\n{done.stderr[-1500:]}", flush=True)
        return None, wall
    return json.loads(export.read_text(encoding="utf-8")), wall


def stages(result):
    run = result["video"]
    return {stage["name"]: stage["busy_s"] / stage["threads"] / run["frames"] for stage in run["stages"]}


def part_run(options, clip):
    rows = []
    for work in ("json", "json+video"):
        for dtype in options.dtypes.split(","):
            for batch in options.batches:
                extra = ["--out", options.work / "out.mp4"] if work != "json" else []
                result, wall = batchfit(options, clip, batch, dtype, *extra)
                if result is None:
                    continue
                run = result["video"]
                steady = (run["frames"] - 1) / max(run["seconds"] - run["first_s"], 1e-9)
                rows.append({"work": work, "dtype": dtype, "batch": run["batch"], "frames": run["frames"], "poses": run["poses"],
                             "frames_per_s": result["frames_per_s"], "steady_frames_per_s": steady, "seconds": run["seconds"],
                             "first_s": run["first_s"], "wall_s": wall, "slowest": result["slowest"]["name"],
                             "slowest_frames_per_s": 1 / result["slowest"]["per_frame_s"], "latency_median_s": run["latency_median_s"],
                             "latency_p95_s": run["latency_p95_s"], "stages_s": stages(result), "notes": run["notes"]})
                print({key: rows[-1][key] for key in ("work", "dtype", "batch", "frames_per_s", "slowest", "slowest_frames_per_s")},
                      {name: f"{value * 1e3:.3f} ms" for name, value in rows[-1]["stages_s"].items()}, flush=True)
    columns = [("work", "work"), ("dtype", "dtype"), ("batch", "batch", "count"), ("frames_per_s", "frames/s", "number"),
               ("slowest", "slowest"), ("slowest_frames_per_s", "its frames/s", "number")]
    common.write_result(options.out, "video-run", title="batchfit run on a 1080p clip",
                        what="frames/s from the decoders' start to the last byte written; loading the model is left out, ffmpeg's start is not",
                        command=command_line(), columns=columns, rows=rows, notes=[f"confidence {options.confidence}"])


def frames_per_s_of_run(options, work):
    """The best that batchfit reached in the part `run`; None where OUTDIR holds none."""
    rows = common.saved_rows(options.out, "video-run")
    return max((row["frames_per_s"] for row in rows if row["work"] == work), default=None)


def part_peer(options, clip):
    rows = []
    for work in ("json", "json+video"):
        for half in (True, False):
            for square in (False, True) if options.squares else (False,):
                for batch in options.peer_batches:
                    command = [sys.executable, HERE / "ultralytics_peer.py", clip, options.weights, "--batch", str(batch), "--confidence",
                               str(options.confidence), "--json", options.work / "peer.jsonl", "--image-size", str(options.image_size),
                               "--device", "cpu" if options.device == "cpu" else options.device.split(":")[1]]
                    command += ["--half"] * half + ["--square"] * square + (["--out", options.work / "peer.mp4"] if work != "json" else [])
                    command += ["--most", str(options.peer_frames)] if options.peer_frames else []
                    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
                    if done.returncode != 0:
                        print(f"exit {done.returncode}: {command}\n{done.stderr[-1500:]}", flush=True)
                        continue
                    rows.append({"work": work, "half": half, "square": square, "batch": batch, **json.loads(done.stdout.splitlines()[-1]),
                                 "batchfit_frames_per_s": frames_per_s_of_run(options, work)})
                    print(rows[-1], flush=True)
    columns = [("work", "work"), ("half", "half"), ("square", "square"), ("batch", "batch", "count"),
               ("frames_per_s", "frames/s", "number"), ("batchfit_frames_per_s", "batchfit's best", "number")]
    common.write_result(options.out, "video-peer", title="Ultralytics' predict(stream=True) on the same clip",
                        what="frames/s of its loop, after a first run over three batches", command=command_line(), columns=columns,
                        rows=rows, versions=peer_versions(), notes=[f"confidence {options.confidence}"])


def peer_versions():
    from importlib import metadata
    versions = {}
    for name in ("ultralytics", "torch", "opencv-python", "opencv-python-headless"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
    return versions


def passes(options):
    """Frames/s of the model's passes alone, as the worker times them."""
    rows = []
    for dtype in options.dtypes.split(","):
        worker = common.Worker([str(common.BIN / "batchfit-worker-torch")])
        worker.ask("hello", protocol=1, heartbeat_timeout_s=3600)
        worker.ask("load", device=options.device, model=MODEL, weights=str(options.weights), dtype=dtype, shape={"image_size": options.image_size})
        for batch in options.batches:
            record = worker.ask("probe", batch=batch, min_samples=7, max_samples=30, seconds=0.3)["records"][0]
            if record["outcome"] == "measured":
                rows.append({"stage": f"infer {dtype}, batch {batch}", "frames_per_s": batch / statistics.median(record["samples_s"])})
        worker.close()
    return rows


def part_limits(options, clip):
    program, frames = ffmpeg(), options.frames
    raw = options.work / "frames.nut"
    some = min(300, frames)
    decode = f"'{program}' -v error -nostdin -i '{clip}' -fps_mode passthrough -c:v rawvideo -pix_fmt yuv420p"
    piped = f"{decode} -f nut -write_index 0 -avioflags direct pipe:1"
    timings = [("decode, to nothing", frames, f"{decode} -f null -"),
               ("decode, through a pipe", frames, f"{piped} | dd of=/dev/null bs=1M status=none")]
    rows = [{"stage": name, "frames_per_s": count / min(seconds_of(command) for _ in range(2))} for name, count, command in timings]
    seconds_of(f"{decode} -frames:v {some} -f nut -y '{raw}'")
    encode = f"'{program}' -v error -y -f nut -i '{raw}' -fps_mode passthrough -c:v libx264 -pix_fmt yuv420p"
    for preset in (PRESET, "veryfast", "ultrafast"):
        out = options.work / "limit.mp4"
        seconds = min(seconds_of(f"{encode} -preset {preset} '{out}'") for _ in range(2))
        rows.append({"stage": f"encode, {preset}", "frames_per_s": some / seconds})
    raw.unlink(missing_ok=True)
    rows += passes(options)
    for row in rows:
        print(row, flush=True)
    common.write_result(options.out, "video-limits", title="The stages of a video pipeline, each alone", what="frames/s",
                        command=command_line(), columns=[("stage", "stage"), ("frames_per_s", "frames/s", "number")], rows=rows)


def resident_bytes(pid):
    try:
        fields = pathlib.Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def family(pid):
    """Ids and names of the processes below one."""
    below = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text(encoding="utf-8")
        except OSError:
            continue
        name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
        if int(rest[1]) == pid:
            child = int(path.parent.name)
            below += [(child, name), *family(child)]
    return below


def device_bytes():
    if not pathlib.Path("/dev/nvidia0").exists():
        return None
    done = subprocess.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"], capture_output=True, text=True, check=False)
    return int(done.stdout.split()[0]) << 20 if done.returncode == 0 and done.stdout.strip() else None


def part_memory(options, long):
    batch = options.batches[len(options.batches) // 2]
    dtype = options.dtypes.split(",")[0]
    export = options.work / "memory.json"
    command = [common.BIN / "batchfit", "run", MODEL, "--weights", options.weights, "--video", long, "--device", options.device, "--dtype", dtype,
               "--batch", str(batch), "--confidence", str(options.confidence), "--json", options.work / "memory.jsonl", "--no-cache", "-q",
               "--image-size", str(options.image_size), "--export-json", export]
    running = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    start, samples = time.perf_counter(), []
    while running.poll() is None:
        processes = family(running.pid)
        if any("ffmpeg" in name for _, name in processes):  # the pipeline runs
            samples.append({"at_s": time.perf_counter() - start, "device_bytes": device_bytes(),
                            "worker_bytes": sum(resident_bytes(pid) for pid, name in processes if "ffmpeg" not in name),
                            "ffmpeg_bytes": sum(resident_bytes(pid) for pid, name in processes if "ffmpeg" in name)})
        time.sleep(0.2)
    said = running.stderr.read()
    if running.returncode != 0:
        print(f"exit {running.returncode}: {said[-1500:]}", flush=True)
        return
    run = json.loads(export.read_text(encoding="utf-8"))["video"]
    third = max(1, len(samples) // 3)
    rows = []
    for key in ("worker_bytes", "ffmpeg_bytes", "device_bytes"):
        # The first samples see the frames' memory being made.
        middle = [sample[key] for sample in samples[third : 2 * third] if sample[key]]
        last = [sample[key] for sample in samples[2 * third :] if sample[key]]
        if middle and last:
            rows.append({"memory": key, "middle_bytes": statistics.median(middle), "last_bytes": statistics.median(last),
                         "growth": statistics.median(last) / statistics.median(middle) - 1})
    for row in rows:
        print(row, flush=True)
    if rows:
        rows[0]["samples"] = samples  # raw; no column shows them
    common.write_result(options.out, "video-memory", title="Memory over many frames",
                        what=f"{run['frames']} frames in batches of {run['batch']} ({dtype}); medians of the middle and the last third of the run",
                        command=command_line(),
                        columns=[("memory", "memory"), ("middle_bytes", "middle third", "bytes"), ("last_bytes", "last third", "bytes"),
                                 ("growth", "growth", "percent")],
                        rows=rows, notes=[f"{run['frames']} frames in {run['seconds']:.1f} s"])


def main():
    numbers = lambda text: [int(word) for word in text.split(",")]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--parts", default="limits,run,peer,memory")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--dtypes", default="fp16,fp32")
    parser.add_argument("--frames", type=int, default=1500)
    parser.add_argument("--image-size", type=int, default=640)
    parser.add_argument("--batches", type=numbers, default=[8, 16, 32, 64])
    parser.add_argument("--peer-batches", type=numbers, default=[1, 8, 16, 32])
    parser.add_argument("--peer-frames", type=int, help="stop the peer after so many, where time is short")
    parser.add_argument("--squares", action="store_true", help="the peer with square inputs too, which batchfit's are")
    parser.add_argument("--confidence", type=float, default=0.25)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    options.work = options.out / "work"
    os.environ["BATCHFIT_FFMPEG"] = ffmpeg()
    clip, long = make_clip(options.work, options.frames)
    options.weights = options.work / "few-poses.pt"
    calm_weights.calm(RANDOM_WEIGHTS, options.weights, SCALE, SHIFT)
    parts = {"limits": lambda: part_limits(options, clip), "run": lambda: part_run(options, clip),
             "peer": lambda: part_peer(options, clip), "memory": lambda: part_memory(options, long)}
    for name in options.parts.split(","):
        start = time.perf_counter()
        parts[name]()
        print(f"part {name}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
