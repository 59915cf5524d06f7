#!/usr/bin/env python3
"""Writes the files of this folder that are made here (README.md says which): make_files.py, with torch 2.11.0."""

import collections
import io
import pathlib
import zipfile

import torch

HERE = pathlib.Path(__file__).resolve().parent


class Streamed(io.RawIOBase):
    """A file that cannot be sought: zipfile then writes data descriptors after the entries."""

    def __init__(self, path):
        super().__init__()
        self.file = open(path, "wb")

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)

    def close(self):
        self.file.close()
        super().close()


def rewrite(source, target, *, zip64=False, compression=zipfile.ZIP_STORED):
    """The same entries as another writer of zip archives would store them."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name)
            info.compress_type = compression
            with new.open(info, "w", force_zip64=zip64) as entry:
                entry.write(old.read(name))


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=False)
        self.bn = torch.nn.BatchNorm2d(4, eps=1e-3)
        self.act = torch.nn.SiLU()
        self.register_buffer("scratch", torch.zeros(3), persistent=False)
        self.sizes = [8, 16]
        self.scale = 0.5
        self.made = torch.device("cpu")  # pickles as a call


def main():
    tiny = HERE / "tiny-state-dict.pth"
    rewrite(tiny, HERE / "zip64.pth", zip64=True)
    rewrite(tiny, Streamed(HERE / "streamed.pth"))
    rewrite(tiny, HERE / "compressed.pth", compression=zipfile.ZIP_DEFLATED)
    values = torch.arange(6)
    dtypes = ["float64", "int8", "int16", "int32", "uint8", "bool", "complex64", "complex128", "uint16", "float8_e4m3fn"]
    torch.save({name: values.to(getattr(torch, name)) for name in dtypes}, HERE / "dtypes.pth")
    torch.save(collections.OrderedDict(weight=values.float()), HERE / "protocol-4.pth", pickle_protocol=4)
    torch.manual_seed(0)
    torch.save({"epoch": 3, "model": torch.nn.Sequential(Block(), torch.nn.Linear(4, 2))}, HERE / "module.pth")
    torch.save({"weight": values.float(), "big": 1 << 80, "none": None}, HERE / "not-all-tensors.pth")


if __name__ == "__main__":
    main()
