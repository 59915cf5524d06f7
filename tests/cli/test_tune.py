"""What a person meets who tunes: answers, the cache, bad input, exit codes."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import unittest

from running import BIN, DEVICES, Running


def until(holds, patience_s=60):
    """Waits until the condition holds; the test fails where it does not come."""
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come to hold")
        time.sleep(0.01)


class Answers(Running):
    def test_every_strategy_finds_the_same_batch(self):
        batches = {
            strategy: self.results("--strategy", strategy, "--no-cache", "--max-batch", 32)[0]["answer"]["batch"]
            for strategy in ("guided", "exponential", "binary", "sweep")
        }
        self.assertEqual(len(set(batches.values())), 1, batches)

    def test_the_table_says_what_limits_the_batch_and_that_the_device_is_simulated(self):
        done = self.tune("--latency-limit", "1.9x")
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ("limited by", "latency", "does not pass", "weights: random", "SIMULATED"):
            self.assertIn(words, done.stdout)

    def test_a_percentile_is_judged_with_more_samples_and_named_beside_the_limit(self):
        workload, done = self.results("--percentile", "95", "--latency-limit", "1.9x", "--max-batch", 64)
        self.assertIn("latency p95 1.9x", done.stdout)
        self.assertIn("p95 latency", done.stdout)
        self.assertEqual(workload["answer"]["next"]["latency"]["percentile"], 95)
        self.assertGreaterEqual(workload["answer"]["best"]["latency"]["trials"], 100)
        refused = self.tune("--percentile", "101")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("--percentile '101'", refused.stderr)

    def test_a_time_budget_ends_the_search_with_the_best_so_far(self):
        workload, done = self.results("--time-budget", "10ms")
        self.assertTrue(workload["answer"]["cut_short"])
        self.assertIn("the time budget is spent", done.stdout)
        whole, _ = self.results()
        self.assertLess(workload["probes"], whole["probes"] + workload["probes"])
        self.assertGreater(whole["answer"]["batch"], workload["answer"]["batch"])
        self.assertNotIn("cut_short", whole["answer"])
        refused = self.tune("--time-budget", "soon")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("--time-budget 'soon'", refused.stderr)

    def test_a_confirmation_runs_the_answer_and_says_that_it_held(self):
        workload, done = self.results("--confirm", "2s", "--latency-limit", "1.9x")
        confirmation = workload["confirmation"]
        self.assertEqual(confirmation["batch"], workload["answer"]["batch"])
        self.assertEqual(confirmation["ruling"]["verdict"], "pass")
        self.assertGreaterEqual(confirmation["seconds"], 2)
        self.assertIn("it holds", done.stdout)

    def test_an_answer_that_does_not_hold_is_not_said_to_pass(self):
        slow = {"slowdown": 1.5, "reason": "hardware thermal slowdown"}
        search, _ = self.results("--latency-limit", "2ms", "--no-cache")
        slow["from_probe"] = search["probes"] + 1
        device = self.device({"throttling": [slow]})
        workload, done = self.results("--latency-limit", "2ms", "--confirm", "2s", "--no-cache", device=device, code=4)
        self.assertEqual(workload["confirmation"]["ruling"]["verdict"], "fail")
        self.assertEqual(workload["confirmation"]["throttle_reasons"], ["hardware thermal slowdown"])
        self.assertIn("does NOT hold", done.stdout)

    def test_the_ordinary_call_of_the_answer_is_reported_and_up_to_where_launches_bind(self):
        workload, done = self.results()
        answer = workload["answer"]
        self.assertGreater(answer["at_one"]["eager_latency_s"], 2 * answer["at_one"]["latency_s"])
        self.assertGreaterEqual(answer["launch_bound_up_to"], answer["batch"])
        self.assertIn(f"launch-bound up to batch {answer['launch_bound_up_to']}", done.stdout)

    def test_memory_decides_where_there_is_no_latency_limit(self):
        workload, _ = self.results("--latency-limit", "none", "--memory-limit", "2GiB")
        self.assertEqual(workload["answer"]["limited_by"], "memory")
        self.assertLessEqual(workload["answer"]["best"]["memory"]["value_bytes"], 2 << 30)
        self.assertGreater(workload["answer"]["next"]["memory"]["value_bytes"], 2 << 30)

    def test_a_model_may_name_its_mode_and_another_one_goes_on_without_it(self):
        done = self.batchfit("tune", "resnet-like:decode", "resnet-like:forward", "resnet-like", "--no-cache", "--dtype", "fp16",
                             "--device", f"sim:{DEVICES / 'resnet-like.json'}", "--export-json", "results.json")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("no mode 'decode'; there is forward", done.stderr)
        self.assertIn("resnet-like forward fp16  batch 1:", done.stderr)
        decode, forward, plain = self.workloads()
        self.assertEqual((decode["status"], forward["status"], plain["status"]), ("failed", "found", "found"))
        self.assertEqual(forward["subject"], plain["subject"])

    def test_results_go_to_stdout_and_progress_to_stderr(self):
        done = self.tune("--export-json", "-", "--no-cache")
        self.assertEqual(json.loads(done.stdout)["format"], "batchfit-results")
        self.assertIn("batch 1:", done.stderr)
        self.assertEqual(self.tune("-q", "--no-cache").stderr, "")


class TheCache(Running):
    def test_a_second_run_is_answered_without_a_worker(self):
        first, _ = self.results()
        self.assertFalse(first["from_cache"])
        second, done = self.results("--worker-timeout", "1s")
        self.assertTrue(second["from_cache"])
        self.assertEqual(second["probes"], 0)
        self.assertEqual(second["answer"]["batch"], first["answer"]["batch"])
        self.assertIn("answered from the cache", done.stdout)

    def test_new_limits_reuse_what_was_measured(self):
        whole, _ = self.results("--strategy", "sweep", "--max-batch", 24)
        tighter, _ = self.results("--strategy", "sweep", "--max-batch", 24, "--latency-limit", "1.5x")
        self.assertGreater(whole["probes"], 20)
        # Batches near the new limit are compared with batch 1; none is measured again.
        observed = [[r["batch"] for r in run["records"] if r["record"] == "observation"] for run in (whole, tighter)]
        self.assertEqual(*observed)

    def test_refresh_measures_again_and_keeps_the_old_records(self):
        self.results()
        again, _ = self.results("--refresh")
        self.assertFalse(again["from_cache"])
        self.assertGreater(again["probes"], 0)
        self.assertEqual(len(list(self.cache.with_suffix(".d").glob("*.set-aside-1"))), 1)

    def test_a_corrupt_cache_is_set_aside_and_the_answer_still_comes(self):
        self.results()
        self.cache.write_text("{ not json", encoding="utf-8")
        again, done = self.results("--refresh")
        self.assertIn("set aside", done.stderr)
        self.assertEqual((self.folder / "reports/batch_optimizer_cache.json.set-aside-1").read_text(encoding="utf-8"), "{ not json")
        self.assertEqual(again["status"], "found")
        self.assertEqual(json.loads(self.cache.read_text(encoding="utf-8"))["format"], "batchfit-cache")

    def test_a_cache_that_cannot_be_written_is_a_warning(self):
        (self.folder / "file").write_text("", encoding="utf-8")
        workload, done = self.results("--cache", self.folder / "file" / "cache.json")
        self.assertEqual(workload["status"], "found")
        self.assertIn("warning", done.stderr)

    def test_it_can_be_listed_shown_and_cleared(self):
        self.results()
        self.assertRegex(self.batchfit("cache", "list").stdout, r"resnet-like +fp16 +graph +\d+ batches")
        self.assertEqual(json.loads(self.batchfit("cache", "show", "--cache", self.cache).stdout)["version"], 1)
        self.assertEqual(self.batchfit("cache", "clear").returncode, 0)
        self.assertFalse(self.cache.exists())
        self.assertEqual(self.batchfit("cache", "list").stdout, "")


class BadInput(Running):
    def refused(self, code, *arguments, words, command=None):
        done = command or self.batchfit(*arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_an_unknown_model_names_the_nearest(self):
        self.refused(2, "tune", "resnet-lik", "--dtype", "fp16", "--device", f"sim:{DEVICES / 'resnet-like.json'}",
                     words=["resnet-lik", "resnet-like"])

    def test_an_unknown_option_or_command_names_the_nearest(self):
        self.refused(2, "tune", "x", "--latency-limt", "2x", words=["--latency-limt", "--latency-limit"])
        self.refused(2, "tuen", "x", words=["tuen", "tune"])

    def test_values_that_cannot_be_meant_are_usage_errors(self):
        for option, value in (("--memory-limit", "120%"), ("--latency-limit", "0.5x"), ("--latency-limit", "fast"),
                              ("--max-batch", "0"), ("--strategy", "bogus"), ("--timing", "sometimes")):
            with self.subTest(option=option, value=value):
                self.refused(2, words=[value], command=self.tune(option, value))

    def test_an_export_that_cannot_be_written_is_known_before_anything_is_measured(self):
        done = self.tune("--export-json", "/nowhere/results.json")
        self.refused(2, words=["/nowhere/results.json"], command=done)
        self.assertNotIn("batch 1:", done.stderr)

    def test_a_gpu_that_is_not_there_is_unavailable(self):
        if pathlib.Path("/dev/nvidia0").exists() or not (BIN / "batchfit-worker-torch").exists():
            self.skipTest("needs the libtorch worker and no GPU")
        self.refused(5, "tune", "resnet50", "--device", "cuda:0", "--no-cache", words=["CUDA"])

    def test_a_worker_that_is_missing_is_unavailable(self):
        self.refused(5, words=["/nowhere/worker"], command=self.tune("--worker", "/nowhere/worker"))

    def test_a_worker_of_another_version_is_unavailable(self):
        device = self.device({"faults": [{"kind": "wrong_version", "op": "hello", "times": 99}]})
        self.refused(5, words=["speaks protocol 2"], command=self.tune(device=device))

    def test_a_device_file_that_is_damaged_is_named(self):
        broken = self.folder / "broken.json"
        broken.write_text("{", encoding="utf-8")
        done = self.tune(device=broken)
        self.assertIn(done.returncode, (1, 2, 5))
        self.assertIn("broken.json", done.stderr)

    def test_nothing_fits_where_batch_one_does_not(self):
        done = self.tune("--memory-limit", "100MiB")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("100 MiB", done.stdout)


class Interrupted(Running):
    def run_until_measuring(self):
        device = self.device({"probe_wall_s": 0.2})
        with open(self.folder / "progress", "w", encoding="utf-8") as progress:
            run = subprocess.Popen([BIN / "batchfit", "tune", "resnet-like", "--dtype", "fp16", "--device", f"sim:{device}",
                                    "--export-json", "results.json"],
                                   cwd=self.folder, stdout=subprocess.PIPE, stderr=progress, text=True)
        self.addCleanup(run.stdout.close)
        until(lambda: "batch 1:" in (self.folder / "progress").read_text(encoding="utf-8"))
        return run

    def workers(self):
        """Simulated workers of this test that are alive."""
        mark = str(self.folder).encode()
        alive = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                command = pathlib.Path("/proc", entry, "cmdline").read_bytes()
            except OSError:
                continue
            if b"batchfit-worker-sim" in command and mark in command:
                alive.append(entry)
        return alive

    def test_ctrl_c_and_a_schedulers_end_save_what_was_measured(self):
        for sent, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(signal=sent.name):
                shutil.rmtree(self.folder / "reports", ignore_errors=True)
                run = self.run_until_measuring()
                run.send_signal(sent)
                self.assertEqual(run.wait(60), code)
                saved = json.loads((self.folder / "results.json").read_text(encoding="utf-8"))["workloads"][0]
                self.assertEqual(saved["status"], "interrupted")
                journal = next(self.cache.with_suffix(".d").glob("*.jsonl")).read_text(encoding="utf-8")
                self.assertIn('"batch":1', journal)
                until(lambda: not self.workers())

    def test_a_tuner_that_is_killed_leaves_no_worker_and_its_records(self):
        run = self.run_until_measuring()
        self.assertTrue(self.workers())
        run.kill()
        run.wait(60)
        until(lambda: not self.workers())
        done = self.batchfit("tune", "resnet-like", "--dtype", "fp16", "--device", f"sim:{self.folder / 'device.json'}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotRegex(done.stderr, re.compile("batch 1:"))  # it was measured before the kill


if __name__ == "__main__":
    unittest.main()
