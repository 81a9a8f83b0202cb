# SPDX-License-Identifier: Apache-2.0
"""Lists the operators of the zoo's files: python -m bench.zoo.ops [--out build/zoo] [--by-file]"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import onnx


def walk(nodes) -> Iterator[onnx.NodeProto]:
    """Every node, those of nested graphs included."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from walk(graph.node)


def operators(path: Path) -> Counter[tuple[str, str, int]]:
    """(domain, op, version of the domain that the model imports) -> count."""
    model = onnx.load(path, load_external_data=False)
    counts: Counter[tuple[str, str, int]] = Counter()
    for body in (model.graph, *model.functions):
        imports = (*model.opset_import, *getattr(body, "opset_import", ()))
        versions = {entry.domain: entry.version for entry in imports}
        for node in walk(body.node):
            counts[node.domain, node.op_type, versions.get(node.domain, 0)] += 1
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.zoo.ops", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--out", type=Path, default=Path("build/zoo"))
    parser.add_argument(
        "--by-file", action="store_true", help="one line per file in place of one per operator"
    )
    options = parser.parse_args()
    files: dict[tuple[str, str, int], dict[str, int]] = defaultdict(dict)
    for path in sorted(options.out.glob("*/*.onnx")):
        label = f"{path.parent.name}/{path.stem}"
        counts = operators(path)
        if options.by_file:
            print(f"{label}: " + " ".join(f"{op}x{n}" for (_, op, _), n in sorted(counts.items())))
        for key, count in counts.items():
            files[key][label] = count
    if not options.by_file:
        for (domain, op, opset), where in sorted(files.items()):
            prefix = f"{domain}." if domain else ""
            print(f"{prefix}{op}-{opset}: " + " ".join(f"{file}({n})" for file, n in where.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
