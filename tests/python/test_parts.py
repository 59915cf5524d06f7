"""The parts of the worker that need no device, one by one."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import torch
from batchfit_worker import catalogue, declaration, devices, errors, host, identity, nvml, requests, samples, trace, user_model
from batchfit_worker.device_memory import LARGEST_CONTEXT_CHANGE, MARGIN, MEBIBYTE, DeviceMemory
from batchfit_worker.session import Session
from pipe import FOLDER, PACKAGE


class Catalogue(unittest.TestCase):
    def entries(self, text: str, attribute: str = "") -> list[catalogue.Entry]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "the_model.py"
            path.write_text(text)
            return catalogue.entries(catalogue.Target.parse(f"{path}{attribute}"))

    def test_a_plain_load_is_named_after_its_file_and_told_by_its_docstring(self) -> None:
        [entry] = self.entries('def load(device, dtype):\n    """A net.\n\n    More."""\n')
        self.assertEqual(entry.listed() | {"dtypes": 0}, {"name": "the-model", "about": "A net.", "dtypes": 0, "modes": ["forward"]})

    def test_the_file_is_not_run(self) -> None:
        self.assertEqual(len(self.entries("raise SystemExit\ndef load(device, dtype): ...\n")), 1)

    def test_a_name_made_by_import_or_assignment_counts(self) -> None:
        self.assertEqual(self.entries("from elsewhere import build as load\n", ":load")[0].attribute, "load")
        self.assertEqual(self.entries("load = make()\n", ":load")[0].attribute, "load")

    def test_decorator_values_must_be_literals(self) -> None:
        with self.assertRaisesRegex(errors.WorkerError, "the_model.py:1: dtypes is not written as a literal"):
            self.entries("@batchfit_worker.model(dtypes=DTYPES)\ndef load(device, dtype): ...\n")

    def test_a_syntax_error_names_its_line(self) -> None:
        with self.assertRaisesRegex(errors.WorkerError, "the_model.py:2"):
            self.entries("x = 1\ndef load(:\n")

    def test_memory_is_torchs_or_the_devices(self) -> None:
        with self.assertRaises(ValueError):
            declaration.Declaration(memory="elsewhere")


class Sizes(unittest.TestCase):
    def sizes(self, load, inputs, given):
        return user_model.UserModel(load, inputs, None, declaration.Declaration()).sizes(given)

    def test_they_are_the_whole_number_parameters_of_load_and_inputs(self) -> None:
        def load(device, dtype, depth=3, path="here", weights=None): ...
        def inputs(batch, device, dtype, *, length): ...

        self.assertEqual(self.sizes(load, inputs, {"length": 5}), {"depth": 3, "length": 5})

    def test_one_without_a_default_must_be_given(self) -> None:
        with self.assertRaisesRegex(errors.WorkerError, "'length' is not given"):
            self.sizes(lambda device, dtype: 0, lambda batch, device, dtype, length: 0, {})

    def test_keyword_catchers_take_any(self) -> None:
        self.assertEqual(self.sizes(lambda device, dtype: 0, lambda batch, device, dtype, **sizes: 0, {"any": 4}), {"any": 4})

    def test_settings_are_no_sizes(self) -> None:
        with self.assertRaises(errors.WorkerError):
            self.sizes(lambda device, dtype, seed: 0, lambda batch, device, dtype: 0, {"seed": 4})


class Memory(unittest.TestCase):
    """A device of 8000 MiB of which others hold 300 at first."""

    def setUp(self) -> None:
        self.free, self.reserved = 7700 * MEBIBYTE, 0
        self.memory = DeviceMemory(8000 * MEBIBYTE, used=lambda: 8000 * MEBIBYTE - self.free, reserved=lambda: self.reserved)

    def make_context(self, size: int = 600 * MEBIBYTE) -> None:
        self.free -= size
        self.memory.settle(300 * MEBIBYTE, largest_change=None)

    def test_before_the_device_is_touched_all_use_is_others(self) -> None:
        self.assertEqual(self.memory.environment(), {"total_bytes": 8000 * MEBIBYTE, "others_bytes": 300 * MEBIBYTE})

    def test_a_rise_outside_the_allocator_during_work_is_the_context(self) -> None:
        self.make_context()
        self.free, self.reserved = self.free - 250 * MEBIBYTE, 200 * MEBIBYTE
        self.assertEqual(self.memory.settle(300 * MEBIBYTE), 650 * MEBIBYTE)
        self.assertEqual(self.memory.others(), 300 * MEBIBYTE)

    def test_a_change_while_idle_is_others(self) -> None:
        self.make_context()
        self.free -= 200 * MEBIBYTE
        self.assertEqual(self.memory.others(), 500 * MEBIBYTE)

    def test_a_change_larger_than_work_can_make_is_others(self) -> None:
        self.make_context()
        self.free -= LARGEST_CONTEXT_CHANGE + 1
        self.assertEqual(self.memory.settle(300 * MEBIBYTE), 600 * MEBIBYTE)
        self.assertEqual(self.memory.others(), 300 * MEBIBYTE + LARGEST_CONTEXT_CHANGE + 1)

    def test_without_the_drivers_figures_it_is_unknown(self) -> None:
        memory = DeviceMemory(1000, used=lambda: None, reserved=lambda: 10)
        self.assertIsNone(memory.settle(memory.others()))
        self.assertEqual(memory.environment(), {"total_bytes": 1000})

    def test_the_allocator_may_reserve_what_is_free_less_a_margin(self) -> None:
        self.make_context()
        self.reserved = 100 * MEBIBYTE
        self.assertEqual(self.memory.most_reservable(2000 * MEBIBYTE, None), 2100 * MEBIBYTE - MARGIN)
        self.assertEqual(self.memory.most_reservable(0, None), 0)

    def test_a_cap_on_own_memory_counts_the_context_in(self) -> None:
        self.make_context()
        self.assertEqual(self.memory.most_reservable(7000 * MEBIBYTE, 1000 * MEBIBYTE), 400 * MEBIBYTE)
        self.assertEqual(self.memory.most_reservable(7000 * MEBIBYTE, 100 * MEBIBYTE), 0)


class Uuid:
    """As torch's properties hold it: text only where it is asked to be."""

    def __str__(self) -> str:
        return "1b2c"


