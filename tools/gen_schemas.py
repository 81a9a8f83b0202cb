#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes src/onnx/schema_table.inc: what the standard says of every version of every operator.

    python tools/gen_schemas.py [--check]

The facts (numbers of inputs, element types, attributes) are read from the installed onnx package.
--check writes nothing and fails when the file differs.
"""

import argparse
import collections
import re
import sys
from pathlib import Path

import onnx
import onnx.defs

TARGET = Path(__file__).parents[1] / "src/onnx/schema_table.inc"
DTYPES = {name.lower(): number for name, number in onnx.TensorProto.DataType.items()}
KINDS = ("tensor", "seq", "optional", "optional_seq")
ANY = 65535


def type_set(strings):
    """Element types by kind, as bits; the last entry says whether maps are among them."""
    bits = dict.fromkeys(KINDS, 0)
    maps = False
    for text in strings:
        match = re.fullmatch(r"(?:(optional)\()?(?:(seq)\()?tensor\((\w+)\)\)*", text)
        if match is None:
            maps = True
            continue
        kind = "_".join(part for part in match.groups()[:2] if part) or "tensor"
        bits[kind] |= 1 << DTYPES[match[3]]
    return (*(bits[kind] for kind in KINDS), maps)


class Pool:
    """Sequences laid out one after another, equal ones once."""

    def __init__(self):
        self.items, self.at = [], {}

    def add(self, sequence):
        key = tuple(sequence)
        if key not in self.at:
            self.at[key] = len(self.items)
            self.items.extend(key)
        return self.at[key]


def default_of(attribute):
    return onnx.helper.get_attribute_value(attribute.default_value) if attribute.default_value.name else None


def same_for_old_models(old, new):
    """Whether a model of the older version reads the same under the newer one's signature."""
    def attributes(s):
        return {k: (str(a.type), a.required, default_of(a)) for k, a in s.attributes.items()}

    def options(values):
        return [str(v.option) for v in values]

    a, b = attributes(old), attributes(new)
    if new.deprecated or any(k not in b or a[k] != b[k] for k in a) or any(b[k][1] for k in b.keys() - a.keys()):
        return False
    for before, after in ((options(old.inputs), options(new.inputs)), (options(old.outputs), options(new.outputs))):
        if after[: len(before)] != before or any("Optional" not in o for o in after[len(before):]):
            return False
    return True


def parameters(values, schema, sets):
    constraints = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
    groups = {}
    for v in values:
        strings = constraints.get(v.type_str, [v.type_str])
        index = sets.setdefault(type_set(strings), len(sets))
        group = groups.setdefault(v.type_str, len(groups) + 1) if v.type_str in constraints else 0
        option = {"Single": 0, "Optional": 1, "Variadic": 2}[v.option.name]
        yield (3 if option == 2 and not v.is_homogeneous else option, index, group)


def same_groups(schema, sets):
    """Inputs and outputs in one numbering of type parameters."""
    rows = list(parameters([*schema.inputs, *schema.outputs], schema, sets))
    return rows[: len(schema.inputs)], rows[len(schema.inputs):]


def generate():
    history = collections.defaultdict(list)
    for schema in onnx.defs.get_all_schemas_with_history():
        history[(schema.domain, schema.name)].append(schema)
    sets, params, attrs, rows = {}, Pool(), Pool(), []
    for (domain, name), versions in sorted(history.items()):
        versions.sort(key=lambda s: s.since_version)
        before = None
        for s in versions:
            inputs, outputs = same_groups(s, sets)
            attributes = [(k, int(a.type.value), a.required) for k, a in sorted(s.attributes.items())]
            rows.append((domain, name, s.since_version, s.deprecated,
                         before is not None and same_for_old_models(before, s), min(s.min_input, ANY),
                         min(s.max_input, ANY), min(s.min_output, ANY), min(s.max_output, ANY),
                         params.add(inputs), len(inputs), params.add(outputs), len(outputs),
                         attrs.add(attributes), len(attributes)))
            before = s
    return sets, params.items, attrs.items, rows


def text_of(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def row_text(row):
    return "{" + ", ".join(map(text_of, row)) + "},"


def render():
    sets, params, attrs, rows = generate()
    lines = ["// SPDX-License-Identifier: Apache-2.0",
             f"// Made by tools/gen_schemas.py from onnx {onnx.__version__}; see schema.h for the fields.",
             "// clang-format off",
             "constexpr SchemaTypes kTypeSets[] = {",
             *(f"  {{0x{a:x}, 0x{b:x}, 0x{c:x}, 0x{d:x}, {text_of(m)}}}," for a, b, c, d, m in sets), "};"]
    for name, kind, items in (("kParameters", "SchemaParameter", params), ("kAttributes", "SchemaAttribute", attrs)):
        lines.append(f"constexpr {kind} {name}[] = {{")
        line = " "
        for item in items:
            text = row_text(item)
            if len(line) + len(text) > 98:
                lines.append(line)
                line = " "
            line += " " + text
        lines += [line, "};"]
    lines += ["constexpr SchemaRow kRows[] = {", *("  " + row_text(row) for row in rows), "};", "// clang-format on"]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    text = render()
    if args.check:
        return 0 if TARGET.read_text() == text else f"{TARGET} differs; run tools/gen_schemas.py"
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
