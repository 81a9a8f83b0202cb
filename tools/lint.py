# SPDX-License-Identifier: Apache-2.0
"""Checks what changed: format, clang-tidy, shell scripts; and of the whole tree: layers, sizes, words, links.

    lint.py [--all] [--counts FILE]     check
    lint.py --fix [--all]               rewrite C++ in the project's format
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import tree

TIDY_BUILD = tree.ROOT / "build" / "tidy"
# clang-tidy takes 5 to 40 s a file; a change of the whole tree must not take hours.
TIDY_SECONDS = int(os.environ.get("FERRY_TIDY_SECONDS", "300"))
CPP = {".cc", ".h", ".c", ".cpp"}


def call(command, timeout=None):
    """(whether it succeeded, its output)"""
    done = subprocess.run(command, cwd=tree.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=timeout)
    return done.returncode == 0, done.stdout


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, name, ok, output=""):
        self.passed += ok
        self.failed += not ok
        print(f"[{'ok' if ok else 'FAILED'}] {name}", flush=True)
        if not ok:
            print(output, flush=True)

    def skip(self, name, reason):
        self.skipped += 1
        print(f"[skipped] {name}: {reason}", flush=True)


def check_format(report, paths):
    if not shutil.which("clang-format"):
        return report.skip("format", "no clang-format")
    ok, output = call(["clang-format", "--dry-run", "-Werror", *paths]) if paths else (True, "")
    report.check(f"format of {len(paths)} files", ok, output + "Run ./dev format.")


def tidy_sources(paths):
    """What clang-tidy can read of `paths`: sources that the build compiles; for a header, its source."""
    database = TIDY_BUILD / "compile_commands.json"
    if not database.exists():
        return []
    compiled = {pathlib.Path(entry["file"]) for entry in json.loads(database.read_text())}
    wanted = [tree.ROOT / path for path in paths]
    sources = {path.with_suffix(".cc") if path.suffix == ".h" else path for path in wanted}
    return sorted(compiled & sources)


def check_tidy(report, paths):
    if not shutil.which("clang-tidy"):
        return report.skip("clang-tidy", "not installed")
    deadline = time.monotonic() + TIDY_SECONDS

    def tidy(source):
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        try:
            return call(["clang-tidy", "--quiet", "-p", TIDY_BUILD, source], timeout=left)
        except subprocess.TimeoutExpired:
            return None

    sources = tidy_sources(paths)
    late = []
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("FERRY_JOBS", os.cpu_count()))) as pool:
        for source, result in zip(sources, pool.map(tidy, sources)):
            name = source.relative_to(tree.ROOT)
            if result is None:
                late.append(str(name))
            else:
                report.check(f"clang-tidy {name}", *result)
    if late:
        report.skip("clang-tidy", f"after {TIDY_SECONDS} s (FERRY_TIDY_SECONDS) not looked at: " + " ".join(late))
    if not sources:
        report.check("clang-tidy: nothing changed", True)


def check_scripts(report, paths):
    scripts = [path for path in paths if path.suffix == ".sh" or str(path) in ("dev", ".ci/run")]
    if not scripts:
        return
    if not shutil.which("shellcheck"):
        return report.skip("shellcheck", "not installed")
    report.check("shellcheck", *call(["shellcheck", *scripts]))


def fix(paths):
    if paths:
        subprocess.run(["clang-format", "-i", *paths], cwd=tree.ROOT, check=True)
    print(f"formatted {len(paths)} files")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="every file, not only what changed")
    parser.add_argument("--fix", action="store_true", help="rewrite in the project's format")
    parser.add_argument("--counts", help="write 'passed failed skipped' to this file")
    args = parser.parse_args()

    since = None if args.all else tree.base()
    paths = tree.changed(since) if since else tree.files()
    print("Looking at " + (f"what changed since {since[:12]}" if since else "every file"))
    cpp = [path for path in paths if path.suffix in CPP]
    if args.fix:
        return fix(cpp)

    report = Report()
    check_format(report, cpp)
    check_scripts(report, paths)
    for name in ("check_includes", "check_words", "check_links", "sizes"):
        report.check(name, *call([sys.executable, f"tools/{name}.py"]))
    if since or args.all:
        check_tidy(report, cpp)
    else:
        report.skip("clang-tidy", "no earlier commit to compare with; --all checks every file")
    print(f"{report.passed} passed, {report.failed} failed, {report.skipped} skipped")
    if args.counts:
        pathlib.Path(args.counts).write_text(f"{report.passed} {report.failed} {report.skipped}\n")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
