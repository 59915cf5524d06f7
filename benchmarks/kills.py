#!/usr/bin/env python3
"""Kills `batchfit tune` with SIGKILL at random moments and resumes it: what is lost, and whether the cache stays valid.

    python3 benchmarks/kills.py OUTDIR [--kills 1000] [--at-once 4]

On the simulated device. A record counts as acknowledged when its progress line was printed, which comes after it is on
the disk. Each run resumes with the same cache; when one ends by itself a new cache is begun.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

import common

DEVICE = common.ROOT / "workers/sim/devices/resnet-like.json"
PROBE_SECONDS = 0.004  # real time of a simulated probe, so that kills land in probes, writes and starts alike


class Tally:
    def __init__(self):
        self.lock = threading.Lock()
        self.kills = self.finished = self.lost = self.invalid = self.records = 0
        self.acknowledged = {}  # by journal folder and workload: lines that were printed


def journal_records(cache, seed):
    """Complete records of the workload on this device, and whether all its lines are valid."""
    for journal in cache.with_suffix(".d").glob("*.jsonl"):
        lines = journal.read_bytes().split(b"\n")
        try:
            header = json.loads(lines[0])
        except ValueError:
            if len(lines) > 1:
                return 0, False
            continue
        if header["subject"]["device"]["name"] != name_of(seed):
            continue
        try:
            return len([json.loads(line) for line in lines[1:-1]]), True
        except ValueError:
            return 0, False
    return 0, True


def name_of(seed):
    return f"Simulated accelerator (kill {seed})"


def start(cache, device, progress):
    command = [str(common.BIN / "batchfit"), "tune", "resnet-like", "--device", f"sim:{device}", "--dtype", "fp16",
               "--strategy", "sweep", "--max-batch", "14", "--cache", str(cache)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=progress, start_new_session=True)


def kill_loop(tally, quota, scratch, devices, number, whole_run, seed, cache_of):
    chance = random.Random(seed)
    round_ = 0
    while True:
        with tally.lock:
            if tally.kills >= quota:
                return
        cache = cache_of(round_, number)
        which = number % len(devices)
        progress_path = scratch / f"progress-{number}"
        with open(progress_path, "w", encoding="utf-8") as progress:
            run = start(cache, devices[which], progress)
            try:
                run.wait(timeout=chance.uniform(0, whole_run))
                killed = False
            except subprocess.TimeoutExpired:
                run.kill()
                run.wait()
                killed = True
        printed = [l for l in progress_path.read_text(encoding="utf-8").splitlines(keepends=True) if l.endswith("\n")]
        acknowledged = len([l for l in printed if "warning" not in l])
        records, valid = journal_records(cache, which)
        with tally.lock:
            key = (str(cache), which)
            tally.acknowledged[key] = tally.acknowledged.get(key, 0) + acknowledged
            tally.lost += max(0, tally.acknowledged[key] - records)
            tally.invalid += not valid
            tally.kills += killed
            tally.finished += not killed
            tally.records += acknowledged
        round_ += not killed


def measure(kills, at_once, scratch):
    """`at_once` loops share one cache; even and odd ones tune different devices, so that two share each journal."""
    devices = []
    for seed in range(min(at_once, 2)):
        device = scratch / f"device-{seed}.json"
        healthy = json.loads(DEVICE.read_text(encoding="utf-8"))
        device.write_text(json.dumps({**healthy, "name": name_of(seed), "probe_wall_s": PROBE_SECONDS}), encoding="utf-8")
        devices.append(device)
    begun = time.monotonic()
    # As many at once as later, so that the moments cover a run as it then is.
    first = [start(scratch / f"measure-{n}" / "cache.json", devices[n % len(devices)], subprocess.DEVNULL) for n in range(at_once)]
    for run in first:
        run.wait()
    whole_run = time.monotonic() - begun
    tally = Tally()
    rounds = {}

    def cache_of(round_, number):
        # A round ends for all when one run ends by itself: the cache is then complete and another is begun.
        with tally.lock:
            rounds[number] = round_
            return scratch / f"at-once-{at_once}-{max(rounds.values())}" / "cache.json"

    loops = [threading.Thread(target=kill_loop, args=(tally, kills, scratch, devices, n, whole_run, n, cache_of))
             for n in range(at_once)]
    for loop in loops:
        loop.start()
    for loop in loops:
        loop.join()
    # The summary of every cache is whole: batchfit itself reads it without a warning.
    for cache in scratch.glob(f"at-once-{at_once}-*/cache.json"):
        shown = subprocess.run([str(common.BIN / "batchfit"), "cache", "show", "--cache", str(cache)],
                               capture_output=True, text=True, check=False)
        tally.invalid += shown.returncode != 0 or bool(shown.stderr) or "batchfit-cache" not in shown.stdout
    return {"at_once": at_once, "kills": tally.kills, "finished": tally.finished, "records": tally.records,
            "lost": tally.lost, "invalid": tally.invalid}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=4)
    options = parser.parse_args()
    rows = []
    for at_once in (1, options.at_once):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(options.kills, at_once, pathlib.Path(folder)))
        print(rows[-1], flush=True)
    common.write_result(
        options.out, "kills",
        title="Killed at random moments",
        what="`batchfit tune` on the simulated device, killed with SIGKILL at a uniformly random moment and resumed with "
             "the same cache. Lost: records whose progress line had been printed and that are not in the journal. "
             "Invalid: caches with a line or a summary that cannot be read.",
        command=f"benchmarks/kills.py OUTDIR --kills {options.kills} --at-once {options.at_once}",
        columns=[("at_once", "runs at once"), ("kills", "kills"), ("finished", "runs that ended by themselves"),
                 ("records", "records acknowledged"), ("lost", "lost"), ("invalid", "invalid")],
        rows=rows,
    )
    return 1 if any(row["lost"] or row["invalid"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
