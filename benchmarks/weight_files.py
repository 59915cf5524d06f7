#!/usr/bin/env python3
"""How long files of weights take to open, warm: an Ultralytics checkpoint, and ResNet50 in three formats, written here.

    .venv/bin/python benchmarks/weight_files.py [--out reports/benchmarks]
"""

import argparse
import collections
import json
import pathlib
import struct
import subprocess
import tempfile

import torch

from common import BIN, ROOT, write_result

CHECKPOINT = ROOT / "tests/data/yolo11n-pose/yolo11n-pose-random.pt"
REPEATS = 15
LIMITS_S = {"yolo11n-pose.pt": 0.030, "resnet50.pth": 0.060}


def write_resnet50(folder):
    """State dicts of ResNet50's entries and shapes; values do not matter here."""
    entries = json.loads((ROOT / "tests/data/torchvision-state.json").read_text())["resnet50"]["entries"]
    state = collections.OrderedDict()
    for entry in entries:
        state[entry["name"]] = torch.randn(entry["shape"]) if "k" in entry else torch.tensor(0)
    torch.save(state, folder / "resnet50.pth")
    torch.save(state, folder / "resnet50-legacy.pth", _use_new_zipfile_serialization=False)
    header, offset = {}, 0
    for name, tensor in state.items():
        kind = "I64" if tensor.dtype == torch.int64 else "F32"
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header).encode()
    with open(folder / "resnet50.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in state.values():
            file.write(tensor.numpy().tobytes())


def measure(files):
    """Seconds of each repeat, by what was done and the file's name."""
    command = [BIN / "weight_files_benchmark", *files, f"--benchmark_repetitions={REPEATS}", "--benchmark_min_time=0.05", "--benchmark_format=json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    samples = collections.defaultdict(list)
    for run in json.loads(done.stdout)["benchmarks"]:
        if run["run_type"] != "iteration":
            continue
        what, path = run["run_name"].split(" ", 1)
        samples[what, pathlib.Path(path).name].append(run["real_time"] / 1e3)
    return samples


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=ROOT / "reports/benchmarks", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_resnet50(folder)
        (folder / "yolo11n-pose.pt").write_bytes(CHECKPOINT.read_bytes())
        files = sorted(folder.iterdir())
        samples = measure(files)
        rows = []
        for path in files:
            opened, digested = sorted(samples["open", path.name]), sorted(samples["digest", path.name])
            rows.append({
                "file": path.name,
                "size": path.stat().st_size,
                "open": opened[len(opened) // 2],
                "open_slowest": opened[-1],
                "digest": digested[len(digested) // 2],
                "digest_slowest": digested[-1],
                "limit": LIMITS_S.get(path.name),
                "samples": {"open_s": opened, "open_and_digest_s": digested},
            })
    write_result(
        options.out, "weight-files",
        title="Opening files of weights",
        what="Warm, median and slowest of several repeats. Opened: mapped, read, every tensor checked against the file. With the digest: every byte read as "
             "well, which is what a worker does before it takes the weights.",
        command=".venv/bin/python benchmarks/weight_files.py",
        columns=[("file", "file"), ("size", "size", "bytes"), ("open", "opened", "seconds"), ("open_slowest", "slowest", "seconds"),
                 ("digest", "with the digest", "seconds"), ("digest_slowest", "slowest", "seconds"), ("limit", "limit", "seconds")],
        rows=rows,
        versions={"torch": torch.__version__},
        notes=["Written by torch with random values; yolo11n-pose.pt is the checkpoint of tests/data."],
    )
    for row in rows:
        print({key: value for key, value in row.items() if key != "samples"})


if __name__ == "__main__":
    main()
