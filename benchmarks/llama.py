#!/usr/bin/env python3
"""Llama-3-8B in 4 bits on one GPU: latencies and their floors, cold searches, answers, memory limits, and how fast a checkpoint loads.

    python3 benchmarks/llama.py OUTDIR [--parts latencies,tune,answers,limits,load,peer] [--model llama-3-8b-nf4] [--device cuda:0]

latencies: decode at a context of 512 tokens, prefill of 512, and 128 tokens generated from 512, asked of the worker.
tune:      `batchfit tune` without a cache, whole process: prefill and decode.
answers:   what tune answers against `--strategy sweep` over every batch to twice the answer.
limits:    the largest batch of decode under 8, 16 and 32 GiB alone, and its out-of-memory events.
load:      a checkpoint of the model's size in the layout that transformers writes, made here: the worker's reading against `cat`.
peer:      transformers and bitsandbytes by the Python worker, where this Python has them.

Each part writes its file when it is done. `--device cpu --model llama-tiny-nf4` tries the script.
"""

import argparse
import json
import math
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import common
from memory_limits import forecast_of_answer
from python_worker import python_worker

WORKER = common.BIN / "batchfit-worker-torch"
# Figures of the data sheets: bytes and bf16 operations a second.
DEVICES = {"H100": (3.35e12, 989e12), "H200": (4.8e12, 989e12)}
SIZES = {
    "llama-3-8b-nf4": {"hidden": 4096, "intermediate": 14336, "layers": 32, "heads": 32, "kv": 8, "head": 128, "vocabulary": 128256},
    "llama-3-8b": {"hidden": 4096, "intermediate": 14336, "layers": 32, "heads": 32, "kv": 8, "head": 128, "vocabulary": 128256},
    "llama-tiny-nf4": {"hidden": 256, "intermediate": 768, "layers": 3, "heads": 8, "kv": 2, "head": 32, "vocabulary": 1024},
}
# mode, named sizes, batch, most seconds
LATENCIES = [
    ("decode", {"length": 512}, 1, 0.006), ("decode", {"length": 512}, 8, 0.014), ("decode", {"length": 512}, 64, 0.018),
    ("prefill", {"length": 512}, 1, 0.028), ("prefill", {"length": 512}, 8, 0.105),
    ("generate", {"length": 512, "new": 128}, 1, 128 / 150),
]


def linears(sizes):
    """Name, rows and columns of a layer's matrices."""
    queries, keys, hidden, wide = sizes["heads"] * sizes["head"], sizes["kv"] * sizes["head"], sizes["hidden"], sizes["intermediate"]
    yield from (("self_attn.q_proj", queries, hidden), ("self_attn.k_proj", keys, hidden), ("self_attn.v_proj", keys, hidden))
    yield from (("self_attn.o_proj", hidden, queries), ("mlp.gate_proj", wide, hidden), ("mlp.up_proj", wide, hidden), ("mlp.down_proj", hidden, wide))


def floor(model, mode, shape, batch, device):
    """Seconds below which no pass can be: weights and cache read once, or its products; None on a device that is not known."""
    rates = next((rates for name, rates in DEVICES.items() if name in device), None)
    if rates is None:
        return None
    sizes = SIZES[model]
    weights = sizes["layers"] * sum(rows * columns for _, rows, columns in linears(sizes))
    weight_bytes = weights * (0.5 + (1 + 4 / 256) / 64 if "nf4" in model else 2)
    head, head_bytes = sizes["hidden"] * sizes["vocabulary"], 2 * sizes["hidden"] * sizes["vocabulary"]
    token_bytes = 4 * sizes["layers"] * sizes["kv"] * sizes["head"]

    def one_pass(tokens, context):
        reading = (weight_bytes + head_bytes + batch * context * token_bytes) / rates[0]
        return max(reading, 2 * batch * (tokens * weights + head) / rates[1])

    length = shape["length"]
    if mode == "prefill":
        return one_pass(length, 0)
    if mode == "decode":
        return one_pass(1, length)
    return one_pass(length, 0) + sum(one_pass(1, length + i) for i in range(shape["new"] - 1))


