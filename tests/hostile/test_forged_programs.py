# SPDX-License-Identifier: Apache-2.0
"""Forged programs of the cache, with the digests they need: refused or run, never the end of the process."""

from . import forged_programs


def test_forged_programs_of_a_few_models():
    findings, states = forged_programs.search(forged_programs.suite_cases()[::80], 1, 11)
    assert findings == []
    assert sum(states.values()) > 20
    assert len(states) > 1, "every forgery was taken, or none"
