"""`--prompts` through the program and the worker: text in, padded ids, what is told of them, and what goes wrong."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

BATCHFIT = Path(os.environ["BATCHFIT_PROGRAM"])
DATA = Path(__file__).resolve().parent.parent / "data"
PROMPTS = "Hello, world!\nthe\n\nWhat is the time, and where are the others?\n"


def small_tokenizer():
    """The tokenizer of the fixtures with the first 1019 tokens and the five special ones, which fit a vocabulary of 1024."""
    json_ = json.loads((DATA / "tokenizer" / "tokenizer.json").read_text())
    model, first_special = json_["model"], 1019
    model["vocab"] = {token: id_ for token, id_ in model["vocab"].items() if id_ < first_special}
    model["merges"] = [pair for pair in model["merges"] if {*pair, "".join(pair)} <= model["vocab"].keys()]
    for i, token in enumerate(json_["added_tokens"]):
        token["id"] = first_special + i
    for special in json_["post_processor"]["processors"][1]["special_tokens"].values():
        special["ids"] = [first_special]
    return json_


class Prompts(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.model = self.folder / "model"
        self.model.mkdir()
        for name in ("config.json", "model.safetensors"):
            (self.model / name).symlink_to(DATA / "tiny-llama-nf4" / name)
        self.tokenizer = self.model / "tokenizer.json"
        self.tokenizer.write_text(json.dumps(small_tokenizer()))
        self.prompts = self.folder / "prompts.txt"
        self.prompts.write_text(PROMPTS)
        self.results = self.folder / "results.json"

    def tune(self, *options, model=None, prompts=None, device="cpu"):
        command = [BATCHFIT, "tune", model or self.model, "--device", device, "--max-batch", "1", "--latency-limit", "none", "--cache",
                   self.folder / "cache.json", "-q", "--prompts", prompts or self.prompts, *options]
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)

    def tuned(self, *options, **choices):
        """The one workload of the run's results."""
        done = self.tune("--export-json", self.results, *options, **choices)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(self.results.read_text())["workloads"][0]

    def refused(self, *options, **choices):
        done = self.tune(*options, **choices)
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr

    def test_prompts_are_padded_to_the_longest_and_the_share_is_told(self):
        workload = self.tuned("--dtype", "fp32")
        told = workload["subject"]["workload"]
        prompts, length = told["prompts"], told["shape"]["length"]
        self.assertEqual((told["mode"], told["input_shape"], prompts["count"]), ("prefill", [length], 3))
        self.assertEqual(prompts["tokens"] + prompts["padding"], 3 * length)
        self.assertAlmostEqual(workload["padding_share"], prompts["padding"] / (3 * length))
        note = next(note for note in workload["notes"] if note.startswith("prompts: "))
        self.assertIn(f"prompts: 3 of {self.prompts}, 2 to {length} tokens; padded on the left to {length}: ", note)
        self.assertIn("% of all ids are padding", note)
        answer = workload["answer"]  # tokens are those of the prompts alone
        self.assertAlmostEqual(answer["tokens_per_s"] / answer["throughput_per_s"], prompts["tokens"] / 3)
        moved = float(re.search(r"moves the logits after the shortest by (\S+) of their spread", note).group(1))
        self.assertLess(moved, 1e-4)

    def test_a_generation_goes_on_from_the_prompts(self):
        workload = self.tuned("--new", "3")
        self.assertEqual(workload["subject"]["workload"]["mode"], "generate")
        self.assertGreater(workload["answer"]["tokens_per_s"], 0)

    def test_a_length_that_is_asked_for_cuts_and_fills(self):
        longer = self.tuned("--prompt", "64")["subject"]["workload"]
        self.assertEqual((longer["shape"]["length"], longer["prompts"]["tokens"] + longer["prompts"]["padding"]), (64, 192))
        shorter = self.tuned("--prompt", "2")
        self.assertEqual((shorter["subject"]["workload"]["prompts"]["tokens"], shorter["padding_share"]), (6, 0))
        self.assertIn("2 tokens each, 2 of them cut; no padding", "\n".join(shorter["notes"]))

    def test_other_prompts_and_another_tokenizer_are_measured_anew_and_the_same_are_not(self):
        first = self.tuned()
        self.assertTrue(self.tuned()["from_cache"])
        self.prompts.write_text(PROMPTS.replace("the time", "my time"))
        changed = self.tuned()
        self.assertFalse(changed["from_cache"])
        self.assertNotEqual(changed["key"], first["key"])
        self.prompts.write_text(PROMPTS)
        json_ = small_tokenizer()
        del json_["post_processor"]
        self.tokenizer.write_text(json.dumps(json_))
        other = self.tuned()
        self.assertFalse(other["from_cache"])
        self.assertNotEqual(other["key"], first["key"])

    def test_a_named_model_takes_them_with_the_folder_as_its_weights(self):
        workload = self.tuned("--weights", self.model, model="llama-tiny-nf4")
        self.assertEqual(workload["subject"]["workload"]["prompts"]["count"], 3)

    def test_a_file_that_is_empty_missing_or_no_text_is_named(self):
        self.prompts.write_text("\n\n")
        self.assertIn("prompts.txt holds no prompt; write one on each line", self.refused())
        self.prompts.write_bytes(b"one\ntwo \xff\n")
        self.assertIn("prompts.txt: line 2: byte 5 of the text is not UTF-8", self.refused())
        self.assertIn("cannot open /nowhere/prompts.txt", self.refused(prompts="/nowhere/prompts.txt"))

    def test_a_prompt_beyond_the_model_is_named_by_its_line(self):
        self.prompts.write_text("short\n" + "a b c d " * 600)
        self.assertRegex(self.refused(), r"prompts.txt: line 2 is a prompt of \d+ tokens, and .* takes up to 2048; .*--prompt")
        self.tuned("--prompt", "16")

    def test_a_model_without_a_tokenizer_says_what_to_give(self):
        self.assertIn("llama-tiny-nf4 has random weights and no tokenizer; give the folder", self.refused(model="llama-tiny-nf4"))
        self.tokenizer.unlink()
        self.assertIn("model has no tokenizer.json", self.refused())

    def test_a_tokenizer_of_another_type_or_another_model_is_refused(self):
        shutil.copy(DATA / "tokenizer" / "tokenizer.json", self.tokenizer)
        self.assertIn("makes the id 1800 of the prompts, and the model knows ids below 1024", self.refused())
        json_ = small_tokenizer()
        json_["model"]["type"] = "WordPiece"
        self.tokenizer.write_text(json.dumps(json_))
        self.assertIn("tokenizer.json: is of a model of type 'WordPiece', and only 'BPE' is taken", self.refused())
        self.tokenizer.write_text("{")
        self.assertIn("tokenizer.json: not valid JSON", self.refused())

    def test_what_reads_no_prompts_says_so(self):
        self.assertIn("no prompts to read in mode decode", self.refused("--context", "8"))
        self.assertIn("resnet50 is no language model: it reads no prompts", self.refused(model="resnet50"))
        device = f"sim:{DATA.parent.parent / 'workers/sim/devices/noisy.json'}"
        self.assertIn("takes no prompts by this worker; leave --prompts out", self.refused(device=device, model="resnet-like"))


if __name__ == "__main__":
    unittest.main()
