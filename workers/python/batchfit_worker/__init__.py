"""Runs a PyTorch model of yours for batchfit: `python -m batchfit_worker my_model.py:load`."""

from .declaration import model

__all__ = ["model", "__version__"]
__version__ = "0.1.0"
