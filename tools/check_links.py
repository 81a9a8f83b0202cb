# SPDX-License-Identifier: Apache-2.0
"""Checks that every relative link in the Markdown files names a file, and a heading where it has a #part."""

import re
import sys

import tree

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)[^)]*\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")


def anchors(path):
    """The #parts that a Markdown viewer makes of the headings."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+\s+(.+?)\s*$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(path):
    text = CODE.sub("", FENCE.sub("", (tree.ROOT / path).read_text(encoding="utf-8")))
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, part = link.partition("#")
        target = (tree.ROOT / path).parent / name if name else tree.ROOT / path
        if not target.exists():
            yield f"{path}: {link}: no such file"
        elif part and target.suffix == ".md" and part not in anchors(target):
            yield f"{path}: {link}: no such heading"


def main():
    found = [link for path in tree.files() if path.suffix == ".md" for link in broken_links(path)]
    print("\n".join(found) or "every link leads somewhere")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
