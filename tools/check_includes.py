# SPDX-License-Identifier: Apache-2.0
"""Checks the layers: a folder of src/ includes only itself and folders above it in LAYERS.

Faces (cli/, python/, ...) see only include/ferry/. Tests (*_test.cc) may look anywhere in src/.
"""

import re
import sys

import tree

LAYERS = ["base", "tensor", "ir", "ops", "onnx", "passes", "codec", "kernels", "plan", "ops_cpu", "runtime", "api"]
# ops/**/*_cpu.cc choose the kernels of operators; the build gives them to the target ops_cpu.
CPU_OPS_SEE = LAYERS[: LAYERS.index("ops_cpu") + 1]
FACES = {"cli", "python", "examples"}
FACES_SEE = {"base/nearest.h"}  # knows nothing of the engine; cli/ compiles it in
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def allowed_layers(path):
    if path.match("ops/**/*_cpu.cc") or path.match("ops/*_cpu.cc"):
        return CPU_OPS_SEE
    return LAYERS[: LAYERS.index(path.parts[1]) + 1]


def violations(path, includes):
    top = path.parts[0]
    for name in includes:
        layer = name.split("/")[0]
        if top in FACES and layer in LAYERS and name not in FACES_SEE:
            yield f"{path}: includes {name}; {top}/ may include only ferry/*.h"
        elif top == "include" and layer != "ferry":
            yield f"{path}: includes {name}; public headers may include only ferry/*.h"
        elif top == "src" and layer in LAYERS and layer not in allowed_layers(path):
            yield f"{path}: includes {name}; {'/'.join(path.parts[:2])} stands above {layer}"


def main():
    found = []
    for path in tree.files():
        if path.suffix not in {".cc", ".h", ".c", ".cpp"} or path.stem.endswith("_test"):
            continue
        if path.parts[0] == "src" and (len(path.parts) < 3 or path.parts[1] not in LAYERS):
            found.append(f"{path}: not in one of the folders {', '.join(LAYERS)}")
            continue
        text = (tree.ROOT / path).read_text(encoding="utf-8")
        found += violations(path, INCLUDE.findall(text))
    print("\n".join(found) or "every include respects the layers")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
