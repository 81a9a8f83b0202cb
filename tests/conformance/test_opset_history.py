# SPDX-License-Identifier: Apache-2.0
"""Every change between two versions of an operator is rewritten on import, or reviewed here.

A change is one that an old model could notice: an attribute that went away or got another default or
kind, an input or output that was inserted, removed or became required.
"""

import collections
import os
import pathlib
import subprocess

import onnx
import pytest

ROOT = pathlib.Path(__file__).parents[2]
ANY_VERSION = 2**31 - 1

# Changes that mean the same for every valid old model, with the reason.
SAME_MEANING = {
    # Outputs for training that later versions renamed; rewritten by the row of version 14.
    ("BatchNormalization", 9),
    # `training_mode` and the outputs belong together: one row for all versions before 14.
    ("BatchNormalization", 7),
    # Bounds got the defaults of f32 while they were attributes; the row of version 11 adds them.
    ("Clip", 6),
    # Inference mode ignores `is_test`; dropped by the row of version 10.
    ("Dropout", 7),
    # C became optional.
    ("Gemm", 11),
    # The second output became optional.
    ("GRU", 3),
    # The exponent's kind changes with its row; kernel_shape was required in practice.
    # A new optional output at the end.
    ("MaxPool", 8),
    ("OptionalHasElement", 18),
    # Inputs that were required became optional.
    ("Resize", 13),
    # The values move when the operator becomes Resize.
    ("Upsample", 7),
    ("Upsample", 9),
    # `value` may now come in other forms.
    ("Constant", 11),
    # Split-1 took sizes as an input, as versions from 13 on do.
    ("Split", 2),
}
# Kept as operators of their own or as constants; nothing to rewrite.
NOT_REWRITTEN = {"Constant"}


def binary():
    path = os.environ.get("FERRY_DEV", str(ROOT / "build/dev/tests/tools/ferry_dev"))
    if not pathlib.Path(path).exists():
        pytest.skip(f"{path} is not built")
    return path


def rows():
    text = subprocess.run([binary(), "upgrades"], check=True, capture_output=True, text=True).stdout
    found = collections.defaultdict(set)
    for line in text.splitlines():
        op, before = line.rsplit(" ", 1)
        found[op].add(int(before))
    return found


def attributes(schema):
    def default(a):
        return onnx.helper.get_attribute_value(a.default_value) if a.default_value.name else None

    return {k: (str(a.type), a.required, default(a)) for k, a in schema.attributes.items()}


def options(values):
    return [str(v.option) for v in values]


def is_noticed(old, new):
    a, b = attributes(old), attributes(new)
    if any(k not in b or a[k] != b[k] for k in a) or any(b[k][1] for k in b.keys() - a.keys()):
        return True
    for before, after in ((options(old.inputs), options(new.inputs)), (options(old.outputs), options(new.outputs))):
        if after[: len(before)] != before or any("Optional" not in o for o in after[len(before) :]):
            return True
    return False


def changes():
    history = collections.defaultdict(list)
    for schema in onnx.defs.get_all_schemas_with_history():
        history[(schema.domain, schema.name)].append(schema)
    for (domain, name), versions in sorted(history.items()):
        versions.sort(key=lambda s: s.since_version)
        op = f"{domain}.{name}" if domain else name
        for old, new in zip(versions, versions[1:]):
            if not new.deprecated and is_noticed(old, new):
                yield op, new.since_version


def test_every_change_is_rewritten_or_reviewed():
    found = rows()
    missing = [
        (op, version)
        for op, version in changes()
        if version not in found[op]
        and ANY_VERSION not in found[op]
        and (op, version) not in SAME_MEANING
        and op not in NOT_REWRITTEN
    ]
    assert missing == []


def test_reviewed_changes_exist():
    assert SAME_MEANING <= set(changes()) | {(op, v) for op, vs in rows().items() for v in vs}
