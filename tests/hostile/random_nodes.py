# SPDX-License-Identifier: Apache-2.0
"""Random nodes of every operator: attributes, types, dims and contents that fit often and not always.

    python -m tests.hostile.random_nodes COUNT [SEED]     says what is wrong with which seed

Each is run optimised and as written, on fast and on reference kernels. Fast and reference must end alike: a result or none,
of the same type and dims; and nothing is a defect of Ferry. (Not where nothing is computed: who knows the result, or that it
is the input, need not look at a wrong shape or count.)
"""

import json
import os
import random
import sys
import traceback

import numpy as np
from onnx import defs, helper, numpy_helper

import ferry
from tests.hostile.case import element_of, info, model

MODES = [{"optimize": optimize, "reference_kernels": reference} for optimize in (True, False) for reference in (False, True)]
NUMPY = {"float": np.float32, "double": np.float64, "float16": np.float16, "int8": np.int8, "int16": np.int16,
         "int32": np.int32, "int64": np.int64, "uint8": np.uint8, "uint16": np.uint16, "uint32": np.uint32,
         "uint64": np.uint64, "bool": np.bool_, "string": object}
SPECIAL = (0, 1, -1, 2, 3, 4, -2, 8, 16, 2**31 - 1, 2**63 - 1, -2**63, -2**31)
SKIPPED = {"Constant"}  # folded away: its value is the attribute


def schemas():
    newest = {}
    for schema in defs.get_all_schemas():
        if schema.domain in ("", "ai.onnx.ml") and not schema.deprecated and schema.name not in SKIPPED:
            graph = any(a.type == defs.OpSchema.AttrType.GRAPH for a in schema.attributes.values())
            if not graph:
                newest[schema.domain, schema.name] = schema
    return [newest[key] for key in sorted(newest)]


class Maker:
    def __init__(self, seed, all_schemas):
        self.random = random.Random(seed)
        self.schema = self.random.choice(all_schemas)
        self.types = {}
        self.dims = self.new_dims()

    def new_dims(self):
        rank = self.random.choices(range(7), (2, 6, 8, 8, 8, 2, 1))[0]
        return [self.random.choices((0, 1, 2, 3, 4, 5, 7), (1, 4, 6, 6, 4, 2, 1))[0] for _ in range(rank)]

    def integer(self):
        return self.random.choice(SPECIAL) if self.random.random() < 0.15 else self.random.randint(-2, 5)

    def number(self):
        return self.random.choice((0.0, 1.0, -1.0, 0.5, 1e30, float("nan"), float("inf"), 1e-30)) \
            if self.random.random() < 0.3 else self.random.uniform(-2, 3)

    def attribute(self, attribute):
        kinds = defs.OpSchema.AttrType
        count = self.random.choice((0, 1, 2, 2, 3, 4, 5))
        text = self.random.choice(("", "SAME_UPPER", "VALID", "linear", "cubic", "mean", "none", "forward", "reverse",
                                   "bidirectional", "NONE", "SUM", "a", "ij,jk->ik", "reflect", "edge", "wrap", "é"))
        if attribute.type == kinds.INT:
            return self.integer()
        if attribute.type == kinds.INTS:
            return [self.integer() for _ in range(count or 1)]
        if attribute.type == kinds.FLOAT:
            return self.number()
        if attribute.type == kinds.FLOATS:
            return [self.number() for _ in range(count or 1)]
        if attribute.type == kinds.STRING:
            default = attribute.default_value.s.decode() if attribute.default_value.s else text
            return default if self.random.random() < 0.5 else text
        if attribute.type == kinds.STRINGS:
            return [text] * (count or 1)
        if attribute.type == kinds.TENSOR:
            return numpy_helper.from_array(self.array("int64" if self.random.random() < 0.3 else "float", [count]))
        return None

    def array(self, kind, dims):
        dtype = NUMPY[kind]
        size = int(np.prod(dims, dtype=np.int64))
        if dtype is object:
            return np.array([self.random.choice(("", "a", "bc", "1.5", "é", "x" * 40)) for _ in range(size)],
                            object).reshape(dims)
        if dtype is np.bool_:
            return np.array([self.random.random() < 0.5 for _ in range(size)], dtype).reshape(dims)
        if np.issubdtype(dtype, np.integer):
            low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
            return np.array([min(max(self.integer(), low), high) for _ in range(size)], dtype).reshape(dims)
        with np.errstate(over="ignore"):
            return np.array([self.number() for _ in range(size)], dtype).reshape(dims)

    def kind_of(self, formal):
        allowed = sorted(t[7:-1] for t in formal.types if t.startswith("tensor(") and t[7:-1] in NUMPY)
        if not allowed:
            return None
        if self.random.random() < 0.02:
            return self.random.choice(sorted(NUMPY))
        if formal.type_str not in self.types:
            common = [k for k in ("float", "int64", "float") if k in allowed]
            self.types[formal.type_str] = self.random.choice(common if common and self.random.random() < 0.7 else allowed)
        return self.types[formal.type_str]

    def make(self):
        """(model, inputs), or None when no tensors fit."""
        schema, chance = self.schema, self.random.random
        fields = {}
        for name, attribute in sorted(schema.attributes.items()):
            if attribute.required or chance() < 0.35:
                value = self.attribute(attribute)
                if value is not None:
                    fields[name] = value
        formals = list(schema.inputs)
        variadic = formals and formals[-1].option == defs.OpSchema.FormalParameterOption.Variadic
        if variadic:
            formals += [formals[-1]] * self.random.randint(0, 2)
        count = len(formals) if variadic else self.random.randint(schema.min_input, len(formals))
        names, constants, given, infos = [], [], {}, []
        for i, formal in enumerate(formals[:count]):
            optional = formal.option == defs.OpSchema.FormalParameterOption.Optional
            kind = self.kind_of(formal)
            if (optional and chance() < 0.2) or kind is None:
                if not optional:
                    return None
                names.append("")
                continue
            if i > 0 and chance() < 0.35:
                dims = self.random.choice(([], [1], [2], self.dims[-1:], self.dims[1:2], self.new_dims()))
            else:
                dims = list(self.dims)
                if chance() < 0.1:
                    dims = self.new_dims()
            value = self.array(kind, dims)
            names.append(f"x{i}")
            if chance() < 0.35:
                constants.append((names[-1], value))
                continue
            how = chance()
            shape = list(dims) if how < 0.4 else [None] * len(dims) if how < 0.7 else \
                [d if chance() < 0.5 else f"d{i}_{a}" for a, d in enumerate(dims)]
            infos.append(info(names[-1], element_of(value), shape if how < 0.95 else None))
            given[names[-1]] = value
        outputs = [f"y{i}" for i in range(self.random.randint(max(schema.min_output, 1), max(len(schema.outputs), 1)))]
        node = helper.make_node(schema.name, names, outputs, "node", domain=schema.domain, **fields)
        opsets = {"": 26} | ({schema.domain: 5} if schema.domain else {})
        opsets[schema.domain] = defs.onnx_opset_version() if not schema.domain else schema.since_version
        return model([node], infos, outputs, constants, opsets=opsets), given


