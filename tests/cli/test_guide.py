"""The guide: every command of docs/guide.md is run, and prints what the page says but for the time that it took."""

import re
import shlex
import unittest

from running import ROOT, Running

BLOCKS = re.findall(r"^```console\n(.*?)^```$", (ROOT / "docs/guide.md").read_text(encoding="utf-8"), flags=re.M | re.S)


def comparable(text):
    """Without what a run's speed changes: the time of the search, and how wide its column is."""
    text = re.sub(r"(\d) +[\d.]+ (?:us|ms|s)  (latency|memory|throughput)$", r"\1 TIME \2", text, flags=re.M)
    return [re.sub(r" +", " ", line).strip() for line in text.splitlines()]


class Guide(Running):
    def test_every_command_prints_what_the_page_says(self):
        (self.folder / "workers").symlink_to(ROOT / "workers")
        commands = [part for block in BLOCKS for part in re.split(r"^\$ ", block, flags=re.M)[1:]]
        self.assertGreater(len(commands), 5)
        for part in commands:
            command, _, expected = part.partition("\n")
            done = self.batchfit(*shlex.split(command)[1:])
            with self.subTest(command=command):
                self.assertEqual(done.returncode, 0, done.stderr)
                if expected:
                    self.assertEqual(comparable(done.stdout), comparable(expected))


if __name__ == "__main__":
    unittest.main()
