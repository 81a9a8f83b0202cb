# SPDX-License-Identifier: Apache-2.0
"""Writes the backend tests of the onnx package as files.

One directory per test: model.onnx, tolerance.txt ("rtol atol"), test_data_set_<k>/ with
input_<j>.pb and output_<j>.pb. Grouped by kind: node, simple, pytorch-converted,
pytorch-operator, light.

  python tests/conformance/dump_suite.py --out build/suite
"""

import argparse
import pathlib
import shutil
import warnings

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

KINDS = ["node", "simple", "pytorch-converted", "pytorch-operator"]


def to_proto(value, value_info, name):
    """The message for a value, chosen by the declared type of the model's input or output."""
    if isinstance(value, onnx.TensorProto | onnx.SequenceProto | onnx.OptionalProto | onnx.MapProto):
        return value
    kind = value_info.type.WhichOneof("value") if value_info is not None else "tensor_type"
    if kind == "optional_type":
        inner = value_info.type.optional_type.elem_type.WhichOneof("value")
        if value is None:
            proto = onnx.OptionalProto()
            proto.name = name
            proto.elem_type = (
                onnx.OptionalProto.SEQUENCE if inner == "sequence_type" else onnx.OptionalProto.TENSOR
            )
            return proto
        return numpy_helper.from_optional(value, name)
    if kind == "sequence_type":
        return numpy_helper.from_list(value, name)
    if kind == "map_type":
        return numpy_helper.from_dict(value, name)
    return numpy_helper.from_array(np.asarray(value), name)


def write_case(case, directory):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "tolerance.txt").write_text(f"{case.rtol} {case.atol}\n")
    if case.model is None:
        source = pathlib.Path(case.model_dir)
        shutil.copy(source / "model.onnx", directory / "model.onnx")
        for data in sorted(source.glob("test_data_set_*")):
            shutil.copytree(data, directory / data.name, dirs_exist_ok=True)
        return
    onnx.save(case.model, directory / "model.onnx")
    for k, (inputs, outputs) in enumerate(case.data_sets):
        data = directory / f"test_data_set_{k}"
        data.mkdir(exist_ok=True)
        for stem, values, infos in (
            ("input", inputs, case.model.graph.input),
            ("output", outputs, case.model.graph.output),
        ):
            for j, value in enumerate(values):
                info = infos[j] if j < len(infos) else None
                proto = to_proto(value, info, info.name if info is not None else "")
                (data / f"{stem}_{j}.pb").write_bytes(proto.SerializeToString())


def write_light(directory):
    """The small classification networks whose weights are generated; inputs are all ones."""
    root = pathlib.Path(onnx.__file__).parent / "backend/test/data/light"
    for model_path in sorted(root.glob("*.onnx")):
        out = directory / model_path.stem
        data = out / "test_data_set_0"
        data.mkdir(parents=True, exist_ok=True)
        shutil.copy(model_path, out / "model.onnx")
        (out / "tolerance.txt").write_text("1e-3 1e-5\n")
        model = onnx.load(model_path)
        initializers = {t.name for t in model.graph.initializer}
        inputs = [i for i in model.graph.input if i.name not in initializers]
        for j, info in enumerate(inputs):
            dims = [d.dim_value for d in info.type.tensor_type.shape.dim]
            size = int(np.prod(dims))
            # What the package's own runner feeds: 0, 1, ... scaled to [0, 1).
            array = (np.arange(size) / size).reshape(dims).astype(np.float32)
            tensor = numpy_helper.from_array(array, info.name)
            (data / f"input_{j}.pb").write_bytes(tensor.SerializeToString())
        output = model_path.with_name(model_path.stem + "_output_0.pb")
        shutil.copy(output, data / "output_0.pb")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="build/suite", type=pathlib.Path)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    for kind in KINDS:
        cases = load_model_tests(kind=kind)
        for case in cases:
            write_case(case, args.out / kind / case.name)
        print(f"{kind}: {len(cases)}")
    write_light(args.out / "light")


if __name__ == "__main__":
    main()