class DeviceIdentity(unittest.TestCase):
    def test_the_driver_is_asked_for_the_device_by_its_uuid_as_text(self) -> None:
        properties = unittest.mock.Mock(uuid=Uuid())
        with (
            unittest.mock.patch("torch.cuda.get_device_properties", return_value=properties),
            unittest.mock.patch.object(devices.Nvml, "open") as opened,
        ):
            devices.nvml_of(torch.device("cuda", 0))
        opened.assert_called_once_with(["GPU-1b2c", "MIG-1b2c"])

    def test_the_memory_structure_says_its_version_and_size(self) -> None:
        self.assertEqual((nvml._Memory().version & 0xFFFFFF, nvml._Memory().version >> 24), (40, 2))


class Trace(unittest.TestCase):
    SEGMENT = {
        "address": 4096,
        "segment_type": "small",
        "blocks": [
            {"size": 512, "state": "active_allocated"},
            {"size": 1024, "state": "inactive"},
            {"size": 512, "state": "active_awaiting_free"},
        ],
    }

    def test_blocks_in_use_before_it_have_negative_numbers(self) -> None:
        segments, numbers = trace.numbered([self.SEGMENT])
        self.assertEqual(segments, [[4096, 1, [[512, -1], [1024, 0], [512, -2]]]])
        self.assertEqual(numbers, {4096: -1, 4096 + 1536: -2})

    def test_allocations_are_numbered_and_frees_name_them_though_addresses_recur(self) -> None:
        entries = [
            {"action": "alloc", "addr": 8192, "size": 100},
            {"action": "segment_alloc", "addr": 8192, "size": 2097152},
            {"action": "free_requested", "addr": 8192, "size": 100},
            {"action": "free_completed", "addr": 8192, "size": 100},
            {"action": "alloc", "addr": 8192, "size": 60},
            {"action": "free_completed", "addr": 4096, "size": 512},
            {"action": "free_completed", "addr": 8192, "size": 60},
        ]
        self.assertEqual(trace.events(entries, {4096: -1}), [[1, 100], [1], [2, 60], [-1], [2]])

    def test_a_free_of_another_pools_block_is_left_out(self) -> None:
        self.assertEqual(trace.events([{"action": "free_completed", "addr": 1, "size": 5}], {}), [])


