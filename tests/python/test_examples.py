"""The examples on the CPU, in small; one whose packages are missing is skipped.

BATCHFIT_EXAMPLES_PYTHON names a Python that has them, where that is not the one that runs the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import unittest

from pipe import ROOT, Worker

PYTHON = os.environ.get("BATCHFIT_EXAMPLES_PYTHON", sys.executable)
FOLDER = ROOT / "examples" / "python"


def needs(*packages: str):
    code = f"import importlib.util as u, sys; sys.exit(not all(u.find_spec(p) for p in {packages!r}))"
    there = subprocess.run([PYTHON, "-c", code]).returncode == 0
    return unittest.skipUnless(there, f"needs {', '.join(packages)}")


class Examples(unittest.TestCase):
    def measured(self, file: str, model: str, **load: object) -> dict:
        """Loads it, measures batches 1 and 2, and gives the answer to load."""
        with Worker(file, folder=FOLDER, python=PYTHON) as worker:
            loaded = worker.load(model, **load)
            for batch in (1, 2):
                observation = worker.observation(batch, min_samples=2, max_samples=2)
                self.assertEqual(observation["outcome"], "measured", observation)
            worker.good("release")
        return loaded

    @needs("torchvision")
    def test_torchvision_models(self) -> None:
        self.measured("torchvision_models.py", "torchvision-vit-b-16", shape={"size": 64})
        loaded = self.measured("torchvision_models.py", "torchvision-resnet50", shape={"size": 64})
        self.assertEqual(loaded["subject"]["workload"]["input_shape"], [3, 64, 64])
        self.assertIn("torchvision", loaded["subject"]["runtime"]["details"]["packages"])

    @needs("transformers")
    def test_a_language_model_prefills(self) -> None:
        small = {"layers": 2, "hidden": 256, "vocabulary": 1000, "length": 16}
        loaded = self.measured("transformers_llm.py", "llm", mode="prefill", shape=small)
        self.assertEqual(loaded["subject"]["workload"]["input_shape"], [16])

    @needs("transformers")
    def test_a_language_model_decodes_after_a_context(self) -> None:
        small = {"layers": 2, "hidden": 256, "vocabulary": 1000, "length": 16}
        loaded = self.measured("transformers_llm.py", "llm", mode="decode", shape=small)
        self.assertEqual(loaded["subject"]["workload"]["shape"]["length"], 16)

    @needs("transformers", "bitsandbytes")
    def test_a_language_model_runs_in_4_bits(self) -> None:
        small = {"layers": 2, "hidden": 256, "vocabulary": 1000, "length": 16}
        for mode in ("prefill", "decode"):
            with self.subTest(mode=mode):
                loaded = self.measured("transformers_llm.py", "llm", mode=mode, dtype="nf4", shape=small)
                self.assertIn("bitsandbytes", loaded["subject"]["runtime"]["details"]["packages"])

    @needs("ultralytics")
    def test_an_ultralytics_model(self) -> None:
        self.measured("ultralytics_yolo.py", "yolo", shape={"size": 64})

    @needs("onnxruntime", "onnx")
    def test_an_onnx_runtime_session(self) -> None:
        loaded = self.measured("onnx_runtime.py", "onnx")
        self.assertIn("onnxruntime", loaded["subject"]["runtime"]["details"]["packages"])

    def test_a_model_that_cannot_be_captured(self) -> None:
        self.measured("not_capturable.py:load", "not-capturable", shape={"width": 64})

    def test_a_compiled_model(self) -> None:
        self.measured("compiled.py:load", "compiled", shape={"width": 64})


if __name__ == "__main__":
    unittest.main()
