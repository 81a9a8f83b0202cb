# SPDX-License-Identifier: Apache-2.0
"""Prints lines per folder and fails on files that are too long.

A file has at most 800 lines; one listed in tools/size_exceptions.txt (`path  reason`) at most 1200.
"""

import collections
import sys

import tree

HARD_STOP = 800
EXCEPTION_STOP = 1200
LOOK_TWICE = 500
CODE = {".cc", ".h", ".c", ".cpp", ".def", ".py", ".pyi", ".sh", ".cmake", ".inc"}
NAMED = {"dev", "CMakeLists.txt"}


def exceptions():
    """{path: reason}"""
    listed = {}
    for line in (tree.ROOT / "tools" / "size_exceptions.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            path, _, reason = line.partition(" ")
            listed[path] = reason.strip()
    return listed


def count_lines():
    """{path: lines} of every code file"""
    paths = [path for path in tree.files() if path.suffix in CODE or path.name in NAMED]
    return {str(path): (tree.ROOT / path).read_bytes().count(b"\n") for path in paths}


def folder_of(path):
    parts = path.split("/")[:-1]
    return "/".join(parts[:2]) or "."


def print_table(lines):
    folders = collections.defaultdict(list)
    for path, count in lines.items():
        folders[folder_of(path)].append((count, path))
    print(f"{'folder':<24}{'files':>6}{'lines':>8}{'median':>8}{'longest':>8}")
    for folder, entries in sorted(folders.items()):
        entries.sort()
        longest, path = entries[-1]
        print(f"{folder:<24}{len(entries):>6}{sum(count for count, _ in entries):>8}"
              f"{entries[len(entries) // 2][0]:>8}{longest:>8}  {path.split('/')[-1]}")
    ordered = sorted(lines.values())
    print(f"{'all':<24}{len(ordered):>6}{sum(ordered):>8}{ordered[len(ordered) // 2]:>8}{ordered[-1]:>8}"
          f"  90 % have at most {ordered[len(ordered) * 9 // 10]}")


def main():
    lines = count_lines()
    listed = exceptions()
    print_table(lines)
    wrong = [f"tools/size_exceptions.txt: {path}: {why}" for path, why in
             [(path, "no such file") for path in listed if path not in lines] +
             [(path, "no reason given") for path, reason in listed.items() if not reason] +
             [(path, "no longer needed") for path in listed if lines.get(path, HARD_STOP + 1) <= HARD_STOP]]
    for path, count in lines.items():
        limit = EXCEPTION_STOP if path in listed else HARD_STOP
        if count > limit:
            wrong.append(f"{path}: {count} lines, at most {limit}: split it by concept")
        elif count > LOOK_TWICE:
            print(f"look twice: {path}: {count} lines")
    print("\n".join(wrong) or "no file is too long")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