class Samples(unittest.TestCase):
    def test_it_stops_between_least_and_most_once_the_seconds_are_in(self) -> None:
        self.assertEqual(len(samples.taken(lambda: 0.1, 2, 9, 0.45)), 5)
        self.assertEqual(len(samples.taken(lambda: 1.0, 2, 9, 0.45)), 2)
        self.assertEqual(len(samples.taken(lambda: 0.0, 2, 9, 0.45)), 9)

    def test_the_order_of_pairs_comes_from_the_seed(self) -> None:
        def run(seed: int) -> tuple[list[list[float]], list[str]]:
            calls: list[str] = []
            taken = samples.pairs(lambda: calls.append("r") or 1.0, lambda: calls.append("c") or 2.0, 32, seed)
            return taken, calls

        self.assertEqual(run(5), run(5))
        self.assertNotEqual(run(5), run(6))
        taken, calls = run(5)
        for (reference, candidate, first), order in zip(taken, zip(calls[::2], calls[1::2])):
            self.assertEqual((reference, candidate), (1.0, 2.0))
            self.assertEqual(order, ("r", "c") if first else ("c", "r"))


class Requests(unittest.TestCase):
    def test_unknown_fields_are_ignored_and_null_is_absent(self) -> None:
        probe = requests.read(requests.Probe, {"batch": 3, "cap_bytes": None, "number": 7})
        self.assertEqual((probe.batch, probe.cap_bytes), (3, None))

    def test_true_is_no_number(self) -> None:
        with self.assertRaises(errors.WorkerError):
            requests.read(requests.Probe, {"batch": True})


class Identity(unittest.TestCase):
    def test_the_version_of_torch_is_read_without_importing_it(self) -> None:
        import torch

        self.assertEqual(identity.torch_version(), torch.__version__)

    def test_the_code_digest_follows_the_files_content(self) -> None:
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            (folder / "a.py").write_text("x = 1")
            first = identity.code_digest([folder / "a.py"], folder)
            self.assertEqual(first, identity.code_digest([folder / "a.py"], folder))
            (folder / "a.py").write_text("x = 2")
            self.assertNotEqual(first, identity.code_digest([folder / "a.py"], folder))

    def test_packages_are_those_that_the_sources_import_whatever_they_are_called(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for distribution, module, version in (("alike", "alike", "1.0"), ("Other-Name", "unlike", "2.5"), ("unused", "unused", "3.0")):
                place = Path(folder, f"{distribution.replace('-', '_')}-{version}.dist-info")
                place.mkdir()
                (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
                (place / "top_level.txt").write_text(module + "\n")
            own = Path(folder, "helper.py")
            own.write_text("")
            source = Path(folder, "model.py")
            source.write_text("import json\nimport torch\nimport alike.part\nfrom unlike import x\nimport helper\nimport missing\n")
            self.addCleanup(identity._all_distributions.cache_clear)
            identity._all_distributions.cache_clear()
            with unittest.mock.patch.object(sys, "path", [folder, *sys.path]):
                self.assertEqual(identity.packages([source, own]), "Other-Name 2.5, alike 1.0")

    def test_the_weights_digest_sees_either_end_of_a_file(self) -> None:
        with tempfile.TemporaryDirectory() as text:
            path = Path(text) / "weights.bin"
            seen = set()
            for content in (b"start", b"Start", b"start and end"):
                path.write_bytes(content)
                seen.add(identity.weights_digest(path))
            self.assertEqual(len(seen), 3)
            self.assertNotIn(identity.weights_digest(Path(text)), ("", None))

    def test_the_processor_and_its_memory_are_known(self) -> None:
        self.assertTrue(host.processor_name())
        self.assertGreater(host.total_bytes(), host.peak_resident_bytes() or 0)


class Garbage(unittest.TestCase):
    def test_what_is_loaded_is_left_out_of_collections_until_it_is_released(self) -> None:
        self.addCleanup(gc.unfreeze)
        target = catalogue.Target.parse(str(FOLDER / "models/functions.py:load"))
        session = Session(target, catalogue.entries(target), {})
        session.load(requests.read(requests.Load, {"device": "cpu", "model": "functions"}))
        self.assertGreater(gc.get_freeze_count(), 0)
        session.release()
        self.assertEqual(gc.get_freeze_count(), 0)


class Restart(unittest.TestCase):
    def test_the_fresh_process_has_the_number_and_the_ends_of_the_old_one_and_nothing_else_open(self) -> None:
        run = subprocess.run(
            [sys.executable, "restarts.py"],
            cwd=FOLDER,
            env=os.environ | {"PYTHONPATH": str(PACKAGE)},
            input=b'{"op":"quit"}\n',
            stdout=subprocess.PIPE,
            check=True,
        )
        told = json.loads(run.stdout)
        self.assertEqual(told["id"], 9)
        self.assertTrue(told["same_process"])
        self.assertEqual(told["open"], sorted(told["ends"]))
        self.assertFalse(told["pending_again"])
        self.assertEqual(told["next"], {"op": "quit"})


if __name__ == "__main__":
    unittest.main()
