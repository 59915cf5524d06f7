"""Named sizes as a person gives them: lists, ranges and weights, on a simulated device whose passes grow with a length."""

import unittest

from running import Running

LENGTHS = {"size": {"name": "length", "standard": 512}}
# Lengths that are multiples of 1024 take half the time: of 512 and 1024 the shorter is slower.
UNEVEN = {"size": {"name": "length", "standard": 512, "dips": [{"every": 1024, "factor": 0.5}]}}


class Lists(Running):
    def test_a_list_is_a_workload_for_each_size_in_one_run(self):
        done = self.tune("--shape", "length=128,512", device=self.device(LENGTHS))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("resnet-like length 128", done.stdout)
        self.assertIn("resnet-like length 512", done.stdout)

    def test_a_longer_input_gets_a_smaller_batch(self):
        device = self.device(LENGTHS)
        self.results("--shape", "length=128,512,2048", device=device)
        batches = [workload["answer"]["batch"] for workload in self.workloads()]
        self.assertEqual(batches, sorted(batches, reverse=True))
        self.assertGreater(batches[0], batches[2])
        self.assertEqual([w["subject"]["workload"]["shape"]["length"] for w in self.workloads()], [128, 512, 2048])


class Distributions(Running):
    def test_a_range_is_one_answer_with_the_throughput_over_it(self):
        device = self.device(LENGTHS)
        at_most, _ = self.results("--shape", "length=512", "--no-cache", device=device)
        ranged, done = self.results("--shape", "length=64:512", "--no-cache", device=device)
        self.assertEqual(ranged["answer"]["batch"], at_most["answer"]["batch"])
        mixture = ranged["distribution"]
        self.assertEqual([point["shape"]["length"] for point in mixture["points"]], [120, 232, 344, 456])
        self.assertGreater(mixture["throughput_per_s"], ranged["answer"]["throughput_per_s"])
        self.assertEqual((mixture["latency_decided_by"], mixture["holds"]), ({"length": 512}, True))
        self.assertIn("length 512 decides both limits", done.stdout)

    def test_weights_weigh_the_time_of_each_input(self):
        ranged, _ = self.results("--shape", "length=128*6:512*3:1024*1", device=self.device(LENGTHS))
        mixture = ranged["distribution"]
        points = mixture["points"]
        seconds = sum(point["weight"] * point["latency_s"] for point in points)
        self.assertAlmostEqual(mixture["throughput_per_s"], ranged["answer"]["batch"] * 10 / seconds, places=6)
        self.assertEqual(ranged["subject"]["workload"]["shape"], {"length": 1024})

    def test_a_second_run_starts_no_worker(self):
        device = self.device(LENGTHS)
        first, _ = self.results("--shape", "length=64:512", device=device)
        second, done = self.results("--shape", "length=64:512", device=device)
        self.assertFalse(first["from_cache"])
        self.assertTrue(second["from_cache"])
        self.assertEqual(second["probes"], 0)
        self.assertEqual(second["distribution"], first["distribution"])
        self.assertNotIn("batch 1:", done.stderr)

    def test_a_new_distribution_reuses_the_answer(self):
        device = self.device(LENGTHS)
        self.results("--shape", "length=512", device=device)
        weighted, _ = self.results("--shape", "length=128*1:512*1", device=device)
        self.assertEqual(weighted["probes"], 1)

    def test_a_shorter_input_that_is_slower_is_named_and_the_answer_is_not_proven(self):
        uneven, done = self.results("--shape", "length=512*1:1000*1:1024*1", code=4, device=self.device(UNEVEN))
        self.assertFalse(uneven["distribution"]["holds"])
        self.assertEqual(uneven["distribution"]["latency_decided_by"], {"length": 1000})
        self.assertIn("not proven for every input", done.stdout)
        self.assertIn("length 1000", done.stdout)

    def test_without_an_answer_no_other_input_is_measured(self):
        workload, done = self.results("--shape", "length=128*1:512*1", "--memory-limit", "100MiB", code=3,
                                      device=self.device(LENGTHS))
        self.assertEqual(workload["distribution"],
                         {"inputs": "length 128*1, 512*1", "largest": {"length": 512}, "points": []})
        self.assertIn("the limits are judged at length 512", done.stdout)


class BadShapes(Running):
    def test_what_cannot_be_meant_is_a_usage_error_before_anything_starts(self):
        for text in ("length=", "length=1,", "length=512:128", "length=1*0:2*1", "length=1,2:3", "length=1*2:3", "=5"):
            with self.subTest(text=text):
                done = self.tune("--shape", text, device=self.device(LENGTHS))
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(f"--shape {text}", done.stderr)
                self.assertNotIn("loading", done.stderr)

    def test_a_size_that_the_model_does_not_have_is_named(self):
        done = self.tune("--shape", "width=3", device=self.device(LENGTHS))
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("width", done.stderr)
        self.assertIn("length", done.stderr)

    def test_a_forecast_is_for_one_workload(self):
        device = self.device(LENGTHS)
        done = self.batchfit("forecast", "resnet-like", "--device", f"sim:{device}", "--shape", "length=1,2")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--shape", done.stderr)


if __name__ == "__main__":
    unittest.main()
