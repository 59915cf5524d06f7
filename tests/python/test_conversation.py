"""The worker over its pipes on the CPU, as docs/protocol.md has it."""

from __future__ import annotations

import os
import select
import signal
import tempfile
import unittest
from pathlib import Path

from pipe import Worker

ENDS_WITHIN_S = 20  # a bound for a machine under load, not a measure


class Conversation(unittest.TestCase):
    def test_hello_is_answered_before_torch_or_the_file_is_imported(self) -> None:
        with Worker("functions.py:load") as worker:
            hello = worker.good("hello", protocol=1, heartbeat_timeout_s=30)
            self.assertEqual(hello["protocol"], 1)
            self.assertEqual(hello["models"][0]["name"], "functions")
            self.assertEqual(hello["runtime"]["name"], "torch")
            self.assertIn("graph_timing", hello["capabilities"])
            with open(f"/proc/{worker.process.pid}/maps") as maps:
                self.assertNotIn("libtorch", maps.read())

    def test_every_request_is_answered_with_its_id_until_quit_ends_with_zero(self) -> None:
        with Worker("functions.py:load") as worker:
            worker.good("hello", protocol=1, heartbeat_timeout_s=30)
            devices = worker.good("devices")["devices"]
            self.assertIn("cpu", [device["id"] for device in devices])
            loaded = worker.load("functions")
            self.assertEqual(loaded["subject"]["workload"]["input_shape"], [64])
            self.assertEqual(loaded["subject"]["workload"]["timing"], "eager")
            self.assertEqual(loaded["subject"]["workload"]["threads"], 1)
            self.assertGreater(loaded["environment"]["total_bytes"], 0)
            observation = worker.observation(3, min_samples=2, max_samples=5, seconds=60)
            self.assertEqual(observation["outcome"], "measured")
            self.assertEqual(len(observation["samples_s"]), 5)
            self.assertGreater(observation["resident_peak_bytes"], 1 << 20)
            pairs = worker.good("compare", reference=1, candidate=3, pairs=20, seed=1)["records"][0]["pairs_s"]
            self.assertEqual(len(pairs), 20)
            self.assertEqual({order for _, _, order in pairs}, {0, 1})
            worker.good("environment")
            worker.good("release")
            self.assertEqual(worker.error("probe", batch=1)["kind"], "usage")
            worker.good("quit")
            self.assertEqual(worker.process.wait(ENDS_WITHIN_S), 0)
            self.assertEqual(worker.process.stdout.read(), b"")

    def test_samples_stop_at_the_least_once_the_seconds_are_spent(self) -> None:
        with Worker("functions.py:load") as worker:
            worker.load("functions")
            self.assertEqual(len(worker.observation(1, min_samples=4, max_samples=9, seconds=0)["samples_s"]), 4)

    def test_what_the_model_prints_goes_to_stderr(self) -> None:
        with Worker("functions.py:load") as worker:
            worker.load("functions")
            worker.observation(5)
            for printed in ("printed by load", "written by C code", "no line end", "inputs for 5"):
                self.assertIn(printed, worker.stderr())

    def test_a_cpu_has_no_capabilities_of_the_caching_allocator(self) -> None:
        with Worker("functions.py:load") as worker:
            self.assertEqual(set(worker.load("functions")["capabilities"]), {"compare", "environment"})

    def test_heartbeats_get_no_answer(self) -> None:
        with Worker("functions.py:load") as worker:
            worker.write('{"op":"heartbeat"}')
            worker.good("hello", protocol=1)

    def test_two_processes_state_the_same_subject(self) -> None:
        subjects = []
        for _ in range(2):
            with Worker("functions.py:load") as worker:
                subjects.append(worker.load("functions")["subject"])
        self.assertEqual(*subjects)

    def test_a_second_load_replaces_the_first(self) -> None:
        with Worker("classes.py") as worker:
            worker.load("tiny-net")
            worker.load("tiny-lm", mode="prefill", shape={"length": 4})
            self.assertNotIn("released", worker.stderr())
            worker.load("tiny-net")
            self.assertIn("released", worker.stderr())
            self.assertEqual(worker.observation(2)["outcome"], "measured")


