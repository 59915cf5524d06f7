"""A worker that fails costs a probe; it neither hangs the tuner nor makes its answer wrong."""

import unittest

from running import Running

# One of each way to fail: process, silence, bytes, envelope, values, outcomes.
KINDS = ("crash", "exit", "hang", "close_stdout", "garbage", "huge_line", "partial_line", "wrong_id", "nan",
         "negative_memory", "wrong_batch", "no_samples", "refuse_and_replace", "replace_worker")


class Faults(Running):
    def answer(self, faults, *arguments):
        device = self.device({"faults": faults})
        return self.results("--no-cache", "--strategy", "exponential", "--worker-timeout", "1s", *arguments, device=device)[0]

    def test_struck_once_the_answer_is_the_healthy_one(self):
        healthy = self.answer([])["answer"]["batch"]
        for kind in KINDS:
            if kind == "refuse_and_replace":
                continue  # a refusal is the model's word on that batch: it stands
            with self.subTest(kind=kind):
                struck = self.answer([{"kind": kind, "batch": 8, "times": 1}])
                self.assertEqual(struck["answer"]["batch"], healthy)

    def test_struck_for_ever_the_batch_is_given_up_and_said(self):
        for kind in KINDS:
            if kind == "replace_worker":
                continue  # it answers well
            with self.subTest(kind=kind):
                struck = self.answer([{"kind": kind, "batch": 8, "times": 99}])
                self.assertEqual(struck["answer"]["batch"], 7)
                self.assertEqual(struck["answer"]["next"]["batch"], 8)
                self.assertNotEqual(struck["answer"]["next"]["verdict"], "pass")

    def test_a_worker_that_fails_on_batch_one_ends_the_workload_and_the_suite_goes_on(self):
        device = self.device({"faults": [{"kind": "crash", "batch": 1, "times": 99}]})
        done = self.batchfit("tune", "resnet-like", "resnet-like", "--dtype", "fp16", "--device", f"sim:{device}", "--no-cache")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stdout.count("failed 3 times"), 2, done.stdout)

    def test_outputs_that_are_not_numbers_are_refused_in_their_own_words(self):
        workload = self.answer([{"kind": "failed", "batch": 8, "times": 99}])
        self.assertEqual(workload["answer"]["batch"], 7)


if __name__ == "__main__":
    unittest.main()
