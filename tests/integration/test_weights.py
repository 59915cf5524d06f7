"""Weights that Python's torch wrote, read by the C++ worker: the outputs are torchvision's, by the rule of its reference."""

import collections
import ctypes
import json
import math
import os
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

import torch

BATCHFIT = Path(os.environ["BATCHFIT_PROGRAM"])
PARITY = BATCHFIT.with_name("parity")
DATA = Path(__file__).resolve().parent.parent / "data"


LOW = 0xFFFFFFFF  # of 64 bits, in which a product of two 32-bit numbers may wrap


def mix(h):
    h = h ^ (h >> 16)
    h = h * 0x85EBCA6B & LOW
    h = h ^ (h >> 13)
    h = h * 0xC2B2AE35 & LOW
    return h ^ (h >> 16)


def by_rule(name, shape, number):
    """The entry's values as torchvision-logits.json's `rule` writes them out."""
    key = mix(torch.tensor((number + 1) * 0x9E3779B1 + 8 & LOW))
    h = mix((torch.arange(math.prod(shape)) * 0x85EBCA77 & LOW) ^ key)
    v = ((h >> 8) - 8388608).double() * 2.0**-23
    if name.endswith("running_mean"):
        v = 0.125 * v
    elif name.endswith("running_var"):
        v = 1 + 0.5 * v.abs()
    elif len(shape) >= 2:
        v = v * (2.0 / math.sqrt(math.prod(shape[1:])))
    else:
        v = (1 if name.endswith("weight") else 0) + 0.125 * v
    return v.float().reshape(shape)


def resnet50():
    entries = json.loads((DATA / "torchvision-state.json").read_text())["resnet50"]["entries"]
    return collections.OrderedDict(
        (entry["name"], by_rule(entry["name"], entry["shape"], entry["k"]) if "k" in entry else torch.tensor(0))
        for entry in entries
    )


def write_safetensors(path, state):
    header, offset = {}, 0
    for name, tensor in state.items():
        end = offset + tensor.nbytes
        header[name] = {"dtype": {torch.float32: "F32", torch.int64: "I64"}[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in state.values():
            file.write(ctypes.string_at(tensor.data_ptr(), tensor.nbytes))  # as they lie in memory: they are contiguous


class Weights(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.state = resnet50()

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def tune(self, *options):
        """Exit code, the one workload of the results, and what stderr says."""
        results = self.folder / "results.json"
        command = [BATCHFIT, "tune", "resnet50", "--device", "cpu", "--max-batch", "1", "--export-json", results, *options]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        workloads = json.loads(results.read_text())["workloads"] if results.exists() else []
        return done.returncode, workloads[0] if workloads else {}, done.stderr

    def refusal(self, state):
        path = self.folder / "weights.pth"
        torch.save(state, path)
        _, _, said = self.tune("--weights", path, "--no-cache", "-q")
        return said

    def test_each_format_gives_torchvisions_logits(self):
        paths = [self.folder / name for name in ("zip.pth", "legacy.pth", "safe.safetensors")]
        torch.save(self.state, paths[0])
        torch.save(self.state, paths[1], _use_new_zipfile_serialization=False)
        write_safetensors(paths[2], self.state)
        for path in paths:
            with self.subTest(path.name):
                command = [PARITY, DATA / "torchvision-logits.json", "--model", "resnet50", "--weights", path]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_other_values_are_beyond_the_tolerance(self):
        path = self.folder / "other.pth"
        torch.save({**self.state, "fc.bias": self.state["fc.bias"] + 1}, path)
        command = [PARITY, DATA / "torchvision-logits.json", "--model", "resnet50", "--weights", path]
        self.assertEqual(subprocess.run(command, capture_output=True, check=False).returncode, 1)

    def test_a_missing_a_surplus_and_a_misshapen_entry_are_named_with_what_was_expected(self):
        without = {name: tensor for name, tensor in self.state.items() if name != "layer4.2.bn3.bias"}
        self.assertIn("there is no weight 'layer4.2.bn3.bias', where one of shape [2048] is expected", self.refusal(without))
        self.assertIn("weight 'aux.bias' of shape [7] is none of this model's", self.refusal({**self.state, "aux.bias": torch.zeros(7)}))
        ten_classes = {**self.state, "fc.weight": torch.zeros(10, 2048)}
        self.assertIn("weight 'fc.weight' has shape [10, 2048] and not [1000, 2048]", self.refusal(ten_classes))

    def test_weights_in_data_models_are_found_and_a_changed_file_is_not_answered_from_the_cache(self):
        models = self.folder / "data/models"
        models.mkdir(parents=True)
        digests = []
        for values in (self.state, {**self.state, "fc.bias": torch.zeros(1000)}):
            torch.save(values, models / "resnet50.pth")
            for _ in range(2):
                _, workload, said = self.tune("--cache", self.folder / "cache.json", "-q")
                self.assertIn("subject", workload, said)
                digests.append(workload["subject"]["workload"]["weights"])
                self.assertRegex(workload["notes"][0], r"^weights: data/models/resnet50.pth \([0-9a-f]{16}\)$")
        self.assertEqual(digests[0], digests[1])
        self.assertNotEqual(digests[0], digests[2])
        _, workload, _ = self.tune("--weights", "random", "--no-cache", "-q")
        self.assertEqual(workload["subject"]["workload"]["weights"], "random (seed 0)")


if __name__ == "__main__":
    unittest.main()
