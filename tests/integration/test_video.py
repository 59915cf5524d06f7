"""The poses in a video, found by the program and the C++ worker on the CPU, as users run them."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

BATCHFIT = os.environ["BATCHFIT_PROGRAM"]
DATA = Path(__file__).resolve().parent.parent / "data"
CLIP = DATA / "pose-clip.mp4"
WEIGHTS = DATA / "yolo11n-pose/yolo11n-pose-random.pt"
FRAMES = 75
FFMPEG = os.environ.get("BATCHFIT_FFMPEG") or shutil.which("ffmpeg")


class Video(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def command(self, *options, video=(CLIP,), model="yolo11n-pose"):
        weights = ["--weights", WEIGHTS, "--image-size", 96] if model == "yolo11n-pose" else []
        fixed = ["--device", "cpu", "--threads", 1, "--cache", self.folder / "cache.json"]
        return list(map(str, [BATCHFIT, "run", model, "--video", *video, *weights, *fixed, *options]))

    def run_video(self, *options, code=0, **named):
        done = subprocess.run(self.command(*options, **named), capture_output=True, text=True, check=False, cwd=self.folder)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def poses(self, name):
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]

    def frames_in(self, path):
        """How many frames a file plays."""
        done = subprocess.run([FFMPEG, "-v", "error", "-i", path, "-f", "framemd5", "-"], capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        return sum(not line.startswith("#") for line in done.stdout.splitlines())

    def test_every_frame_gets_its_poses_in_order_with_its_time(self):
        done = self.run_video("--batch", 8, "--json", "poses.jsonl", "--out", "out.mp4", "--export-json", "run.json")
        lines = self.poses("poses.jsonl")
        self.assertEqual([line["frame"] for line in lines], list(range(FRAMES)))
        self.assertEqual([line["time_s"] for line in lines], [i / 25 for i in range(FRAMES)])
        self.assertTrue(all(len(pose["keypoints"]) == 17 for line in lines for pose in line["poses"]))
        self.assertEqual(self.frames_in(self.folder / "out.mp4"), FRAMES)
        run = json.loads((self.folder / "run.json").read_text())
        self.assertEqual((run["format"], run["video"]["frames"], run["video"]["passes"]), ("batchfit-video", FRAMES, 10))
        self.assertIn("75 frames", done.stdout)
        self.assertTrue(all(len(line) <= 80 for line in done.stdout.splitlines() if str(self.folder) not in line), done.stdout)

    def test_the_batch_changes_no_pose(self):
        for batch in (1, 7):
            self.run_video("--batch", batch, "--json", f"{batch}.jsonl", "--max-frames", 15)
        ones, sevens = self.poses("1.jsonl"), self.poses("7.jsonl")
        self.assertEqual(len(ones), 15)
        self.assertTrue(any(line["poses"] for line in ones))
        for one, seven in zip(ones, sevens):
            self.assertEqual(len(one["poses"]), len(seven["poses"]))
            for a, b in zip(one["poses"], seven["poses"]):
                self.assertAlmostEqual(a["score"], b["score"], delta=0.002)
                for low, high in zip(a["box"], b["box"]):
                    self.assertAlmostEqual(low, high, delta=0.1)

    def test_the_batch_is_tuned_where_the_cache_has_none_and_then_comes_from_it(self):
        first = self.run_video("--max-frames", 3)
        again = self.run_video("--max-frames", 3)
        self.assertIn("batch 1: ", first.stderr)
        self.assertNotIn("batch 1: ", again.stderr)

    def test_several_inputs_share_batches_and_a_folder_takes_their_outputs(self):
        self.run_video("--batch", 6, "--json", "poses.jsonl", "--out", "drawn/", "--max-frames", 9, video=[CLIP, CLIP])
        self.assertEqual(sorted(path.name for path in (self.folder / "drawn").iterdir()), ["pose-clip-2.mp4", "pose-clip.mp4"])
        for number in (0, 1):
            frames = [line["frame"] for line in self.poses("poses.jsonl") if line["input"] == number]
            self.assertEqual(frames, list(range(9)))

    def test_ctrl_c_leaves_files_that_play_and_exits_with_130(self):
        # So long that it cannot be over before it is interrupted.
        long = self.folder / "long.txt"
        long.write_text("ffconcat version 1.0\n" + f"file '{CLIP}'\n" * 2000)
        clip = self.folder / "long.mp4"
        subprocess.run([FFMPEG, "-v", "error", "-f", "concat", "-safe", "0", "-i", long, "-c", "copy", clip], check=True)
        command = self.command("--batch", "2", "--json", "poses.jsonl", "--out", "out.mp4", video=[clip])
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder)
        lines = self.folder / "poses.jsonl"
        while running.poll() is None and not (lines.exists() and lines.stat().st_size > 0):
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        said, complained = running.communicate(timeout=120)
        self.assertEqual(running.returncode, 130, said + complained)
        self.assertIn("stopped early", said)
        frames = len(self.poses("poses.jsonl"))
        self.assertGreater(frames, 0)
        self.assertEqual(self.frames_in(self.folder / "out.mp4"), frames)

    def test_tune_finds_the_batch_of_the_whole_pipeline(self):
        export = self.folder / "tuned.json"
        command = [BATCHFIT, "tune", "yolo11n-pose", "--weights", WEIGHTS, "--image-size", 96, "--device", "cpu", "--threads", 1, "--max-batch", 4,
                   "--latency-limit", "none", "--video", CLIP, "--fps", 5, "--no-cache", "-q", "--export-json", export]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        video = json.loads(export.read_text())["workloads"][0]["video"]
        batches = [run["batch"] for run in video["runs"]]
        self.assertEqual((batches[0], batches[-1]), (1, 4))
        self.assertIn(video["batch"], batches)
        best = next(run for run in video["runs"] if run["batch"] == video["batch"])
        self.assertGreaterEqual(best["frames_per_s"], 0.97 * max(run["frames_per_s"] for run in video["runs"]))
        for run in video["runs"]:
            self.assertEqual(run["frames"], FRAMES)
            self.assertEqual(run["live"]["streams"], int(1 / (run["slowest"]["per_frame_s"] * 5)))
        self.assertIn("limits it", done.stdout)

    def test_what_cannot_be_run_is_a_clear_error(self):
        text = self.folder / "text.mp4"
        text.write_text("no video")
        self.assertIn("cannot be read as video", self.run_video("--batch", 2, video=[text], code=2).stderr)
        self.assertIn("No such file", self.run_video("--batch", 2, video=["missing.mp4"], code=2).stderr)
        self.assertIn("cannot write", self.run_video("--batch", 2, "--out", "no/folder/out.mp4", code=2).stderr)
        self.assertIn("pose model", self.run_video("--batch", 2, model="resnet50", code=2).stderr)
        before_any_search = self.run_video(model="resnet50", code=2).stderr
        self.assertIn("pose model", before_any_search)
        self.assertNotIn("batch 1", before_any_search)
        self.assertIn("one for each", self.run_video("--batch", 2, "--out", "a.mp4", "b.mp4", code=2).stderr)

    def test_a_truncated_file_runs_as_far_as_it_goes(self):
        whole, cut = self.folder / "whole.mkv", self.folder / "cut.mkv"
        subprocess.run([FFMPEG, "-v", "error", "-i", CLIP, "-c", "copy", whole], check=True)
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        self.run_video("--batch", 8, "--json", "poses.jsonl", video=[cut])
        self.assertTrue(10 < len(self.poses("poses.jsonl")) < FRAMES)


if __name__ == "__main__":
    unittest.main()
