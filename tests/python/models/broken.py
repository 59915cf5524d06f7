"""Models that go wrong, each in its own way."""

import os
import re
import sys
import time

import torch


def inputs(batch, device, dtype):
    return torch.ones(batch, 4, device=device, dtype=dtype)


def raises_in_load(device, dtype):
    raise ValueError("no such checkpoint")


def raises_at_two(device, dtype):
    def forward(x):
        if len(x) == 2:
            raise ValueError("two is too many")
        return x * 2

    return forward


def exits(device, dtype):
    sys.exit("not today")


def not_finite(device, dtype):
    return lambda x: x / 0


def not_callable(device, dtype):
    return 5


def out_of_memory_at_four(device, dtype):
    return lambda x: torch.empty(1 << 50) if len(x) == 4 else x


def stuck_at_two(get_stuck):
    def forward(x):
        if len(x) == 2:
            with open(os.environ["STUCK"], "w") as told:  # a pipe that the test reads
                told.write("now")
            get_stuck()
        return x

    return forward


def sleeps_at_two(device, dtype):
    return stuck_at_two(lambda: time.sleep(3600))


def holds_the_lock_at_two(device, dtype):
    # The expression needs 2^60 steps in C, and the interpreter's lock is held for all of them.
    return stuck_at_two(lambda: re.match(r"(a|a)*$", "a" * 60 + "b"))