class Forms(unittest.TestCase):
    def test_decorated_models_are_listed_as_the_file_says(self) -> None:
        with Worker("classes.py") as worker:
            models = worker.good("hello", protocol=1)["models"]
            self.assertEqual([m["name"] for m in models], ["tiny-lm", "tiny-net"])
            self.assertEqual(models[0]["modes"], ["prefill", "decode"])
            self.assertEqual(models[0]["dtypes"], ["fp32", "nf4"])
            self.assertEqual(models[1]["about"], "A convolution.")

    def test_a_class_gets_its_mode_sizes_and_its_own_dtype(self) -> None:
        with Worker("classes.py:TinyLm") as worker:
            loaded = worker.load("tiny-lm", mode="prefill", dtype="nf4", shape={"length": 7})
            self.assertEqual(loaded["subject"]["workload"]["input_shape"], [7])
            self.assertEqual(loaded["subject"]["workload"]["weights"], "random (seed 0)")
            loaded = worker.load("tiny-lm", mode="decode", shape={"length": 7})
            self.assertEqual(loaded["subject"]["workload"]["input_shape"], [1])
            self.assertEqual(loaded["subject"]["workload"]["dtype"], "fp32", "the first that is declared")

    def test_a_size_of_the_request_goes_before_the_command_lines_and_the_default(self) -> None:
        with Worker("functions.py:load", "--shape", "width=16") as worker:
            self.assertEqual(worker.load("functions")["subject"]["workload"]["shape"], {"width": 16})
            self.assertEqual(worker.load("functions", shape={"width": 32})["subject"]["workload"]["input_shape"], [32])
        with Worker("functions.py:load") as worker:
            self.assertEqual(worker.load("functions")["subject"]["workload"]["shape"], {"width": 64})

    def test_channels_last_is_applied_to_a_module_and_its_pictures(self) -> None:
        with Worker("classes.py") as worker:
            self.assertTrue(worker.load("tiny-net", channels_last=True)["subject"]["workload"]["channels_last"])
            self.assertEqual(worker.observation(2)["outcome"], "measured")
            error = worker.error("load", device="cpu", model="tiny-lm", mode="decode", shape={"length": 2}, channels_last=True)
            self.assertEqual(error["kind"], "usage")


class Mistakes(unittest.TestCase):
    def test_usage_errors_say_what_there_is(self) -> None:
        with Worker("functions.py:load") as worker:
            right = {"device": "cpu", "model": "functions"}
            for wrong, there in [
                ({"model": "resnet50"}, "functions"),
                ({"device": "tpu"}, "cpu"),
                ({"dtype": "fp8"}, "fp16"),
                ({"mode": "decode"}, "forward"),
                ({"shape": {"length": 5}}, "width"),
                ({"shape": {"width": 0}}, "1"),
                ({"weights": "somewhere.pt"}, "weights"),
                ({"fold_batchnorm": True}, "fold_batchnorm"),
                ({"timing": "sundial"}, "eager"),
                ({"threads": "two"}, "int"),
            ]:
                with self.subTest(wrong=wrong):
                    error = worker.error("load", **(right | wrong))
                    self.assertEqual(error["kind"], "usage", error)
                    self.assertIn(there, error["remedy"])
            worker.load("functions")
            for wrong in ({"batch": 0}, {"batch": "8"}, {}, {"batch": 1 << 62}, {"batch": 1, "min_samples": 5, "max_samples": 4}):
                with self.subTest(wrong=wrong):
                    self.assertEqual(worker.error("probe", **wrong)["kind"], "usage")
            self.assertEqual(worker.observation(1)["outcome"], "measured")

    def test_unreadable_weights_are_a_usage_error(self) -> None:
        with Worker("classes.py") as worker:
            error = worker.error("load", device="cpu", model="tiny-lm", mode="decode", shape={"length": 2}, weights="/no/where.pt")
            self.assertEqual(error["kind"], "usage")

    def test_graph_timing_on_a_cpu_is_unsupported(self) -> None:
        with Worker("functions.py:load") as worker:
            error = worker.error("load", device="cpu", model="functions", timing="graph")
            self.assertEqual(error["kind"], "unsupported")
            self.assertFalse(error["replace_worker"])

    def test_an_unknown_op_and_a_line_that_is_no_json_leave_the_worker_usable(self) -> None:
        with Worker("functions.py:load") as worker:
            self.assertEqual(worker.error("dance")["kind"], "unsupported")
            worker.write("no json")
            self.assertFalse(worker.read()["ok"])
            worker.good("hello", protocol=1)

    def test_a_missing_file_or_function_is_a_usage_error(self) -> None:
        for target, there in (("absent.py:load", "my_model.py"), ("functions.py:lode", "load"), ("no_such_module:load", "module")):
            with self.subTest(target=target), Worker(target) as worker:
                error = worker.error("hello", protocol=1)
                self.assertEqual(error["kind"], "usage")
                self.assertIn(there, error["remedy"])

    def test_a_file_with_the_name_of_a_module_in_use_is_a_usage_error(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "json.py").write_text("def load(device, dtype): ...\n")
            with Worker(f"{folder}/json.py:load") as worker:
                self.assertIn("another name", worker.error("load", device="cpu", model="json")["remedy"])

    def test_an_exception_in_load_names_file_and_line_of_the_users_code(self) -> None:
        with Worker("broken.py:raises_in_load") as worker:
            error = worker.error("load", device="cpu", model="broken")
            self.assertEqual(error["kind"], "runtime")
            self.assertIn("ValueError: no such checkpoint", error["message"])
            self.assertRegex(error["message"], r"broken\.py:\d+ in raises_in_load")

    def test_a_pass_that_raises_is_the_outcome_failed_and_the_next_one_works(self) -> None:
        with Worker("broken.py:raises_at_two") as worker:
            worker.load("broken")
            observation = worker.observation(2)
            self.assertEqual(observation["outcome"], "failed")
            self.assertRegex(observation["reason"], r"broken\.py:\d+ in forward")
            self.assertEqual(worker.observation(3)["outcome"], "measured")

    def test_a_model_that_calls_exit_is_a_runtime_error(self) -> None:
        with Worker("broken.py:exits") as worker:
            self.assertIn("not today", worker.error("load", device="cpu", model="broken")["message"])

    def test_outputs_that_are_not_finite_are_an_error(self) -> None:
        with Worker("broken.py:not_finite") as worker:
            error = worker.error("load", device="cpu", model="broken")
            self.assertEqual(error["kind"], "runtime")
            self.assertIn("not finite", error["message"])

    def test_a_load_that_gives_nothing_to_call_is_a_usage_error(self) -> None:
        with Worker("broken.py:not_callable") as worker:
            self.assertIn("int", worker.error("load", device="cpu", model="broken")["message"])

    def test_out_of_memory_is_an_outcome(self) -> None:
        with Worker("broken.py:out_of_memory_at_four") as worker:
            worker.load("broken")
            self.assertEqual(worker.observation(4)["outcome"], "out_of_memory")
            self.assertEqual(worker.error("compare", reference=1, candidate=4, pairs=2, seed=0)["kind"], "out_of_memory")
            self.assertEqual(worker.observation(5)["outcome"], "measured")