class Bench:
    def __init__(self, options, scratch):
        self.options, self.scratch, self.device = options, scratch, common.device_name()

    def write(self, name, title, what, columns, rows, notes=()):
        common.write_result(
            self.options.out, f"llama-{name}", title=title, what=what, columns=columns, rows=rows, notes=notes,
            command=f"benchmarks/llama.py OUTDIR --parts {name} --model {self.options.model} --device {self.options.device}")

    def loaded(self, worker, mode, shape, model=None, dtype="bf16"):
        worker.ask("hello", protocol=1, heartbeat_timeout_s=3600)
        return worker.ask("load", device=self.options.device, model=model or self.options.model, mode=mode, shape=shape, timing="auto", dtype=dtype)

    def tune(self, extra):
        export = self.scratch / "run.json"
        export.unlink(missing_ok=True)
        arguments = [self.options.model, "--device", self.options.device, "--no-cache", "-q", *extra]
        code, seconds, results = common.tune(arguments, export)
        workload = results["workloads"][0] if results else {}
        return code, seconds, workload

    def latencies(self):
        rows = []
        for mode, shape, batch, most in LATENCIES:
            worker = common.Worker([str(WORKER)])
            try:
                loaded = self.loaded(worker, mode, shape)
                reply = worker.ask("probe", batch=batch, min_samples=7, max_samples=30, seconds=0.5)
                record = next(r for r in reply["records"] if r["record"] == "observation")
            finally:
                worker.close()
            row = {"mode": mode, "batch": batch, "timing": loaded["subject"]["workload"]["timing"], "load_s": loaded["took_s"],
                   "notes": loaded["notes"], "most": most, "outcome": record.get("reason", record["outcome"])}
            if record["outcome"] == "measured":
                samples = record["samples_s"]
                seconds = statistics.median(samples)
                least = floor(self.options.model, mode, shape, batch, self.device)
                tokens = {"prefill": shape["length"], "decode": 1, "generate": shape.get("new")}[mode]
                row |= {"latency": seconds, "spread": (max(samples) - min(samples)) / seconds, "floor": least, "met": seconds <= most,
                        "to_floor": seconds / least if least else None, "tokens_per_s": batch * tokens / seconds, "memory": common.own_memory(record)}
            rows.append(row)
            print(row, flush=True)
        self.write("latencies", "Llama-3-8B in 4 bits: latencies",
                   "Median of at least 7 passes by the libtorch worker; random weights; the floor is reading weights and cache once at the data sheet's bandwidth, or "
                   "the products at its bf16 rate, whichever is longer.",
                   [("mode", "mode"), ("batch", "batch"), ("timing", "timing"), ("latency", "latency", "seconds"), ("most", "wanted at most", "seconds"),
                    ("met", "met"), ("floor", "floor", "seconds"), ("to_floor", "to the floor", "ratio"), ("tokens_per_s", "tokens/s", "count"),
                    ("memory", "own memory", "bytes"), ("load_s", "load", "seconds")], rows)

    def cold(self):
        rows = []
        for mode, most in (("prefill", 8), ("decode", 10)):
            for run in range(2):
                code, seconds, workload = self.tune(["--mode", mode, "--shape", "length=512"])
                answer = workload.get("answer", {})
                rows.append({"mode": mode, "run": run + 1, "exit": code, "seconds": seconds, "most": most, "met": code == 0 and seconds <= most,
                             "batch": answer.get("batch"), "why": answer.get("limited_by"), "probes": workload.get("probes"),
                             "records": [[r["record"], r.get("batch"), r.get("took_s")] for r in workload.get("records", [])]})
                print({key: value for key, value in rows[-1].items() if key != "records"}, flush=True)
        self.write("tune", "Llama-3-8B in 4 bits: a cold search", "`batchfit tune` without a cache, default limits, whole process.",
                   [("mode", "mode"), ("run", "run"), ("seconds", "time", "seconds"), ("most", "wanted at most", "seconds"), ("met", "met"), ("batch", "answer"),
                    ("why", "limited by"), ("probes", "probes")], rows)

    def answers(self):
        rows = []
        for mode in ("decode", "prefill"):
            guided = self.tune(["--mode", mode, "--shape", "length=512"])[2].get("answer", {}).get("batch")
            _, seconds, swept = self.tune(["--mode", mode, "--shape", "length=512", "--strategy", "sweep", "--max-batch", str(2 * (guided or 8))])
            truth = swept.get("answer", {}).get("batch")
            latencies = {b["batch"]: b.get("latency_s") for b in swept.get("batches", [])}
            rows.append({"mode": mode, "answer": guided, "sweep": truth, "equal": guided == truth, "seconds": seconds, "latencies": latencies})
            print(rows[-1], flush=True)
        self.write("answers", "Llama-3-8B in 4 bits: answers against a sweep", "The search's answer and that of a sweep of every batch to twice it; default limits, 512 tokens.",
                   [("mode", "mode"), ("answer", "answer"), ("sweep", "sweep's"), ("equal", "equal"), ("seconds", "the sweep's time", "seconds")], rows)

    def limits(self):
        rows = []
        for limit in ("8GiB", "16GiB", "32GiB"):
            code, seconds, workload = self.tune(["--mode", "decode", "--shape", "length=512", "--latency-limit", "none", "--memory-limit", limit])
            answer = workload.get("answer", {})
            at_best = next((b for b in workload.get("batches", []) if b["batch"] == answer.get("batch")), {})
            observations = [r for r in workload.get("records", []) if r["record"] == "observation"]
            rows.append({"limit": limit, "exit": code, "batch": answer.get("batch"), "memory": at_best.get("own_memory_bytes"), "latency": at_best.get("latency_s"),
                         "ooms": sum(o.get("ooms", 0) for o in observations), "probes": workload.get("probes"), "seconds": seconds,
                         **forecast_of_answer(workload)})
            print(rows[-1], flush=True)
        self.write("limits", "Llama-3-8B in 4 bits: memory limits", "The largest batch of a decode step at 512 tokens under a limit on own memory alone.",
                   [("limit", "limit"), ("batch", "answer"), ("memory", "own memory", "bytes"), ("latency", "latency", "seconds"),
                    ("ooms", "out-of-memory events", "count"), ("error_percent", "forecast of the answer: error %"),
                    ("rehearsal_error_percent", "its rehearsal: error %"), ("probes", "probes"), ("seconds", "time", "seconds")], rows)

    def load(self):
        folder = self.scratch / "checkpoint"
        size = write_checkpoint(folder, SIZES[self.options.model])
        files = sorted(folder.glob("*.safetensors"))
        rows = []
        for run in range(3):
            start = time.perf_counter()
            subprocess.run(["cat", *files], stdout=subprocess.DEVNULL, check=True)
            cat = time.perf_counter() - start
            worker = common.Worker([str(WORKER)])
            try:
                loaded = self.loaded(worker, "decode", {"length": 512}, model=str(folder))
                status = pathlib.Path(f"/proc/{worker.process.pid}/status").read_text(encoding="utf-8")
            finally:
                worker.close()
            note = next(note for note in loaded["notes"] if " read in " in note)
            read = seconds_in(note.rsplit(" ", 2)[1:])
            peak = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
            rows.append({"run": run + 1, "bytes": size, "cat": cat, "read": read, "share": cat / read, "load_s": loaded["took_s"], "host_peak": peak, "note": note})
            print(rows[-1], flush=True)
        self.write("load", "Llama-3-8B in 4 bits: reading a checkpoint",
                   "A checkpoint as transformers and bitsandbytes write it (NF4, double quantisation, two shards and an index), of random bytes, in the page cache: `cat` to "
                   "/dev/null, and the worker's reading to the device, hashing included; share is cat's time in the worker's.",
                   [("run", "run"), ("bytes", "size", "bytes"), ("cat", "cat", "seconds"), ("read", "worker", "seconds"), ("share", "share of cat's speed", "ratio"),
                    ("load_s", "whole load", "seconds"), ("host_peak", "host memory at its peak", "bytes")], rows)

    def own_rows(self):
        """What OUTDIR holds of the part latencies, by mode and batch."""
        return {(row["mode"], row["batch"]): row for row in common.saved_rows(self.options.out, "llama-latencies")}

    def peer(self):
        rows, own = [], self.own_rows()
        for mode, shape, batch, _ in LATENCIES[:-1]:
            worker = common.Worker(python_worker("transformers_llm.py").split())
            try:
                self.loaded(worker, mode, shape, model="llm", dtype="nf4")
                reply = worker.ask("probe", batch=batch, min_samples=7, max_samples=30, seconds=0.5)
                record = next(r for r in reply["records"] if r["record"] == "observation")
                rows.append({"mode": mode, "batch": batch, "latency": statistics.median(record["samples_s"]), "memory": common.own_memory(record),
                             "batchfit_latency": own.get((mode, batch), {}).get("latency"),
                             "batchfit_memory": own.get((mode, batch), {}).get("memory")})
            except (RuntimeError, KeyError, json.JSONDecodeError) as error:
                rows.append({"mode": mode, "batch": batch, "why": str(error)[:300]})
            finally:
                worker.close()
            print(rows[-1], flush=True)
        self.write("peer", "Llama-3-8B in 4 bits by transformers", "transformers and bitsandbytes by the Python worker: the same passes.",
                   [("mode", "mode"), ("batch", "batch"), ("latency", "latency", "seconds"), ("memory", "own memory", "bytes"),
                    ("batchfit_latency", "batchfit's latency", "seconds"), ("batchfit_memory", "batchfit's own memory", "bytes"), ("why", "why not")], rows)


