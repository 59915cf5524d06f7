"""An Ultralytics model.

    pip install ultralytics
    batchfit tune yolo --worker "python -m batchfit_worker examples/python/ultralytics_yolo.py"

Loading a .pt file of Ultralytics' runs code from it: use files that you trust.
"""

import batchfit_worker
import torch
from ultralytics import YOLO


@batchfit_worker.model(name="yolo", about="Ultralytics YOLO; --weights takes a .pt file", dtypes=["fp32", "fp16"])
class Yolo:
    def load(self, device, dtype, weights=None):
        # The network alone: its predictor would add drawing, files and a batch limit of its own.
        network = YOLO(weights or "yolo11n.yaml").model
        return network.fuse().eval().to(device, dtype)

    def inputs(self, batch, device, dtype, size=640):
        return torch.rand(batch, 3, size, size, device=device, dtype=dtype)
