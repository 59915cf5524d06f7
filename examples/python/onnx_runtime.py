"""An ONNX Runtime session.

    pip install onnxruntime-gpu onnx
    batchfit tune onnx --weights model.onnx --worker "python -m batchfit_worker examples/python/onnx_runtime.py"

ONNX Runtime allocates for itself. `memory="device"` says so: its memory is then read from the device's use (it keeps what it
once took, so that each memory probe gets a fresh worker), and there is no cap, no graph timing and no allocation trace.
"""

import batchfit_worker
import numpy
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ELEMENT_TYPES = {"tensor(float)": numpy.float32, "tensor(float16)": numpy.float16, "tensor(int64)": numpy.int64}


@batchfit_worker.model(name="onnx", about="A session of ONNX Runtime; --weights takes a .onnx file", dtypes=["fp32"], memory="device")
class Session:
    def load(self, device, dtype, weights=None):
        cpu = "CPUExecutionProvider"
        on_device = ("CUDAExecutionProvider", {"device_id": device.index}) if device.type == "cuda" else None
        session = onnxruntime.InferenceSession(weights or small_network(), providers=[on_device, cpu] if on_device else [cpu])
        if on_device and session.get_providers()[0] == cpu:
            raise RuntimeError("ONNX Runtime has no CUDA here: install onnxruntime-gpu")
        self.session = session
        return lambda **feeds: session.run(None, feeds)

    def inputs(self, batch, device, dtype, *, length=16):
        """Sizes that the file leaves open: the first is the batch, others are `length`."""

        def sized(shape):
            return [batch] + [size if isinstance(size, int) else length for size in shape[1:]]

        return {given.name: numpy.ones(sized(given.shape), ELEMENT_TYPES[given.type]) for given in self.session.get_inputs()}

    def release(self):
        self.session = None


def small_network(width=64):
    """What runs where no file is given: one product and its ReLU."""
    weight = numpy_helper.from_array(numpy.random.default_rng(0).standard_normal((width, width), numpy.float32), "weight")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weight"], ["product"]), helper.make_node("Relu", ["product"], ["y"])],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", width])],
        [weight],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
