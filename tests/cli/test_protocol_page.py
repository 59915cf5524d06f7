"""The transcript in docs/protocol.md is what the simulated worker really says."""

import json
import re
import subprocess
import unittest

from running import BIN, PATIENCE_S, ROOT, Running

# They tell when and how long, which differs from run to run.
CLOCKS = {"started_at", "took_s"}


def without_clocks(value):
    if isinstance(value, dict):
        return {key: without_clocks(item) for key, item in value.items() if key not in CLOCKS}
    if isinstance(value, list):
        return [without_clocks(item) for item in value]
    return value


class ProtocolPage(Running):
    def test_the_transcript_is_what_the_worker_says(self):
        page = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")
        device = json.loads(re.search(r"```json device\n(.*?)```", page, re.S).group(1))
        transcript = re.search(r"```transcript\n(.*?)```", page, re.S).group(1).splitlines()
        path = self.folder / "device.json"
        path.write_text(json.dumps(device), encoding="utf-8")
        sent = [line[2:] for line in transcript if line.startswith("> ")]
        expected = [json.loads(line[2:]) for line in transcript if line.startswith("< ")]
        worker = subprocess.Popen([BIN / "batchfit-worker-sim", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        replies = []
        for line in sent:
            worker.stdin.write(line + "\n")
            worker.stdin.flush()
            if "id" in json.loads(line):
                replies.append(json.loads(worker.stdout.readline()))
        self.assertEqual(worker.wait(PATIENCE_S), 0)
        worker.stdin.close()
        worker.stdout.close()
        self.assertEqual(len(replies), len(expected))
        for reply, told in zip(replies, expected):
            self.assertEqual(without_clocks(reply), without_clocks(told))


if __name__ == "__main__":
    unittest.main()
