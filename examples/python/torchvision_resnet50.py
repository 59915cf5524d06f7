"""A torchvision model.

    pip install torchvision
    batchfit tune torchvision-resnet50 --worker "python -m batchfit_worker examples/python/torchvision_resnet50.py:load"
"""

import torch
import torchvision


def load(device, dtype, weights=None):
    """ResNet50; --weights takes a state dict, else they are random."""
    model = torchvision.models.resnet50()
    if weights is not None:
        model.load_state_dict(torch.load(weights, weights_only=True, map_location="cpu"))
    return model.eval().to(device, dtype)


def inputs(batch, device, dtype, size=224):
    return torch.rand(batch, 3, size, size, device=device, dtype=dtype)