class Ends(unittest.TestCase):
    def test_it_ends_when_stdin_closes_while_it_idles(self) -> None:
        with Worker("functions.py:load") as worker:
            worker.good("hello", protocol=1)
            worker.process.stdin.close()
            self.assertEqual(worker.process.wait(ENDS_WITHIN_S), 0)

    def test_it_ends_when_stdin_closes_in_the_middle_of_a_pass(self) -> None:
        for model in ("sleeps_at_two", "holds_the_lock_at_two"):
            with self.subTest(model=model), Worker(f"broken.py:{model}") as worker:
                worker.load("broken")
                worker.send("probe", batch=2)
                worker.wait_until_stuck()
                worker.process.stdin.close()
                self.assertEqual(worker.process.wait(ENDS_WITHIN_S), -signal.SIGKILL)

    def test_it_ends_when_the_heartbeats_stop_in_the_middle_of_a_pass(self) -> None:
        with Worker("broken.py:holds_the_lock_at_two") as worker:
            worker.load("broken")
            worker.good("hello", protocol=1, heartbeat_timeout_s=1)
            worker.send("probe", batch=2)
            worker.wait_until_stuck()
            self.assertEqual(worker.process.wait(ENDS_WITHIN_S), -signal.SIGKILL)

    def test_the_watcher_ends_with_the_worker(self) -> None:
        with Worker("functions.py:load") as worker:
            worker.good("hello", protocol=1)
            with open(f"/proc/{worker.process.pid}/task/{worker.process.pid}/children") as children:
                watcher = int(children.read().split()[0])
            ended = os.pidfd_open(watcher)
            worker.process.kill()
            worker.process.wait()
            readable, _, _ = select.select([ended], [], [], ENDS_WITHIN_S)
            os.close(ended)
            self.assertTrue(readable)

    def test_ctrl_c_is_left_to_the_tuner(self) -> None:
        with Worker("functions.py:load") as worker:
            worker.good("hello", protocol=1)
            worker.process.send_signal(signal.SIGINT)
            worker.good("devices")


if __name__ == "__main__":
    unittest.main()
