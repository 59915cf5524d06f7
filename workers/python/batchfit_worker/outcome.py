"""Out-of-memory told apart from other failures, and outputs looked at."""

from __future__ import annotations

from typing import Any

import torch

from .user_model import tensors_in

CUDA_ERROR_MEMORY_ALLOCATION = 2  # cudaError_t
CPU_ALLOCATOR = "DefaultCPUAllocator: can't allocate memory"  # a plain RuntimeError, known by its text alone


def is_out_of_memory(error: BaseException) -> bool:
    """Of the caching allocator, of CUDA itself, or of the host."""
    accelerator_error = getattr(torch, "AcceleratorError", None)  # from torch 2.8 on
    if accelerator_error is not None and isinstance(error, accelerator_error):
        return getattr(error, "error_code", None) == CUDA_ERROR_MEMORY_ALLOCATION
    return isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)) or CPU_ALLOCATOR in str(error)


def all_finite(output: Any) -> bool:
    floating = (t for t in tensors_in(output) if t.is_floating_point() or t.is_complex())
    return all(bool(torch.isfinite(tensor).all()) for tensor in floating)
