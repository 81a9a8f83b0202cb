# SPDX-License-Identifier: Apache-2.0
"""Names in a model are anybody's: what Ferry prints of them cannot command a terminal."""

import os
import subprocess

import numpy as np
import pytest
from onnx import helper

import ferry

from .case import F32, info, model

FERRY = os.environ.get("FERRY", "build/release/cli/ferry")
PLACE = b"PLACEHLD"
NAMES = {
    "escape": b"\x1b[31mRED",
    "title": b"\x1b]0;own\x07",
    "newline": b"a\r\nOK: b",
    "zero": b"a\x00b\x00c\x00de",
    "latin-1 control": b"ab\xc2\x9b31mc",
    "right to left": b"ab\xe2\x80\xaecde",
    "no utf-8": b"\xff\xfe\xc0\xaf\xed\xa0\x80a",
}


def named(name, op="Neg"):
    place = PLACE.decode()
    made = model([helper.make_node(op, ["x" + place], ["y" + place], "n" + place)], [info("x" + place, F32, ["N", 3])], ["y" + place],
                 opset=23)
    return made.replace(PLACE, NAMES[name])


def is_clean(text):
    """Nothing but lines of printable characters."""
    return all(c == "\n" or c.isprintable() for c in text)


@pytest.mark.parametrize("name", NAMES)
def test_messages(name):
    assert len(NAMES[name]) == len(PLACE)
    given = {"no such input": np.zeros((2, 3), np.float32)}
    for op, call in (("NoSuchOp", ferry.Model), ("Neg", lambda m: ferry.Session(m).run(given))):
        with pytest.raises((ferry.Error, KeyError, ValueError)) as error:
            call(named(name, op))
        assert is_clean(str(error.value)), repr(str(error.value))


@pytest.mark.parametrize("name", NAMES)
def test_command_line(name, tmp_path):
    path = tmp_path / "model.onnx"
    for op in ("NoSuchOp", "Neg"):
        path.write_bytes(named(name, op))
        for words in (["info"], ["info", "--values", "--kernels", "--passes"], ["check"], ["run", "--dim", "N=2"]):
            done = subprocess.run([FERRY, words[0], str(path), *words[1:]], capture_output=True)
            assert done.returncode in (0, 1), (words, done)
            assert is_clean(done.stdout.decode() + done.stderr.decode()), (words, done)
