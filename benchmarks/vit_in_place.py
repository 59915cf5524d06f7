"""ViT-B/16 as batchfit's own worker runs it, for the Python worker: the residual stream and the GELU in place, one product for query, key
and value. torchvision's module keeps more alive, so its largest batch is a smaller one.

    batchfit tune vit-b-16-in-place --worker "python -m batchfit_worker benchmarks/vit_in_place.py"
"""

import batchfit_worker
import torch
from torch import nn
from torch.nn import functional

IMAGE, PATCH, HIDDEN, HEADS, WIDE, DEPTH, CLASSES = 224, 16, 768, 12, 3072, 12, 1000
TOKENS = (IMAGE // PATCH) ** 2 + 1


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.before_attention, self.before_mlp = nn.LayerNorm(HIDDEN, 1e-6), nn.LayerNorm(HIDDEN, 1e-6)
        self.query_key_value, self.projection = nn.Linear(HIDDEN, 3 * HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.widen, self.narrow = nn.Linear(HIDDEN, WIDE), nn.Linear(WIDE, HIDDEN)

    def attend(self, x):
        query, key, value = self.query_key_value(x).view(len(x), TOKENS, 3, HEADS, HIDDEN // HEADS).permute(2, 0, 3, 1, 4)
        return functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(len(x), TOKENS, HIDDEN)

    def forward(self, x):
        x.add_(self.projection(self.attend(self.before_attention(x))))
        wide = self.widen(self.before_mlp(x))
        torch.ops.aten.gelu_(wide)
        return x.add_(self.narrow(wide))


class VitB16(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, HIDDEN, PATCH, PATCH)
        self.class_token, self.positions = nn.Parameter(torch.zeros(1, 1, HIDDEN)), nn.Parameter(torch.zeros(1, TOKENS, HIDDEN))
        self.layers = nn.ModuleList(Layer() for _ in range(DEPTH))
        self.norm, self.head = nn.LayerNorm(HIDDEN, 1e-6), nn.Linear(HIDDEN, CLASSES)

    def forward(self, pictures):
        x = self.patches(pictures).flatten(2).transpose(1, 2)
        x = torch.cat((self.class_token.expand(len(pictures), 1, HIDDEN), x), 1)
        x.add_(self.positions)
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x[:, 0]))


@batchfit_worker.model(name="vit-b-16-in-place", inputs=lambda batch, device, dtype: torch.rand(batch, 3, IMAGE, IMAGE, device=device, dtype=dtype))
def vit_b_16(device, dtype):
    """ViT-B/16 with its residual stream and GELU in place."""
    return VitB16().eval().to(device, dtype)