def attempt(made, given, options):
    try:
        model_ = ferry.Model(made, memory_limit=64 << 20)
        session = ferry.Session(model_, threads=1, memory_limit=64 << 20, **options)
        result = session.run(given, timeout=2)
        if all(step.kernel == "view" for step in session.report().steps):
            return "Nothing", {}
        return "Ok", {k: (v.dtype.str, v.shape) if isinstance(v, np.ndarray) else type(v).__name__ for k, v in result.items()}
    except ferry.Error as error:
        return type(error).__name__, str(error)
    except Exception:  # noqa: BLE001  (whatever it is, it is a finding)
        return "Traceback", traceback.format_exc()


def finding(seed, all_schemas):
    """What is wrong with the node of this seed, or None."""
    maker = Maker(seed, all_schemas)
    made = maker.make()
    if made is None:
        return None
    ends = [attempt(*made, options) for options in MODES]
    codes = {end[0] for end in ends}
    if codes & {"Internal", "Traceback", "DeadlineExceeded"}:
        return maker.schema.name, ends
    for fast, reference in (ends[:2], ends[2:]):
        if "Nothing" in (fast[0], reference[0]):
            continue
        if (fast[0] == "Ok") != (reference[0] == "Ok") or (fast[0] == "Ok" and fast != reference):
            return maker.schema.name, ends
    return None


def search(seeds, report, finding=finding):
    """Runs finding(seed, schemas) for the seeds in child processes; report(seed, what)."""
    all_schemas = schemas()
    seeds = list(seeds)
    while seeds:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            with open(write, "w") as answer:
                for seed in seeds:
                    print(json.dumps([seed, "begins"]), file=answer, flush=True)
                    if found := finding(seed, all_schemas):
                        print(json.dumps([seed, found], default=str), file=answer, flush=True)
            os._exit(0)
        os.close(write)
        last = None
        with open(read) as answer:
            for line in answer:
                seed, what = json.loads(line)
                if what == "begins":
                    last = seed
                else:
                    report(seed, what)
        status = os.waitpid(child, 0)[1]
        if not os.WIFSIGNALED(status):
            return
        report(last, f"signal {os.WTERMSIG(status)}")
        seeds = seeds[seeds.index(last) + 1:]


def main(count, first=0):
    found = []
    search(range(int(first), int(first) + int(count)), lambda seed, what: (found.append(seed), print(seed, what, flush=True)))
    print(f"{count} nodes, {len(found)} findings")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
