# SPDX-License-Identifier: Apache-2.0
"""Corruptions that know nothing of what a field means: any field of any message of a model."""

from google.protobuf.descriptor import FieldDescriptor as Field

INTEGERS = [-1, 0, 1, 2, 3, 4, 7, 11, 17, 100, -(2**31), 2**31 - 1, 2**40, 2**63 - 1]
# Numbers say little and are many.
DULL = {"raw_data", "float_data", "int32_data", "double_data", "doc_string"}


def is_repeated(field) -> bool:
    return field.is_repeated


def messages(message, found=None):
    """The message and all below it, at most 400 of each list."""
    found = [] if found is None else found
    found.append(message)
    for field, value in message.ListFields():
        if field.type == Field.TYPE_MESSAGE:
            for m in list(value)[:400] if is_repeated(field) else [value]:
                messages(m, found)
    return found


def strings(message):
    """Names that stand in the model."""
    found = set()
    for m in messages(message):
        for field, value in m.ListFields():
            if field.type == Field.TYPE_STRING:
                found.update(value if is_repeated(field) else [value])
    return sorted(found)


def scalar(rng, field, names, old):
    if field.type == Field.TYPE_STRING:
        return rng.choice(["", "unknown", *names])
    if field.type == Field.TYPE_BYTES:
        return rng.choice([b"", b"x", old + b"\0", old[:-1]])
    if field.type in (Field.TYPE_FLOAT, Field.TYPE_DOUBLE):
        return rng.choice([0.0, -1.0, 1.5, float("nan"), 1e30])
    if field.type == Field.TYPE_ENUM:
        return rng.choice(field.enum_type.values).number
    most = 2**63 - 1 if field.type in (Field.TYPE_INT64, Field.TYPE_UINT64) else 2**31 - 1
    least = 0 if field.type == Field.TYPE_UINT64 else -most - 1
    return max(least, min(most, rng.choice([*INTEGERS, int(old) + 1, int(old) - 1])))


def change_list(rng, message, field, names):
    values = getattr(message, field.name)
    i = rng.randrange(len(values))
    ways = ["remove", "repeat", "swap", "clear"] + ([] if field.type == Field.TYPE_MESSAGE else ["set", "set", "add"])
    way = rng.choice(ways)
    items = list(values)
    if way == "remove":
        del items[i]
    elif way == "repeat":
        items.insert(i, items[i])
    elif way == "swap":
        j = rng.randrange(len(items))
        items[i], items[j] = items[j], items[i]
    elif way == "clear":
        items = []
    elif way == "set":
        items[i] = scalar(rng, field, names, items[i])
    else:
        items.append(scalar(rng, field, names, items[i]))
    if field.type == Field.TYPE_MESSAGE:
        items = [type(m).FromString(m.SerializeToString()) for m in items]
    message.ClearField(field.name)
    getattr(message, field.name).extend(items)
    return way


def change(rng, model) -> str:
    """Changes one field; what was done, in words."""
    names = strings(model)
    while True:
        message = rng.choice(messages(model))
        fields = [f for f, _ in message.ListFields()]
        if rng.random() < 0.2:
            fields = [f for f in message.DESCRIPTOR.fields if f not in fields and f.type != Field.TYPE_MESSAGE]
        fields = [f for f in fields if f.name not in DULL or rng.random() < 0.2]
        if not fields:
            continue
        field = rng.choice(fields)
        where = f"{message.DESCRIPTOR.name}.{field.name}"
        if is_repeated(field):
            if len(getattr(message, field.name)) > 0:
                return f"{where} {change_list(rng, message, field, names)}"
            value = scalar(rng, field, names, b"" if field.type == Field.TYPE_BYTES else 0)
            getattr(message, field.name).append(value)
            return f"{where} add"
        if field.type == Field.TYPE_MESSAGE or (message.HasField(field.name) and rng.random() < 0.25):
            message.ClearField(field.name)
            return f"{where} clear"
        value = scalar(rng, field, names, getattr(message, field.name))
        setattr(message, field.name, value)
        return f"{where} = {value!r:.40}"

