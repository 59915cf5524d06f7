"""Models of torchvision, two in one file.

    pip install torchvision
    batchfit tune torchvision-resnet50 torchvision-vit-b-16 --worker "python -m batchfit_worker examples/python/torchvision_models.py"

`--weights` takes a state dict, else they are random.
"""

import batchfit_worker
import torch
import torchvision


def pictures(batch, device, dtype, size=224):
    return torch.rand(batch, 3, size, size, device=device, dtype=dtype)


@batchfit_worker.model(name="torchvision-resnet50", inputs=pictures)
def resnet50(device, dtype, weights=None):
    """ResNet50 of torchvision."""
    return ready(torchvision.models.resnet50(), device, dtype, weights)


@batchfit_worker.model(name="torchvision-vit-b-16", inputs=pictures)
def vit_b_16(device, dtype, weights=None, size=224):
    """ViT-B/16 of torchvision."""
    return ready(torchvision.models.vit_b_16(image_size=size), device, dtype, weights)


def ready(model, device, dtype, weights):
    if weights is not None:
        model.load_state_dict(torch.load(weights, weights_only=True, map_location="cpu"))
    return model.eval().to(device, dtype)
