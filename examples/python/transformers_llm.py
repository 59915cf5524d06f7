"""A causal language model of transformers, in 16 bits or in bitsandbytes' 4.

    pip install transformers==5.24.0 bitsandbytes==0.50.2
    batchfit tune llm --mode prefill --dtype nf4 --shape length=512 --worker "python -m batchfit_worker examples/python/transformers_llm.py"

`decode` sets the length of transformers' static cache, which that version keeps in a tensor; older ones (5.0) do not.

Without --weights (a checkpoint's folder) it has the shapes of Llama-3-8B and random weights.
"""

import batchfit_worker
import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, LlamaConfig, StaticCache

HEAD_SIZE = 128


@batchfit_worker.model(
    name="llm",
    about="A causal language model of transformers; random Llama-3-8B shapes, or --weights FOLDER",
    dtypes=["bf16", "fp16", "fp32", "nf4"],
    modes=["prefill", "decode"],
)
class LanguageModel:
    """`prefill` reads prompts of `length` tokens; `decode` makes the token after a context of `length`."""

    def load(self, device, dtype, *, mode, weights=None, layers=32, hidden=4096, vocabulary=128256):
        self.compute = torch.bfloat16 if dtype == "nf4" else dtype
        if weights is not None:
            four_bit = BitsAndBytesConfig(
                load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=self.compute
            )
            options = {"quantization_config": four_bit} if dtype == "nf4" else {}
            self.model = AutoModelForCausalLM.from_pretrained(weights, dtype=self.compute, device_map={"": device}, **options)
        else:
            with torch.device(device):
                self.model = AutoModelForCausalLM.from_config(llama(layers, hidden, vocabulary), dtype=self.compute)
            if dtype == "nf4":
                quantise(self.model, self.compute)
        self.model.eval()
        return self.prefill if mode == "prefill" else self.decode

    def inputs(self, batch, device, dtype, *, mode, length=512):
        config = self.model.config
        tokens = torch.randint(0, config.vocab_size, (batch, length if mode == "prefill" else 1), device=device)
        if mode == "prefill":
            return (tokens,)
        cache = StaticCache(config=config, max_cache_len=length + 1)
        cache.early_initialization(batch, config.num_key_value_heads, config.head_dim, self.compute, device)
        lengths = [layer.cumulative_length for layer in cache.layers]
        return (tokens, cache, lengths, [torch.full_like(each, length) for each in lengths])

    def prefill(self, tokens):
        return self.model(tokens, use_cache=True, logits_to_keep=1)

    def decode(self, tokens, cache, lengths, context):
        torch._foreach_copy_(lengths, context)  # every pass is the same step: the one after the context
        return self.model(tokens, past_key_values=cache, use_cache=True, logits_to_keep=1).logits

    def release(self):
        self.model = None


def llama(layers, hidden, vocabulary):
    """Llama-3-8B's configuration, or a smaller one of the same proportions."""
    heads = max(1, hidden // HEAD_SIZE)
    return LlamaConfig(
        num_hidden_layers=layers,
        hidden_size=hidden,
        intermediate_size=hidden * 7 // 2,
        num_attention_heads=heads,
        num_key_value_heads=max(1, heads // 4),
        head_dim=hidden // heads,
        vocab_size=vocabulary,
        max_position_embeddings=8192,
        rope_parameters={"rope_type": "default", "rope_theta": 500000.0},
    )


def quantise(model, compute):
    """Replaces the linear layers, but the head, by 4-bit ones of the same weights."""
    import bitsandbytes

    linears = [(name, module) for name, module in model.model.named_modules() if isinstance(module, torch.nn.Linear)]
    for name, linear in linears:
        four_bit = bitsandbytes.nn.Linear4bit(
            linear.in_features, linear.out_features, bias=False, compute_dtype=compute, quant_type="nf4", device="meta"
        )
        weight = bitsandbytes.nn.Params4bit(linear.weight.data, requires_grad=False, quant_type="nf4")
        four_bit.weight = weight.to(linear.weight.device)  # what quantises it, though it is there already
        model.model.set_submodule(name, four_bit)
