"""A torch.compile'd model.

    batchfit tune compiled --worker "python -m batchfit_worker examples/python/compiled.py:load"

Compiling happens in the warm-up of a probe and is not timed. `dynamic=True` compiles once for all batches (and once more
for batch 1, which torch always treats apart), as a service with changing batches would run. With `dynamic=False` each
batch gets code of its own: it may be faster, each probe waits for its compilation, and torch goes back to uncompiled code after
eight sizes (torch._dynamo.config.recompile_limit) without saying so.
"""

import torch


def load(device, dtype, width=1024):
    """A compiled MLP with dynamic batches."""
    model = torch.nn.Sequential(
        torch.nn.Linear(width, 4 * width), torch.nn.GELU(), torch.nn.LayerNorm(4 * width), torch.nn.Linear(4 * width, width)
    )
    return torch.compile(model.eval().to(device, dtype), dynamic=True)


def inputs(batch, device, dtype, width=1024):
    return torch.randn(batch, width, device=device, dtype=dtype)
