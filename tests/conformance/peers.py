# SPDX-License-Identifier: Apache-2.0
"""onnxruntime and OpenVINO as backends of the onnx package, for figures beside Ferry's."""

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.base import Backend, BackendRep


def plain(value):
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, onnx.SequenceProto):
        return numpy_helper.to_list(value)
    if isinstance(value, onnx.OptionalProto):
        return numpy_helper.to_optional(value)
    return value


class Rep(BackendRep):
    def __init__(self, run):
        self._run = run

    def run(self, inputs, **kwargs):
        return tuple(self._run([plain(v) for v in inputs]))


class Cpu(Backend):
    @classmethod
    def is_compatible(cls, model, device="CPU", **kwargs):
        return True

    @classmethod
    def supports_device(cls, device):
        return device == "CPU"


class OnnxRuntime(Cpu):
    @classmethod
    def prepare(cls, model, device="CPU", **kwargs):
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        # The newest opset is beyond what this version promises; told to, it tries.
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        names = [i.name for i in session.get_inputs()]
        return Rep(lambda inputs: session.run(None, dict(zip(names, inputs))))


class OpenVino(Cpu):
    @classmethod
    def prepare(cls, model, device="CPU", **kwargs):
        import io

        import openvino as ov

        core = ov.Core()
        core.set_property("CPU", {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"})
        compiled = core.compile_model(core.read_model(io.BytesIO(model.SerializeToString())), "CPU")

        def run(inputs):
            results = compiled([np.asarray(v) for v in inputs])
            return [results[output] for output in compiled.outputs]

        return Rep(run)


PEERS = {"onnxruntime": OnnxRuntime, "openvino": OpenVino}


def version(name: str) -> str:
    module = __import__(name)
    return module.__version__.split("-")[0]
