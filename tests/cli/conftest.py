# SPDX-License-Identifier: Apache-2.0
"""The command under test: the newest build/*/cli/ferry, or the one that FERRY names."""

import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def find_ferry():
    if named := os.environ.get("FERRY"):
        return pathlib.Path(named)
    built = ROOT.glob("build/*/cli/ferry")
    return max(built, key=lambda path: path.stat().st_mtime, default=None)


FERRY = find_ferry()


class Done:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self):
        assert self.code == 0, self.err
        return json.loads(self.out)


@pytest.fixture
def ferry():
    """ferry("run", path, ...) -> Done"""
    if FERRY is None:
        pytest.skip("the ferry command is not built")

    def call(*words, env=None):
        return Done(subprocess.run([FERRY, *map(str, words)], capture_output=True, text=True,
                                   timeout=120, env={**os.environ, **(env or {})}, check=False))

    return call


@pytest.fixture
def fails(ferry):
    """Runs what must fail with code 1 and one line on stderr that holds all `words`."""

    def call(*command, words=()):
        done = ferry(*command)
        assert done.code == 1, done.out + done.err
        assert done.out == ""
        assert done.err.startswith(f"ferry {command[0]}: "), done.err
        for word in words:
            assert word in done.err, done.err
        return done.err

    return call
