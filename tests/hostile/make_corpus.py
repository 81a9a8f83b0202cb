# SPDX-License-Identifier: Apache-2.0
"""Builds the corpus of hostile models. Deterministic: the same folder, byte for byte, on every machine.

    python -m tests.hostile.make_corpus FOLDER     writes FOLDER/<case>/in/model.onnx and what lies beside it
"""

import pathlib
import sys

from . import dims, files, fused, graphs, ops, pictures


def all_cases():
    cases = [case for family in (files, graphs, ops, dims, fused, pictures) for case in family.cases()]
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), sorted(n for n in names if names.count(n) > 1)
    return {case.name: case for case in cases}


def main(folder):
    cases = all_cases()
    for case in cases.values():
        case.write(pathlib.Path(folder))
    print(f"{len(cases)} cases in {folder}")


if __name__ == "__main__":
    main(*sys.argv[1:])
