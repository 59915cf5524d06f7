"""Other objectives than the largest batch, what a limit costs, and what processing costs."""

import json
import unittest

from running import DEVICES, Running

CAPABILITIES = json.loads((DEVICES / "resnet-like.json").read_text(encoding="utf-8"))["capabilities"]


class Objectives(Running):
    def test_the_best_by_each_objective_is_the_best_of_all_batches(self):
        """The sweep measured every batch, so the best by what it measured is the truth but for the noise."""
        swept, _ = self.results("--strategy", "sweep", "--max-batch", 64, "--latency-limit", "6x", "--no-cache")
        rates = {b["batch"]: b["throughput_per_s"] for b in swept["batches"] if b["batch"] in swept["answer"]["passing"]}
        found, done = self.results("--objective", "throughput", "--max-batch", 64, "--latency-limit", "6x", "--no-cache")
        best = max(rates.values())
        self.assertGreater(rates[found["answer"]["batch"]], 0.97 * best)
        self.assertIn("objective throughput", done.stdout)
        self.assertLess(found["probes"], swept["probes"])

    def test_a_new_objective_on_a_cached_workload_starts_no_worker(self):
        self.results()
        for objective in ("throughput", "cost", "balanced", "largest"):
            found, _ = self.results("--objective", objective, "--worker-timeout", "1s")
            self.assertTrue(found["from_cache"], objective)
            self.assertEqual(found["probes"], 0)
        more, done = self.results("--objective", "throughput", "--explore")
        self.assertGreater(more["probes"], 0)
        self.assertNotIn("--explore", done.stdout)

    def test_joules_are_measured_where_they_are_asked_for_and_the_device_can_tell(self):
        device = self.device({"capabilities": CAPABILITIES + ["energy"], "energy": {"base_j": 1.0, "per_item_j": 0.25}})
        plain, _ = self.results(device=device)
        self.assertNotIn("energy_per_item_j", plain["answer"]["at_best"])
        found, _ = self.results("--objective", "energy", device=device)
        # (1 + b / 4) / b joules an item fall with every batch.
        self.assertEqual(found["answer"]["batch"], found["answer"]["largest"]["batch"])
        at = {b["batch"]: b for b in found["batches"]}
        self.assertAlmostEqual(at[1]["energy_per_item_j"], 1.25)
        self.assertAlmostEqual(at[4]["energy_per_item_j"], 0.5)
        again, _ = self.results("--objective", "energy", device=device)
        self.assertTrue(again["from_cache"])
        answer = next(p for p in again["processing"] if p["at"] == "answer")
        batch = answer["batch"]
        self.assertAlmostEqual(answer["kwh"], -(-1_000_000 // batch) * (1 + batch / 4) / 3.6e6)

    def test_a_device_without_an_energy_counter_says_so(self):
        found, done = self.results("--objective", "energy")
        self.assertIn("energy: the device cannot tell it", done.stdout)
        self.assertEqual(found["answer"]["batch"], found["answer"]["largest"]["batch"])
        self.assertNotIn("energy_per_item_j", found["answer"]["at_best"])

    def test_a_looser_limit_gives_the_batch_that_the_report_foretold(self):
        found, done = self.results("--latency-limit", "1.9x")
        step = next(r for r in found["relaxations"] if r["limit"] == "latency")
        self.assertIn(f"batch {found['answer']['batch']} -> {step['batch']}", done.stdout)
        looser, _ = self.results("--latency-limit", f"{step['limits']['latency_ratio']}x")
        self.assertGreaterEqual(looser["answer"]["batch"], step["batch"])

    def test_costs_are_those_of_the_price_and_the_items_that_were_named(self):
        found, done = self.results("--items", 5000, "--price", 3.6)
        for one in found["processing"]:
            at = next(b for b in found["batches"] if b["batch"] == one["batch"])
            self.assertAlmostEqual(one["seconds"], -(-5000 // one["batch"]) * at["latency_s"])
            self.assertAlmostEqual(one["usd"], one["seconds"] / 1000)
        self.assertIn("5,000 items take", done.stdout)
        without, _ = self.results()
        self.assertNotIn("usd", without["processing"][0], "a simulated device has no list price")

    def test_options_that_make_no_sense_are_refused(self):
        for arguments, words in ((("--objective", "fastest"), "there is no objective 'fastest'"),
                                 (("--balance", "latency=1"), "--objective balanced"),
                                 (("--objective", "balanced", "--balance", "speed=1"), "--balance 'speed=1'"),
                                 (("--items", "0"), "--items"), (("--price", "-1"), "--price")):
            refused = self.tune(*arguments)
            self.assertEqual(refused.returncode, 2, arguments)
            self.assertIn(words, refused.stderr)


if __name__ == "__main__":
    unittest.main()