def seconds_in(words):
    """["1.10", "s"] as batchfit writes it."""
    return float(words[0]) * {"s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "min": 60}[words[1]]


def write_checkpoint(folder, sizes, shards=2):
    """A Hugging Face folder in NF4 of random bytes that are a valid model; returns its size. Only what must be a number is one."""
    import torch

    folder.mkdir()
    hidden, vocabulary, layers = sizes["hidden"], sizes["vocabulary"], sizes["layers"]
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden, "intermediate_size": sizes["intermediate"],
        "num_hidden_layers": layers, "num_attention_heads": sizes["heads"], "num_key_value_heads": sizes["kv"], "head_dim": sizes["head"],
        "vocab_size": vocabulary, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "hidden_act": "silu",
        "tie_word_embeddings": False, "torch_dtype": "bfloat16", "quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True},
    }
    (folder / "config.json").write_text(json.dumps(config))
    table = [-1.0, -0.6961928, -0.52507305, -0.3949175, -0.28444138, -0.18477343, -0.09105004, 0.0,
             0.0795803, 0.1609302, 0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1.0]
    parts = [{} for _ in range(shards)]
    for name in ("model.embed_tokens", "lm_head"):
        parts[-1 if name == "lm_head" else 0][f"{name}.weight"] = (torch.randn(vocabulary, hidden) / math.sqrt(hidden)).bfloat16()
    parts[-1]["model.norm.weight"] = torch.ones(hidden).bfloat16()
    for layer in range(layers):
        part, prefix = parts[layer * shards // layers], f"model.layers.{layer}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            part[f"{prefix}{norm}.weight"] = torch.ones(hidden).bfloat16()
        for name, rows, columns in linears(sizes):
            blocks = rows * columns // 64
            offset = 1 / math.sqrt(columns) / (8 if name.endswith(("o_proj", "down_proj")) else 1)
            state = {"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [rows, columns],
                     "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": offset}
            weight = f"{prefix}{name}.weight"
            part[weight] = torch.randint(0, 256, (rows * columns // 2, 1), dtype=torch.uint8)
            part[f"{weight}.absmax"] = torch.randint(0, 256, (blocks,), dtype=torch.uint8)
            part[f"{weight}.quant_map"] = torch.tensor(table)
            part[f"{weight}.nested_absmax"] = torch.full((-(-blocks // 256),), offset / 2)
            part[f"{weight}.nested_quant_map"] = torch.linspace(-1, 1, 256)
            part[f"{weight}.quant_state.bitsandbytes__nf4"] = torch.frombuffer(bytearray(json.dumps(state).encode()), dtype=torch.uint8)
    index = {}
    for i, part in enumerate(parts):
        file = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        write_safetensors(folder / file, part)
        index |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def write_safetensors(path, tensors):
    import ctypes

    names = {"torch.uint8": "U8", "torch.bfloat16": "BF16", "torch.float32": "F32"}
    header, offset = {}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": names[str(tensor.dtype)], "shape": list(tensor.shape), "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write((ctypes.c_char * tensor.nbytes).from_address(tensor.data_ptr()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--parts", default="latencies,tune,answers,limits,load")
    parser.add_argument("--model", default="llama-3-8b-nf4", choices=sorted(SIZES))
    parser.add_argument("--device", default="cuda:0")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(options, pathlib.Path(scratch))
        parts = {"latencies": bench.latencies, "tune": bench.cold, "answers": bench.answers, "limits": bench.limits, "load": bench.load, "peer": bench.peer}
        for name in options.parts.split(","):
            if name not in parts:
                sys.exit(f"there is no part '{name}': choose from {', '.join(parts)}")
            start = time.monotonic()
            parts[name]()
            print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
