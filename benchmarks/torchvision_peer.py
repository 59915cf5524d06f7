#!/usr/bin/env python3
"""Measures torchvision's own models in Python, as batchfit's libtorch worker measures its models, for comparison.

    python benchmarks/torchvision_peer.py OUT.json [--batches 1,8,64] [--dtypes fp32,fp16] [--models resnet50,vit_b_16]

Needs torch with CUDA and torchvision. Per model, dtype and batch: the device time of CUDA graph replays and the time of
eager calls (CUDA events; a timed replay follows an untimed one), and peak memory: allocated and reserved from the caching
allocator, emptied before, in the mode that is timed; `context_bytes` is what the device has in use outside the allocator,
less what others held before this process had a context. TF32 and cuDNN benchmarking are off. Bytes and seconds.
"""

import argparse
import json
import platform
import statistics
import time

DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
SAMPLES = 30
WARM_UP_PASSES = 3


def used_before_context():
    """Device memory in use as NVML tells it, which needs no context; None where NVML cannot be loaded."""
    import ctypes

    class Memory(ctypes.Structure):  # nvmlMemory_v2_t
        _fields_ = [("version", ctypes.c_uint)] + [
            (name, ctypes.c_ulonglong) for name in ("total", "reserved", "free", "used")
        ]

    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    memory = Memory(version=ctypes.sizeof(Memory) | (2 << 24))
    handle = ctypes.c_void_p()
    if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(handle)):
        return None
    if nvml.nvmlDeviceGetMemoryInfo_v2(handle, ctypes.byref(memory)):
        return None
    return memory.used


def context_bytes(torch, others):
    if others is None:
        return None
    free, total = torch.cuda.mem_get_info()
    return total - free - torch.cuda.memory_reserved() - others


def empty_allocator(torch):
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()


def timed(torch, run):
    """Samples in seconds: one untimed run, then timed ones."""
    run()
    samples = []
    for _ in range(SAMPLES):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        end.record()
        end.synchronize()
        samples.append(start.elapsed_time(end) * 1e-3)
    return samples


def measurement(torch, samples, others):
    result = {
        "latency_s": statistics.median(samples),
        "samples_s": samples,
        "allocated_peak_bytes": torch.cuda.max_memory_allocated(),
        "reserved_peak_bytes": torch.cuda.max_memory_reserved(),
    }
    context = context_bytes(torch, others)
    if context is not None:
        result["context_bytes"] = context
    return result


def eager(torch, model, shape, dtype, others):
    empty_allocator(torch)
    x = torch.randn(shape, device="cuda", dtype=dtype)
    for _ in range(WARM_UP_PASSES):
        model(x)
    return measurement(torch, timed(torch, lambda: model(x)), others)


def graph(torch, model, shape, dtype, others):
    # As torch's documentation asks for: warm up on a side stream, then capture into a fresh pool.
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        x = torch.randn(shape, device="cuda", dtype=dtype)
        for _ in range(WARM_UP_PASSES):
            model(x)
    torch.cuda.current_stream().wait_stream(side)
    del x
    empty_allocator(torch)
    x = torch.randn(shape, device="cuda", dtype=dtype)
    captured = torch.cuda.CUDAGraph()
    with torch.cuda.graph(captured):
        y = model(x)  # noqa: F841 (kept, as a user would, to read the result)
    return measurement(torch, timed(torch, captured.replay), others)


def measure(torch, torchvision, name, dtype_name, batches, others):
    dtype = getattr(torch, DTYPES[dtype_name])
    torch.manual_seed(0)
    model = getattr(torchvision.models, name)(weights=None).eval().to(device="cuda", dtype=dtype)
    results = []
    for batch in batches:
        shape = (batch, 3, 224, 224)
        for timing, run in (("graph", graph), ("eager", eager)):
            result = run(torch, model, shape, dtype, others)
            results.append({"model": name, "dtype": dtype_name, "batch": batch, "timing": timing, **result})
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("--batches", default="1,8,64")
    parser.add_argument("--dtypes", default="fp32,fp16")
    parser.add_argument("--models", default="resnet50,vit_b_16")
    options = parser.parse_args()

    started = time.time()
    others = used_before_context()
    import torch
    import torchvision

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    results = []
    with torch.inference_mode():
        for name in options.models.split(","):
            for dtype in options.dtypes.split(","):
                batches = [int(batch) for batch in options.batches.split(",")]
                results += measure(torch, torchvision, name, dtype, batches, others)
                empty_allocator(torch)
    report = {
        "device": torch.cuda.get_device_name(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "cudnn": torch.backends.cudnn.version(),
        },
        "started_at": started,
        "took_s": time.time() - started,
        "results": results,
    }
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
