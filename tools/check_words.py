# SPDX-License-Identifier: Apache-2.0
"""Checks that no file speaks of the machine it was written on: tools/words.txt lists what may not appear.

    check_words.py            every text file of the project
    check_words.py --commits  and the messages of the commits of this branch
"""

import re
import sys

import tree

LIST = tree.ROOT / "tools" / "words.txt"


def patterns():
    lines = LIST.read_text(encoding="utf-8").splitlines()
    return [re.compile(line) for line in lines if line and not line.startswith("#")]


def matches(name, text, rules):
    for number, line in enumerate(text.splitlines(), 1):
        for rule in rules:
            hit = rule.search(line)
            if hit:
                yield f"{name}:{number}: '{hit.group().strip()}' (rule {rule.pattern})"


def main():
    rules = patterns()
    found = []
    for path in tree.files():
        data = (tree.ROOT / path).read_bytes()
        if b"\0" in data[:4096] or tree.ROOT / path == LIST:
            continue
        found += matches(path, data.decode("utf-8", "replace"), rules)
    if "--commits" in sys.argv:
        for commit in tree.git("log", "--format=%h") or []:
            message = "\n".join(tree.git("log", "-1", "--format=%B", commit))
            found += matches(commit, message, rules)
    print("\n".join(found) or "no such word")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
