"""A class form and a decorator form in one file, with modes, a dtype of its own, and weights."""

import batchfit_worker
import torch


@batchfit_worker.model(name="tiny-lm", about="A tiny language model", dtypes=["fp32", "nf4"], modes=["prefill", "decode"])
class TinyLm:
    def load(self, device, dtype, *, weights=None):
        assert dtype in (torch.float32, "nf4")
        self.embedding = torch.nn.Embedding(50, 8).to(device)
        return self.step

    def step(self, *, tokens):
        return {"logits": self.embedding(tokens)}

    def inputs(self, batch, device, dtype, *, mode, length):
        return {"tokens": torch.randint(0, 50, (batch, length if mode == "prefill" else 1), device=device)}

    def release(self):
        print("released")


def pictures(batch, device, dtype):
    return (torch.randn(batch, 3, 8, 8, device=device, dtype=dtype),)


@batchfit_worker.model(name="tiny-net", inputs=pictures)
def load_net(device, dtype):
    """A convolution."""
    return torch.nn.Conv2d(3, 4, 3).to(device, dtype)
