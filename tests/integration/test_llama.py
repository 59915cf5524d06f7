"""Folders of Llama as Hugging Face lays them out, made here with all that the format has, against an independent computation."""

import json
import math
import os
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

import torch

BATCHFIT = Path(os.environ["BATCHFIT_PROGRAM"])
PARITY = BATCHFIT.with_name("parity")
TINY = Path(__file__).resolve().parent.parent / "data" / "tiny-llama-nf4"

DTYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.uint8: "U8"}
NF4 = [-1.0, -0.6961928, -0.52507305, -0.3949175, -0.28444138, -0.18477343, -0.09105004, 0.0,
       0.0795803, 0.1609302, 0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1.0]
FP4 = [x / 12 for x in (0, 0.0625, 8, 12, 4, 6, 2, 3, 0, -0.0625, -8, -12, -4, -6, -2, -3)]
NESTED = torch.linspace(-1, 1, 256)

CONFIG = {
    "model_type": "llama", "hidden_size": 96, "intermediate_size": 160, "num_hidden_layers": 2, "num_attention_heads": 6,
    "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 120, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
    "hidden_act": "silu", "rope_theta": 10000.0, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
}
LLAMA3_ROPE = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(bytes(tensor.contiguous().view(torch.uint8).flatten().tolist()) if tensor.numel() else b"")


def linears(config):
    """Name, rows and columns of each layer's matrices."""
    hidden, wide, size = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    queries, keys = config["num_attention_heads"] * size, config["num_key_value_heads"] * size
    for i in range(config["num_hidden_layers"]):
        attention, mlp = f"model.layers.{i}.self_attn.", f"model.layers.{i}.mlp."
        yield from ((attention + "q_proj", queries, hidden), (attention + "k_proj", keys, hidden), (attention + "v_proj", keys, hidden))
        yield from ((attention + "o_proj", hidden, queries), (mlp + "gate_proj", wide, hidden), (mlp + "up_proj", wide, hidden))
        yield mlp + "down_proj", hidden, wide


def random_state(config):
    """A dense state dict in bfloat16."""
    generator = torch.Generator().manual_seed(7)
    normal = lambda *shape, scale=1.0: (torch.randn(*shape, generator=generator) * scale).bfloat16()
    hidden = config["hidden_size"]
    state = {"model.embed_tokens.weight": normal(config["vocab_size"], hidden, scale=0.3), "model.norm.weight": 1 + normal(hidden, scale=0.1)}
    if not config["tie_word_embeddings"]:
        state["lm_head.weight"] = normal(config["vocab_size"], hidden, scale=2.5 / math.sqrt(hidden))
    for i in range(config["num_hidden_layers"]):
        for norm in ("input_layernorm", "post_attention_layernorm"):
            state[f"model.layers.{i}.{norm}.weight"] = 1 + normal(hidden, scale=0.1)
    for name, rows, columns in linears(config):
        state[name + ".weight"] = normal(rows, columns, scale=1.5 / math.sqrt(columns))
        has_bias = config.get("attention_bias" if "self_attn" in name else "mlp_bias", False)
        if has_bias:
            state[name + ".bias"] = normal(rows, scale=0.3)
    return state


