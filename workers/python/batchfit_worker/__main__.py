"""`python -m batchfit_worker my_model.py:load [--shape name=value]…`"""

from __future__ import annotations

import argparse
import signal
import sys

from . import __version__, restart, watcher
from .channel import Channel, take_stdout
from .server import Server, leave


def main() -> None:
    options = _options(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the tuner's affair: it saves, then ends its worker
    if (left := restart.taken_up()) is not None:
        channel, pending = left
    else:
        # In this order: the watcher is forked while nothing is loaded, and nothing is loaded before stdout is safe.
        channel, pending = Channel(watcher.start(), take_stdout()), None
    Server(channel, options.target, dict(options.shape)).serve(pending)
    leave(0)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m batchfit_worker",
        description="Runs a PyTorch model of yours for batchfit, which starts this as --worker.",
    )
    parser.add_argument("target", help="my_model.py:load, my_model.py (its decorated models, or load), or package.module:Class")
    parser.add_argument(
        "--shape",
        metavar="NAME=VALUE",
        type=_size,
        action="append",
        default=[],
        help="a named size that load or inputs takes; one that the tuner asks for goes first",
    )
    parser.add_argument("--version", action="version", version=__version__)
    return parser.parse_args(arguments)


def _size(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    if not name.isidentifier() or not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not name=value with a whole number of 1 or more, as in length=512")
    return name, int(value)


if __name__ == "__main__":
    main()
