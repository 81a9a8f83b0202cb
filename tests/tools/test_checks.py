# SPDX-License-Identifier: Apache-2.0
"""The project's own checks find what they are for, and the front door says what it can do."""

import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import check_includes  # noqa: E402
import check_links  # noqa: E402
import check_words  # noqa: E402
import count_tests  # noqa: E402
import sizes  # noqa: E402
import snippets  # noqa: E402
import tree  # noqa: E402


@pytest.mark.parametrize("path, include, allowed", [
    ("src/ir/graph.h", "tensor/type.h", True),
    ("src/ir/graph.h", "ir/patch.h", True),
    ("src/ir/graph.h", "ferry/status.h", True),
    ("src/ir/graph.h", "plan/planner.h", False),
    ("src/base/status.h", "tensor/dim.h", False),
    ("src/ops/nn/softmax.cc", "kernels/vec.h", False),
    ("src/ops/nn/softmax_cpu.cc", "kernels/vec.h", True),
    ("src/ops/nn/softmax_cpu.cc", "plan/step_kernel.h", True),
    ("src/ops/nn/softmax_cpu.cc", "runtime/engine.h", False),
    ("cli/run.cc", "ferry/model.h", True),
    ("cli/run.cc", "ir/graph.h", False),
    ("include/ferry/model.h", "base/status.h", False),
])
def test_layers(path, include, allowed):
    found = list(check_includes.violations(pathlib.PurePath(path), [include]))
    assert (not found) == allowed, found


@pytest.mark.parametrize("line, allowed", [
    ("see " + "/" + "home/somebody/notes", False),
    ('open("' + "/" + 'work/model.onnx")', False),
    ("pip's index " + "pypi" + ".org", False),
    ("build/work/model.onnx", True),
    ("the homework of the planner", True),
])
def test_words(line, allowed):
    found = list(check_words.matches("file", line, check_words.patterns()))
    assert (not found) == allowed, found


def test_links(tmp_path, monkeypatch):
    monkeypatch.setattr(tree, "ROOT", tmp_path)
    (tmp_path / "other.md").write_text("# A heading, here\n")
    (tmp_path / "page.md").write_text(
        "[good](other.md) [good](other.md#a-heading-here) [web](https://example.org/x)\n"
        "`[code](missing.md)`\n[bad](missing.md) [bad](other.md#nowhere)\n")
    broken = list(check_links.broken_links(pathlib.Path("page.md")))
    assert broken == ["page.md: missing.md: no such file", "page.md: other.md#nowhere: no such heading"]


def test_snippets_are_found_with_their_reasons(tmp_path, monkeypatch):
    monkeypatch.setattr(tree, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text(
        "```sh\ntrue\n```\n<!-- snippet: skip needs a camera -->\n```python\nx\n```\n\n```cpp\nint a;\n```\n")
    found = [(s.language, s.line, s.code, s.skip_reason) for s in snippets.snippets_of(pathlib.Path("page.md"))]
    assert found == [("sh", 1, "true\n", None), ("python", 5, "x\n", "needs a camera"), ("cpp", 9, "int a;\n", None)]


def test_snippets_open_fence_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(tree, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text("```sh\ntrue\n")
    with pytest.raises(SystemExit, match="never closed"):
        list(snippets.snippets_of(pathlib.Path("page.md")))


def test_snippets_run_and_fail(tmp_path):
    runner = snippets.Runner(tmp_path, tmp_path)
    assert runner.sh("echo one > file\n") == (True, "")
    assert runner.sh("cat file\n") == (True, "one\n")
    assert not runner.sh("false\ntrue\n")[0]
    assert runner.python("print(open('file').read())\n")[0]
    assert not runner.python("assert False\n")[0]


def test_counts_of_junit_files(tmp_path):
    file = tmp_path / "results.xml"
    file.write_text('<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure/></testcase>'
                    '<testcase name="c"><error/></testcase><testcase name="d"><skipped/></testcase>'
                    '<testcase name="e" status="notrun"/></testsuite></testsuites>')
    assert count_tests.count_cases(file) == (1, 2, 2)


def test_sizes_fail_on_a_long_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tree, "ROOT", tmp_path)
    monkeypatch.setattr(tree, "files", lambda: [pathlib.Path("src/base/a.cc")])
    (tmp_path / "tools").mkdir()
    (tmp_path / "src/base").mkdir(parents=True)
    listing = tmp_path / "tools/size_exceptions.txt"

    def verdict(lines, exceptions):
        (tmp_path / "src/base/a.cc").write_text("\n" * lines)
        listing.write_text(exceptions)
        return sizes.main()

    assert verdict(800, "") == 0
    assert verdict(801, "") == 1
    assert verdict(1200, "src/base/a.cc  one kernel\n") == 0
    assert verdict(1201, "src/base/a.cc  one kernel\n") == 1
    assert verdict(900, "src/base/a.cc\n") == 1
    assert verdict(100, "src/base/a.cc  one kernel\n") == 1


def test_help_names_every_verb():
    text = subprocess.run(["sh", ROOT / "dev"], capture_output=True, text=True, check=True).stdout
    verbs = set(re.findall(r"^  ([a-z-]+)  ", text, re.MULTILINE))
    assert {"demo", "test", "bench", "conformance", "lint", "format", "docs", "help"} <= verbs


def test_unknown_verb_fails():
    done = subprocess.run(["sh", ROOT / "dev", "fly"], capture_output=True, text=True)
    assert done.returncode == 1 and "unknown verb 'fly'" in done.stderr
