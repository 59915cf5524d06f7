"""A model that no CUDA graph can hold: how far it goes is read from the device in the middle of the pass.

    batchfit tune not-capturable --worker "python -m batchfit_worker examples/python/not_capturable.py:load"

batchfit finds that the capture fails, times ordinary calls instead, and says so with every answer.
"""

import torch

MOST_STEPS = 4


class EarlyExit(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.step = torch.nn.Linear(width, width)

    def forward(self, x):
        for _ in range(MOST_STEPS):
            x = torch.tanh(self.step(x))
            if x.abs().mean().item() < 0.1:  # waits for the device: this is what a capture forbids
                break
        return x


def load(device, dtype, width=1024):
    """Steps until its state is small enough."""
    return EarlyExit(width).to(device, dtype)


def inputs(batch, device, dtype, width=1024):
    return torch.randn(batch, width, device=device, dtype=dtype)
