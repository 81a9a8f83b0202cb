# SPDX-License-Identifier: Apache-2.0
"""Ferry's inference beside onnx.shape_inference (strict, with data propagation), value by value.

    python tests/conformance/compare_inference.py [--zoo DIR] [--match WORD]

Prints where Ferry knows less, and over all how often each knows more.
"""

import argparse
import collections
import sys
from pathlib import Path

import onnx
from onnx import shape_inference

import ferry

KNOWS_MORE = ("rank", "size", "symbol")


def bare(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without what the file says about results: both sides are to find it out."""
    model = onnx.ModelProto.FromString(model.SerializeToString())

    def strip(graph):
        del graph.value_info[:]
        for output in graph.output:
            if output.type.HasField("tensor_type"):
                output.type.tensor_type.ClearField("shape")
        for node in graph.node:
            for attribute in node.attribute:
                for body in [attribute.g, *attribute.graphs]:
                    strip(body)

    strip(model.graph)
    return model


def onnx_shapes(model: onnx.ModelProto) -> dict[str, list | None]:
    """Dims by value: sizes, names, or None for unknown ones; None for an unknown rank."""
    try:
        inferred = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except shape_inference.InferenceError:
        inferred = shape_inference.infer_shapes(model, data_prop=True)
    shapes = {}
    for info in [*inferred.graph.value_info, *inferred.graph.output]:
        if not info.type.HasField("tensor_type"):
            continue
        tensor = info.type.tensor_type
        if not tensor.HasField("shape"):
            shapes[info.name] = None
            continue
        # Names that the inference makes up say no more than "unknown".
        shapes[info.name] = [
            d.dim_value if d.HasField("dim_value") else (d.dim_param or None) if not d.dim_param.startswith("unk__")
            else None for d in tensor.shape.dim
        ]
    return shapes


def is_expression(dim) -> bool:
    """Known as an expression of the input's symbols; '%' starts symbols of what depends on data."""
    return isinstance(dim, int) or "%" not in dim


def compare(model: onnx.ModelProto, source=None) -> tuple[list[str], collections.Counter]:
    """What Ferry knows less of, and counts of values by who knows more."""
    model = bare(model)
    theirs = onnx_shapes(model)
    loaded = ferry.Model(source if source is not None else model.SerializeToString())
    ours = {v.name: v for v in loaded.values}
    weaker, counts = [], collections.Counter()
    for name, dims in theirs.items():
        value = ours.get(name)
        if value is None:
            continue
        counts["values"] += 1
        shape = value.shape if value.is_tensor else None
        text = f"{name}: {value.type} against {dims}"
        if dims is None:
            counts["more"] += shape is not None
            continue
        if shape is None or len(shape) != len(dims):
            weaker.append(text)
            continue
        less = any((isinstance(d, int) and d != s) or (isinstance(d, str) and not is_expression(s))
                   for d, s in zip(dims, shape))
        if less:
            weaker.append(text)
        elif any(d is None and is_expression(s) for d, s in zip(dims, shape)):
            counts["more"] += 1
    counts["weaker"] = len(weaker)
    counts["unknown"] = sum(v.is_tensor and (v.shape is None or not all(map(is_expression, v.shape)))
                            for v in ours.values())
    return weaker, counts


def zoo_models(folder: Path):
    """Models with weights inside are left out when they are large: the same networks lie there with
    weights beside them."""
    for path in sorted(folder.glob("*/*.onnx")):
        if path.stat().st_size < 200 << 20:
            yield path


def main() -> int:
    import suite

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path, help="a folder of exported models, one folder each")
    parser.add_argument("--match", default="", help="only models whose name holds this word")
    args = parser.parse_args()
    total, bad = collections.Counter(), 0
    if args.zoo:
        models = ((path.parent.name, onnx.load(path, load_external_data=False), str(path))
                  for path in zoo_models(args.zoo))
    else:
        models = ((c.name, onnx.load_from_string(c.model), None) for c in suite.cases())
    for name, model, source in models:
        if args.match not in name:
            continue
        weaker, counts = compare(model, source)
        total += counts
        bad += bool(weaker)
        for line in weaker:
            print(f"{name}: {line}")
        if args.zoo:
            print(f"{name}: {dict(counts)}")
    print(f"{dict(total)}, {bad} models with weaker values")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
