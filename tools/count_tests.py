# SPDX-License-Identifier: Apache-2.0
"""Prints "passed failed skipped" of one test run.

    count_tests.py <pytest's junit file>
    count_tests.py <build folder> <results folder>    # ctest.xml and gtest/*.xml of ctest

A GoogleTest binary counts as its cases, and as one more failure if it fails although they pass
(a leak at exit, say); any other program under ctest counts as one.
"""

import json
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as xml


def count_cases(file):
    """Of a junit file, as pytest and GoogleTest write it."""
    passed = failed = skipped = 0
    for case in xml.parse(file).iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failed += 1
        elif "skipped" in kinds or case.get("status") == "notrun":
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def programs(build):
    """The name of each test's binary, by ctest's name of the test."""
    listing = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"],
                             check=True, capture_output=True, text=True).stdout
    tests = json.loads(listing)["tests"]
    return {test["name"]: pathlib.Path(test["command"][0]).name for test in tests if "command" in test}


def count_ctest(build, results):
    program_of = programs(build)
    total = [0, 0, 0]
    counted = set()
    for case in xml.parse(results / "ctest.xml").iter("testcase"):
        failed = case.get("status") == "fail"
        ran = case.get("status") == "run"
        file = results / "gtest" / (program_of.get(case.get("name"), "?") + ".xml")
        counts = (int(ran), int(failed), int(not ran and not failed))
        if file.exists() and file not in counted:
            counted.add(file)
            counts = count_cases(file)
            if failed and counts[1] == 0:
                counts = (counts[0], 1, counts[2])
        total = [a + b for a, b in zip(total, counts)]
    return total


def main():
    if len(sys.argv) == 2:
        counts = count_cases(sys.argv[1])
    else:
        counts = count_ctest(sys.argv[1], pathlib.Path(sys.argv[2]))
    print(*counts)


if __name__ == "__main__":
    main()
