"""The worker on a CUDA device; skipped where there is none."""

from __future__ import annotations

import shutil
import sysconfig
import unittest
from pathlib import Path

import torch
from pipe import ROOT, Worker

DEVICE = "cuda:0"
MEBIBYTE = 1 << 20
SMALLEST_BLOCK = 512  # the caching allocator's
WIDE = {"width": 4096}
CAN_COMPILE = shutil.which("cc") is not None and Path(sysconfig.get_path("include"), "Python.h").exists()


def load(worker: Worker, model: str = "functions", **fields: object) -> dict:
    return worker.load(model, device=DEVICE, **fields)


@unittest.skipUnless(torch.cuda.is_available(), "needs a CUDA device")
class Cuda(unittest.TestCase):
    def test_the_device_is_described(self) -> None:
        with Worker("functions.py:load") as worker:
            [first, *_] = worker.good("devices")["devices"]
            self.assertEqual((first["id"], first["kind"]), (DEVICE, "cuda"))
            self.assertIn("driver", first)
            subject = load(worker)["subject"]
            self.assertEqual(subject["device"], {name: value for name, value in first.items() if name != "id"})
            self.assertIn("cudnn", subject["runtime"]["details"])
            self.assertNotIn("threads", subject["workload"])

    def test_a_model_that_can_be_captured_is_timed_as_a_graph(self) -> None:
        with Worker("functions.py:load") as worker:
            loaded = load(worker, dtype="fp16", shape=WIDE)
            self.assertEqual(loaded["subject"]["workload"]["timing"], "graph")
            self.assertIn("graph_timing", loaded["capabilities"])
            observation = worker.observation(64, min_samples=7, max_samples=30, seconds=0.01)
            self.assertEqual(observation["outcome"], "measured", observation)
            self.assertTrue(all(0 < seconds < 1 for seconds in observation["samples_s"]))
            self.assertEqual((observation["ooms"], observation["alloc_retries"]), (0, 0))

    def test_ordinary_calls_are_timed_beside_replays_where_asked(self) -> None:
        with Worker("functions.py:load") as worker:
            self.assertIn("eager_latency", load(worker, dtype="fp16", shape=WIDE)["capabilities"])
            asked = worker.observation(8, min_samples=1, max_samples=1, seconds=0.01, eager_samples=2)
            self.assertEqual(len(asked["eager_samples_s"]), 2)
            self.assertTrue(all(0 < seconds < 1 for seconds in asked["eager_samples_s"]))
            self.assertNotIn("eager_samples_s", worker.observation(8, min_samples=1, max_samples=1, seconds=0.01))

    def test_own_memory_is_the_context_and_the_allocators_peak(self) -> None:
        for timing in ("graph", "eager"):
            with self.subTest(timing=timing), Worker("functions.py:load") as worker:
                load(worker, shape=WIDE, timing=timing)
                small, large = worker.observation(64), worker.observation(1 << 16)
                self.assertGreater(small["context_bytes"], 100 * MEBIBYTE)
                self.assertGreaterEqual(small["reserved_peak_bytes"], small["allocated_peak_bytes"])
                self.assertGreater(large["allocated_peak_bytes"], (1 << 16) * WIDE["width"] * 4)
                again = worker.observation(64)
                self.assertEqual(again["reserved_peak_bytes"], small["reserved_peak_bytes"], "the allocator is emptied between probes")
                self.assertIn("others_before_bytes", small["conditions"])
                self.assertIn("sm_clock_mhz", small["conditions"])

    def test_a_rehearsal_takes_what_the_run_takes_and_has_no_latency(self) -> None:
        for timing in ("graph", "eager"):
            with self.subTest(timing=timing), Worker("functions.py:load") as worker:
                self.assertIn("rehearsal", load(worker, shape=WIDE, timing=timing)["capabilities"])
                rehearsed = worker.observation(1 << 16, rehearse=True)
                self.assertEqual(rehearsed["outcome"], "rehearsed", rehearsed)
                self.assertNotIn("samples_s", rehearsed)
                self.assertEqual(worker.observation(1 << 16)["reserved_peak_bytes"], rehearsed["reserved_peak_bytes"])

    def test_one_without_capture_is_timed_eagerly_in_the_same_process_and_says_why(self) -> None:
        with Worker("not_capturable.py:load", folder=ROOT / "examples" / "python") as worker:
            loaded = load(worker, "not-capturable")
            self.assertEqual(loaded["subject"]["workload"]["timing"], "eager")
            self.assertNotIn("graph_timing", loaded["capabilities"])
            self.assertRegex("\n".join(loaded["notes"]), r"not_capturable\.py:\d+ in forward")
            self.assertEqual(worker.observation(8)["outcome"], "measured")
            self.assertEqual(len(worker.good("compare", reference=1, candidate=8, pairs=5, seed=0)["records"][0]["pairs_s"]), 5)
            self.assertIsNone(worker.process.poll())

    def test_graph_timing_of_one_without_capture_is_unsupported(self) -> None:
        with Worker("not_capturable.py:load", folder=ROOT / "examples" / "python") as worker:
            error = worker.error("load", device=DEVICE, model="not-capturable", timing="graph")
            self.assertEqual(error["kind"], "unsupported")
            self.assertTrue(error["replace_worker"])

    def test_out_of_memory_under_the_cap_is_an_outcome_and_eager_work_goes_on(self) -> None:
        with Worker("functions.py:load") as worker:
            load(worker, timing="eager")
            context = worker.observation(1)["context_bytes"]
            observation = worker.observation(1 << 20, cap_bytes=context + 256 * MEBIBYTE)
            self.assertEqual(observation["outcome"], "out_of_memory", observation)
            self.assertLess(abs(observation["cap_bytes"] - 256 * MEBIBYTE), 64 * MEBIBYTE)
            self.assertGreater(observation["ooms"], 0)
            self.assertEqual(worker.observation(1 << 20)["outcome"], "measured")

    def test_out_of_memory_with_graph_timing_leaves_a_worker_that_works_or_asks_for_another(self) -> None:
        with Worker("functions.py:load") as worker:
            load(worker)
            context = worker.observation(1)["context_bytes"]
            answer = worker.good("probe", batch=1 << 20, cap_bytes=context + 256 * MEBIBYTE)
            self.assertEqual(answer["records"][0]["outcome"], "out_of_memory")
            if not answer.get("replace_worker"):
                self.assertEqual(worker.observation(8)["outcome"], "measured")

    def test_pairs_of_two_batches_are_timed_in_turn(self) -> None:
        for timing in ("graph", "eager"):
            with self.subTest(timing=timing), Worker("functions.py:load") as worker:
                load(worker, timing=timing, shape=WIDE)
                [record] = worker.good("compare", reference=1, candidate=4096, pairs=20, seed=1)["records"]
                self.assertEqual(len(record["pairs_s"]), 20)
                self.assertTrue(all(reference > 0 and candidate > 0 for reference, candidate, _ in record["pairs_s"]))
                self.assertEqual(worker.observation(1)["outcome"], "measured")

    def test_a_trace_adds_up_to_the_allocated_peak(self) -> None:
        for timing in ("graph", "eager"):
            with self.subTest(timing=timing), Worker("functions.py:load") as worker:
                load(worker, timing=timing, shape=WIDE)
                observation, trace = worker.good("probe", batch=2048, trace=True)["records"]
                self.assertEqual((trace["record"], trace["timing"]), ("trace", timing))
                self.assertEqual(trace["segments_before"] == [], timing == "graph")
                self.assertLessEqual(trace["reserved_peak_bytes"], observation["reserved_peak_bytes"])
                held, peak, sizes = 0, 0, {}
                for block, *size in trace["events"]:
                    if size:
                        sizes[block] = -(-size[0] // SMALLEST_BLOCK) * SMALLEST_BLOCK
                        held += sizes[block]
                        peak = max(peak, held)
                    elif block > 0:
                        held -= sizes[block]
                measured = trace["allocated_peak_bytes"] - trace["allocated_before_bytes"]
                self.assertGreater(peak, 0)
                self.assertLessEqual(peak, measured)
                self.assertLess(measured - peak, MEBIBYTE * len(sizes), "a block charged whole has up to 1 MiB to spare")

    def test_blocks_of_a_segment_fill_it_and_frees_name_known_blocks(self) -> None:
        with Worker("functions.py:load") as worker:
            load(worker, timing="eager")
            _, trace = worker.good("probe", batch=64, trace=True)["records"]
            known = {block for _, _, blocks in trace["segments_before"] for _, block in blocks if block < 0}
            for block, *size in trace["events"]:
                if size:
                    known.add(block)
                else:
                    known.remove(block)
            self.assertEqual(sum(size for _, _, blocks in trace["segments_before"] for size, _ in blocks), trace["reserved_before_bytes"])

    def test_release_gives_all_memory_back_and_a_load_may_follow(self) -> None:
        with Worker("functions.py:load") as worker:
            first = load(worker, shape=WIDE)["environment"]["others_bytes"]
            worker.observation(1 << 14)
            worker.good("release")
            second = load(worker, shape=WIDE)["environment"]["others_bytes"]
            self.assertLess(abs(second - first), 64 * MEBIBYTE)
            self.assertEqual(worker.observation(8)["outcome"], "measured")

    def test_copies_of_the_inputs_are_timed_where_asked(self) -> None:
        medians = {}
        for include in (False, True):
            with Worker("functions.py:load") as worker:
                load(worker, include_copies=include, shape=WIDE)
                samples = sorted(worker.observation(1 << 14)["samples_s"])
                medians[include] = samples[len(samples) // 2]
        self.assertGreater(medians[True], medians[False])  # 256 MiB over the bus

    @unittest.skipUnless(CAN_COMPILE, "torch.compile needs a C compiler and Python's headers")
    def test_a_compiled_model_runs(self) -> None:
        with Worker("compiled.py:load", folder=ROOT / "examples" / "python") as worker:
            load(worker, "compiled")
            self.assertEqual(worker.observation(8)["outcome"], "measured")


if __name__ == "__main__":
    unittest.main()
