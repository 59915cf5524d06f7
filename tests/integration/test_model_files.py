"""Models that are files: TorchScript and AOTInductor packages, made here and tuned by the program."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import torch

BATCHFIT = os.environ["BATCHFIT_PROGRAM"]


class Net(torch.nn.Module):
    """Of two inputs: features, and indices into a table."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(2, 8)
        self.linear = torch.nn.Linear(8, 4)

    def forward(self, x, ids):
        return self.linear(x + self.table(ids).sum(1))


class Fixed(torch.nn.Module):
    def __init__(self, batch):
        super().__init__()
        self.batch = batch

    def forward(self, x):
        return x.view(self.batch, 8) * 2


EXAMPLE = (torch.randn(3, 8), torch.ones(3, 5, dtype=torch.int64))
INPUTS = ["--input", "8", "--input", "5:int64"]


class ModelFiles(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def script(self, name, module, example):
        path = self.folder / name
        torch.jit.trace(module.eval(), example).save(str(path))
        return path

    def tune(self, path, *options):
        """Exit code, the one workload of the results, and what stderr says."""
        results = self.folder / "results.json"
        command = [BATCHFIT, "tune", str(path), "--device", "cpu", "--threads", "1", "--max-batch", "4", "-q"]
        command += ["--cache", str(self.folder / "cache.json"), "--export-json", str(results), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        workloads = json.loads(results.read_text())["workloads"] if results.exists() else []
        return done.returncode, workloads[0] if workloads else {}, done.stderr

    def test_a_torchscript_file_is_tuned_with_the_inputs_given(self):
        path = self.script("net.ts", Net(), EXAMPLE)
        code, workload, said = self.tune(path, *INPUTS)
        self.assertIn("subject", workload, said)
        self.assertIn(code, (0, 4), said)  # so small a model may be too noisy to settle
        facts = workload["subject"]["workload"]
        self.assertEqual((facts["model"], facts["dtype"], facts["input_shape"]), ("net.ts", "fp32", [8]))
        self.assertEqual(facts["model_code"], "torchscript (8, 5:int64)")
        self.assertRegex(facts["weights"], r"^[0-9a-f]{16}$")

    def test_inputs_may_stand_in_a_file_beside_it_and_weights_may_be_converted(self):
        path = self.script("net.ts", Net(), EXAMPLE)
        inputs = [{"shape": [8]}, {"shape": [5], "dtype": "int64"}]
        Path(f"{path}.json").write_text(json.dumps({"inputs": inputs}))
        _, workload, said = self.tune(path, "--dtype", "bf16")
        self.assertEqual(workload["subject"]["workload"]["dtype"], "bf16", said)

    def test_a_file_whose_inputs_are_not_known_is_refused_with_the_remedy(self):
        code, _, said = self.tune(self.script("net.ts", Net(), EXAMPLE))
        self.assertEqual(code, 2)
        self.assertIn("--input", said)

    def test_a_file_exported_for_one_batch_is_recognised(self):
        for batch in (4, 12):
            code, _, said = self.tune(self.script("fixed.ts", Fixed(batch), (torch.randn(batch, 8),)), "--input", "8")
            self.assertEqual(code, 2)
            self.assertRegex(said, rf"exported for a fixed batch of {batch}\b")

    def test_an_input_of_another_shape_is_named_as_torch_does(self):
        code, _, said = self.tune(self.script("net.ts", Net(), EXAMPLE), "--input", "9", "--input", "5:int64")
        self.assertEqual(code, 2)
        self.assertIn("does not run at batch 1", said)

    def test_a_file_that_is_none_and_one_that_is_missing_are_usage_errors(self):
        broken = self.folder / "broken.pt2"
        broken.write_text("no package")
        for path, words in ((broken, "cannot be loaded"), (self.folder / "missing.ts", "there is no file")):
            code, _, said = self.tune(path, "--input", "8")
            self.assertEqual(code, 2, said)
            self.assertIn(words, said)

    def test_what_torch_saves_under_the_same_names_is_refused_with_how_to_make_it(self):
        weights = self.folder / "weights.pt"
        torch.save(Net().state_dict(), weights)
        exported = self.folder / "exported.pt2"
        torch.export.save(torch.export.export(Net().eval(), EXAMPLE), exported)
        for path, remedy in ((weights, "torch.jit.trace"), (exported, "aoti_compile_and_package")):
            code, _, said = self.tune(path, *INPUTS)
            self.assertEqual(code, 2, said)
            self.assertIn(remedy, said)
            self.assertLessEqual(len(said.splitlines()), 2, said)

    def test_a_changed_file_is_not_answered_from_the_cache(self):
        path = self.script("net.ts", Net(), EXAMPLE)
        _, first, _ = self.tune(path, *INPUTS)
        self.script("net.ts", Net(), EXAMPLE)  # other random weights
        _, second, said = self.tune(path, *INPUTS)
        self.assertNotEqual(first["subject"]["workload"]["weights"], second["subject"]["workload"]["weights"], said)

    def test_packages_are_tuned_and_one_of_a_fixed_batch_is_recognised(self):
        """Both in one test: what compiles first pays for compiling torch's headers."""
        batch = torch.export.Dim("batch", min=1, max=1 << 20)
        for name, dynamic in (("dynamic.pt2", ({0: batch}, {0: batch})), ("fixed.pt2", None)):
            example = tuple(tensor[:2] for tensor in EXAMPLE) if dynamic is None else EXAMPLE
            exported = torch.export.export(Net().eval(), example, dynamic_shapes=dynamic)
            path = self.folder / name
            torch._inductor.aoti_compile_and_package(exported, package_path=str(path))
            code, workload, said = self.tune(path, *INPUTS)
            if dynamic is None:
                self.assertEqual(code, 2)
                self.assertIn("exported for a fixed batch of 2", said)
            else:
                self.assertIn("subject", workload, said)
                self.assertEqual(workload["subject"]["workload"]["model_code"], "aoti-package (8, 5:int64)")


if __name__ == "__main__":
    unittest.main()
