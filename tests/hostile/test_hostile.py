# SPDX-License-Identifier: Apache-2.0
"""Hostile models end in a typed error, or in a result where that is right: soon, in little memory, never in a signal."""

import json
import subprocess
import sys

import pytest

from tests.hostile.make_corpus import all_cases

CASES = all_cases()
MEMORY_LIMIT = 192 << 20
MAX_GROWTH = 256 << 20
MAX_SECONDS = 1.0  # of CPU, so that a busy machine does not count


@pytest.fixture(scope="module")
def probe():
    with subprocess.Popen([sys.executable, "-m", "tests.hostile.probe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        def ask(job):
            print(json.dumps(job), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


@pytest.mark.parametrize("name", CASES)
def test_case(probe, name, tmp_path):
    case = CASES[name]
    case.write(tmp_path)
    answer = probe({"folder": str(tmp_path / name / "in"), "timeout": case.timeout, "memory_limit": MEMORY_LIMIT,
                    "from_bytes": case.from_bytes})
    for mode, code, message in answer["ended"]:
        assert code in case.expect, (mode, code, message)
        if code != "Ok":
            assert message, mode
            for word in case.words:
                assert word.lower() in message.lower(), (mode, code, message)
    assert answer["seconds"] <= MAX_SECONDS, answer
    assert answer["growth"] <= MAX_GROWTH, answer


def test_the_corpus_is_deterministic():
    again = all_cases()
    assert [case.model for case in CASES.values()] == [case.model for case in again.values()]
    assert len(CASES) >= 60
