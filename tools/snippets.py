# SPDX-License-Identifier: Apache-2.0
"""Runs the code in README.md, README.zh.md and docs/*.md.

    snippets.py --prefix DIR [--counts FILE] [FILE.md ...]

DIR is an installed Ferry. The blocks of one document run in order, in a scratch copy of the project, so
that a later block finds the files an earlier one wrote. By the word after the fence:

    sh       run by `sh -eu`            python   run as a script
    cpp      with a main(): compiled against the installed package (pkg-config) and run; else compiled only
    cmake    configured as the CMakeLists.txt of a project whose main.cpp is the document's last cpp block

Other blocks are text. `<!-- snippet: skip <reason> -->` above a block skips it.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import tree

SKIP = re.compile(r"<!--\s*snippet:\s*skip\s+(.+?)\s*-->")
TIMEOUT_S = 600


@dataclasses.dataclass
class Snippet:
    file: pathlib.Path
    line: int
    language: str
    code: str
    skip_reason: str | None


def snippets_of(path):
    reason = None
    open_at = None
    for number, line in enumerate((tree.ROOT / path).read_text(encoding="utf-8").splitlines(), 1):
        if open_at is None and line.startswith("```"):
            open_at, language, body = number, line[3:].strip(), []
        elif open_at is not None and line.startswith("```"):
            yield Snippet(path, open_at, language, "\n".join(body) + "\n", reason)
            open_at = reason = None
        elif open_at is not None:
            body.append(line)
        elif line.strip():
            mark = SKIP.search(line)
            reason = mark.group(1) if mark else None
    if open_at is not None:
        raise SystemExit(f"{path}:{open_at}: the fence is never closed")


class Runner:
    """Runs the snippets of one document in `scratch`."""

    def __init__(self, scratch, prefix):
        self.scratch = scratch
        self.prefix = prefix
        self.last_cpp = None
        pkgconfig = next(iter(prefix.glob("lib*/**/pkgconfig")), prefix / "lib" / "pkgconfig")
        self.env = dict(
            os.environ,
            PATH=os.pathsep.join([str(prefix / "bin"), str(pathlib.Path(sys.executable).parent), os.environ["PATH"]]),
            PKG_CONFIG_PATH=str(pkgconfig),
            LD_LIBRARY_PATH=str(pkgconfig.parent),
            CMAKE_PREFIX_PATH=str(prefix))

    def call(self, command):
        done = subprocess.run(command, cwd=self.scratch, env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S)
        return done.returncode == 0, done.stdout

    def write(self, name, code):
        file = self.scratch / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(code)
        return str(file)

    def sh(self, code):
        return self.call(["sh", "-eu", self.write("snippet.sh", code)])

    def python(self, code):
        return self.call([sys.executable, self.write("snippet.py", code)])

    def cpp(self, code):
        self.last_cpp = code
        source = self.write("snippet.cpp", code)
        compile_it = f"${{CXX:-c++}} -std=c++20 {source} $(pkg-config --cflags ferry)"
        if not re.search(r"\bmain\s*\(", code):
            return self.call(["sh", "-eu", "-c", f"{compile_it} -fsyntax-only"])
        return self.call(["sh", "-eu", "-c", f"{compile_it} $(pkg-config --libs ferry) -o snippet.out && ./snippet.out"])

    def cmake(self, code):
        self.write("snippet_project/CMakeLists.txt", code)
        self.write("snippet_project/main.cpp", self.last_cpp or "int main() {}\n")
        build = "snippet_project/build"
        return self.call(["sh", "-eu", "-c", f"cmake -S snippet_project -B {build} && cmake --build {build}"])

    def run(self, snippet):
        try:
            return getattr(self, snippet.language)(snippet.code)
        except subprocess.TimeoutExpired:
            return False, f"still running after {TIMEOUT_S} s"


def copy_project(target):
    for path in tree.files():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(tree.ROOT / path, target / path)


def documents():
    named = [path for path in map(pathlib.Path, ("README.md", "README.zh.md")) if (tree.ROOT / path).exists()]
    return named + [path for path in tree.files() if path.match("docs/*.md") and len(path.parts) == 2]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("documents", nargs="*", type=pathlib.Path)
    parser.add_argument("--prefix", type=pathlib.Path, required=True, help="where Ferry is installed")
    parser.add_argument("--counts", help="write 'passed failed skipped' to this file")
    args = parser.parse_args()

    passed = failed = skipped = 0
    for document in args.documents or documents():
        with tempfile.TemporaryDirectory(prefix="ferry-snippets-") as folder:
            scratch = pathlib.Path(folder)
            runner = None
            for snippet in snippets_of(document):
                if snippet.language not in {"sh", "python", "cpp", "cmake"}:
                    continue
                name = f"{snippet.file}:{snippet.line} ({snippet.language})"
                if snippet.skip_reason:
                    skipped += 1
                    print(f"[skipped] {name}: {snippet.skip_reason}", flush=True)
                    continue
                if runner is None:
                    copy_project(scratch)
                    runner = Runner(scratch, args.prefix.resolve())
                ok, output = runner.run(snippet)
                passed += ok
                failed += not ok
                print(f"[{'ok' if ok else 'FAILED'}] {name}", flush=True)
                if not ok:
                    print(snippet.code + "--- output\n" + output, flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    if args.counts:
        pathlib.Path(args.counts).write_text(f"{passed} {failed} {skipped}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