def quantised(name, weight, kind, block, double, code):
    """The tensors that bitsandbytes stores for a weight, and the float32 weight that they stand for; `code`: the values of its nested absmax."""
    table = torch.tensor(NF4 if kind == "nf4" else FP4)
    flat = weight.float().flatten()
    count, blocks = flat.numel(), -(-flat.numel() // block)
    padded = torch.nn.functional.pad(flat, (0, blocks * block - count)).view(blocks, block)
    absmax = padded.abs().amax(1)
    parts, state = {}, {"quant_type": kind, "blocksize": block, "dtype": "bfloat16", "shape": list(weight.shape)}
    if double:
        offset = float(absmax.mean())
        nested = (absmax - offset).split(256)
        nested_absmax = torch.stack([part.abs().max() for part in nested])
        each = nested_absmax.repeat_interleave(256)[:blocks]
        codes = ((absmax - offset) / each).unsqueeze(1).sub(code).abs().argmin(1)
        absmax = code[codes] * each + torch.tensor(offset)
        parts |= {".absmax": codes.to(torch.uint8), ".nested_absmax": nested_absmax, ".nested_quant_map": code}
        state |= {"nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": offset}
    else:
        parts[".absmax"] = absmax
    values = (padded / absmax.unsqueeze(1)).flatten()[:count]
    codes = values.unsqueeze(1).sub(table).abs().argmin(1)
    pairs = torch.nn.functional.pad(codes, (0, count % 2)).view(-1, 2)
    parts[""] = (pairs[:, 0] * 16 + pairs[:, 1]).to(torch.uint8).unsqueeze(1)
    parts[".quant_map"] = table
    parts[f".quant_state.bitsandbytes__{kind}"] = torch.frombuffer(bytearray(json.dumps(state).encode()), dtype=torch.uint8)
    meant = (table[codes] * absmax.repeat_interleave(block)[:count]).view(weight.shape)
    return {f"{name}.weight{suffix}": tensor for suffix, tensor in parts.items()}, meant


def frequencies(config):
    size, theta = config["head_dim"], config["rope_theta"]
    plain = theta ** (-torch.arange(0, size, 2).double() / size)
    rope = config.get("rope_scaling")
    if not rope:
        return plain
    out = []
    for frequency in plain.tolist():
        wave = 2 * math.pi / frequency
        long, short = (rope["original_max_position_embeddings"] / rope[f"{which}_freq_factor"] for which in ("low", "high"))
        if wave > long:
            out.append(frequency / rope["factor"])
        elif wave < short:
            out.append(frequency)
        else:
            share = (rope["original_max_position_embeddings"] / wave - rope["low_freq_factor"]) / (rope["high_freq_factor"] - rope["low_freq_factor"])
            out.append((1 - share) * frequency / rope["factor"] + share * frequency)
    return torch.tensor(out, dtype=torch.double)


def logits_after(config, state, ids):
    """The last token's logits of each row, in float64, attention written out head by head."""
    weight = lambda name: state[name].double()
    linear = lambda x, name: x @ weight(name + ".weight").T + (weight(name + ".bias") if name + ".bias" in state else 0)
    norm = lambda x, name: x / (x.pow(2).mean(-1, keepdim=True) + config["rms_norm_eps"]).sqrt() * weight(name + ".weight")
    size, heads, kv_heads = config["head_dim"], config["num_attention_heads"], config["num_key_value_heads"]
    tokens = ids.shape[1]
    angles = torch.arange(tokens).double().outer(frequencies(config))
    turn = torch.polar(torch.ones_like(angles), angles)[:, None]

    def rotated(x):
        pairs = torch.complex(x[..., : size // 2].contiguous(), x[..., size // 2 :].contiguous()) * turn
        return torch.cat([pairs.real, pairs.imag], -1)

    rows = []
    for row in ids:
        x = weight("model.embed_tokens.weight")[row]
        for i in range(config["num_hidden_layers"]):
            layer = f"model.layers.{i}."
            normed = norm(x, layer + "input_layernorm")
            q, k, v = (linear(normed, f"{layer}self_attn.{p}_proj").view(tokens, -1, size) for p in "qkv")
            q, k = rotated(q), rotated(k)
            mixed = []
            for head in range(heads):
                shared = head // (heads // kv_heads)
                scores = q[:, head] @ k[:, shared].T / math.sqrt(size)
                scores = scores.masked_fill(torch.ones(tokens, tokens).triu(1).bool(), -math.inf)
                mixed.append(scores.softmax(-1) @ v[:, shared])
            x = x + linear(torch.cat(mixed, -1), layer + "self_attn.o_proj")
            normed = norm(x, layer + "post_attention_layernorm")
            gate = torch.nn.functional.silu(linear(normed, layer + "mlp.gate_proj"))
            x = x + linear(gate * linear(normed, layer + "mlp.up_proj"), layer + "mlp.down_proj")
        head = state.get("lm_head.weight", state["model.embed_tokens.weight"]).double()
        rows.append(norm(x, "model.norm")[-1] @ head.T)
    return torch.stack(rows)


class Llama(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def make(self, changes=None, quantisation=None, shards=1, skip=(), codes=None):
        """A checkpoint with its reference; `quantisation` is (kind, block size, double), `codes` of nested absmax for some matrices."""
        config = CONFIG | (changes or {})
        state = random_state(config)
        stored = dict(state)
        if quantisation:
            config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True}
            for name, _, _ in linears(config):
                if any(part in name for part in skip):
                    continue
                code = (codes or {}).get(name.rsplit(".", 1)[1], NESTED)
                parts, state[name + ".weight"] = quantised(name, stored.pop(name + ".weight"), *quantisation, code)
                stored |= parts
        self.write(config, stored, shards)
        ids = torch.arange(2 * 9).view(2, 9) * 37 % config["vocab_size"]
        tokens, longer = [], ids
        for _ in range(3):
            logits = logits_after(config, state, longer)
            tokens.append(logits.argmax(1, keepdim=True))
            longer = torch.cat([longer, tokens[-1]], 1)
        logits = logits_after(config, state, ids).tolist()
        reference = {"prompt": ids.tolist(), "logits_last": logits, "logits_last_bf16_weights": logits, "greedy": torch.cat(tokens, 1).tolist()}
        (self.folder / "reference.json").write_text(json.dumps(reference))
        return stored

    def write(self, config, stored, shards=1):
        (self.folder / "config.json").write_text(json.dumps(config))
        if shards == 1:
            write_safetensors(self.folder / "model.safetensors", stored)
            return
        names, index = sorted(stored), {}
        for i in range(shards):
            file = f"model-{i + 1:05}-of-{shards:05}.safetensors"
            part = names[i::shards]
            write_safetensors(self.folder / file, {name: stored[name] for name in part})
            index |= dict.fromkeys(part, file)
        (self.folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))

    def check_parity(self):
        done = subprocess.run([PARITY, self.folder], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("logits", done.stdout)

    def refused(self, *words):
        """What `tune` says of the folder."""
        done = self.tune(self.folder, "--prompt", "8", *words)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def tune(self, model, *options):
        command = [BATCHFIT, "tune", model, "--device", "cpu", "--max-batch", "2", "--latency-limit", "none", "--no-cache", "-q", *options]
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)

    def test_dense_weights_in_shards(self):
        self.make(shards=3)
        self.check_parity()

    def test_tied_embeddings_biases_and_llama_31s_rotary_embedding(self):
        self.make({"tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True, "rope_scaling": LLAMA3_ROPE})
        self.check_parity()

    def test_a_key_head_for_each_query_head(self):
        self.make({"num_key_value_heads": 6})
        self.check_parity()

    def test_nf4_with_double_quantisation_in_shards(self):
        self.make(quantisation=("nf4", 32, True), shards=2)
        self.check_parity()

    def test_matrices_of_whole_nested_blocks_which_are_joined(self):
        self.make({"hidden_size": 256}, quantisation=("nf4", 32, True))
        self.check_parity()

    def test_matrices_whose_nested_values_differ(self):
        self.make({"hidden_size": 256}, quantisation=("nf4", 32, True), codes={"k_proj": torch.linspace(-1, 1, 256) ** 3})
        self.check_parity()

    def test_fp4_without_it(self):
        self.make(quantisation=("fp4", 32, False))
        self.check_parity()

    def test_blocks_that_run_over_the_ends_of_rows(self):
        self.make(quantisation=("nf4", 64, False))
        self.check_parity()

    def test_blocks_that_do_not_divide_a_matrix(self):
        self.make({"intermediate_size": 100}, quantisation=("nf4", 256, True))
        self.check_parity()

    def test_matrices_that_were_left_dense(self):
        self.make(quantisation=("nf4", 32, True), skip=("k_proj", "layers.1.mlp"))
        self.check_parity()

    def test_a_wrong_weight_fails_the_comparison(self):
        stored = self.make()
        stored["model.layers.1.mlp.down_proj.weight"][0] += 1
        write_safetensors(self.folder / "model.safetensors", stored)
        done = subprocess.run([PARITY, self.folder], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)

    def test_a_layer_too_few_is_named_with_what_was_expected(self):
        stored = self.make(quantisation=("nf4", 32, True))
        self.write(CONFIG | {"num_hidden_layers": 3}, stored)
        self.assertIn("there is no weight 'model.layers.2.input_layernorm.weight', where one of shape [96] is expected", self.refused())

    def test_a_layer_too_many_is_named(self):
        stored = self.make()
        self.write(CONFIG | {"num_hidden_layers": 1}, stored)
        self.assertRegex(self.refused(), r"weight 'model.layers.1.\S+' of shape \[.*\] is none that its config.json describes")

    def test_a_matrix_of_another_size_is_named_with_what_was_expected(self):
        stored = self.make(quantisation=("nf4", 32, True))
        self.write(CONFIG | {"intermediate_size": 320}, stored)
        self.assertIn("gate_proj.weight' is of nf4 and shape [160, 96], where nf4 and [320, 96] are expected", self.refused())

    def test_a_quant_state_that_is_wrong_is_named(self):
        stored = self.make(quantisation=("nf4", 32, True))
        name = "model.layers.0.mlp.up_proj.weight.quant_state.bitsandbytes__nf4"
        text = bytes(stored[name].tolist()).replace(b'"blocksize": 32', b'"blocksize": 33')
        stored[name] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        write_safetensors(self.folder / "model.safetensors", stored)
        self.assertIn("the quant_state of 'model.layers.0.mlp.up_proj.weight' has a blocksize of 33", self.refused())

    def test_absmax_of_another_length_is_named(self):
        stored = self.make(quantisation=("nf4", 32, False))
        name = "model.layers.0.mlp.up_proj.weight.absmax"
        stored[name] = stored[name][:-1]
        write_safetensors(self.folder / "model.safetensors", stored)
        self.assertIn(f"'{name}' has shape [479] of float32, where 480 values of float32 are expected", self.refused())

    def test_another_architecture_is_named(self):
        stored = self.make()
        self.write(CONFIG | {"model_type": "qwen3"}, stored)
        self.assertIn("of type 'qwen3'", self.refused())

    def test_a_context_beyond_the_most_is_refused(self):
        self.make()
        self.assertIn("contexts of up to 64 tokens", self.tune(self.folder, "--prompt", "65").stderr)

    def test_every_mode_is_tuned_from_a_folder_and_the_table_says_which(self):
        results = self.folder / "results.json"
        for options, mode, shape in (
            (["--prompt", "8"], "prefill", {"length": 8, "kv_bits": 16}),
            (["--context", "8"], "decode", {"length": 8, "kv_bits": 16}),
            (["--prompt", "8", "--new", "3"], "generate", {"length": 8, "new": 3, "kv_bits": 16}),
        ):
            done = self.tune(TINY, *options, "--dtype", "fp32", "--export-json", results)
            self.assertEqual(done.returncode, 0, done.stderr)
            workload = json.loads(results.read_text())["workloads"][0]["subject"]["workload"]
            self.assertEqual((workload["mode"], workload["shape"]), (mode, shape))
            self.assertIn(mode, done.stdout)
            self.assertIn("tokens/s", done.stdout)
        answer = json.loads(results.read_text())["workloads"][0]["answer"]
        self.assertRegex(done.stdout, r"batch \d has its first token after .*, then one every ")
        at_best = answer["at_best"]
        self.assertLess(at_best["first_token_s"], at_best["latency_s"])
        self.assertAlmostEqual(answer["token_interval_s"], (at_best["latency_s"] - at_best["first_token_s"]) / 2)
        self.assertAlmostEqual(answer["tokens_per_s"], 3 * answer["throughput_per_s"])

    def test_caches_of_fewer_bits_stand_side_by_side(self):
        done = self.tune("llama-tiny-nf4", "--context", "16", "--kv", "bf16,int8,nf4")
        self.assertEqual(done.returncode, 0, done.stderr)
        for bits in (16, 8, 4):
            self.assertIn(f"llama-tiny-nf4 kv_bits {bits}", done.stdout)
        self.assertIn("weights: random", done.stdout)
        self.assertIn("kv cache: 4 bits", done.stdout)

    def test_a_changed_folder_is_measured_again(self):
        stored, cache = self.make(), Path(self.enterContext(tempfile.TemporaryDirectory())) / "cache.json"
        command = [BATCHFIT, "tune", self.folder, "--prompt", "8", "--device", "cpu", "--max-batch", "1", "--latency-limit", "none", "--cache", cache]
        run = lambda: subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout
        run()
        self.assertIn("answered from the cache", run())
        stored["model.norm.weight"] += 1
        write_safetensors(self.folder / "model.safetensors", stored)
        self.assertNotIn("answered from the cache", run())


if __name__ == "__main__":
    unittest.main()
