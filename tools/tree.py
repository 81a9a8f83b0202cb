# SPDX-License-Identifier: Apache-2.0
"""The files of the project: what git tracks or would track, and which of them changed."""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
GENERATED = {".git", ".venv", ".cache", "build", "dist", "__pycache__", ".pytest_cache", ".hypothesis"}


def git(*args):
    """Lines of output, or None when git cannot say."""
    try:
        done = subprocess.run(["git", "-C", ROOT, *args], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.splitlines() if done.returncode == 0 else None


def files():
    """Every file, as sorted paths relative to ROOT."""
    names = git("ls-files", "--cached", "--others", "--exclude-standard")
    if names is None:
        names = []
        for folder, subfolders, leaves in os.walk(ROOT):
            subfolders[:] = [name for name in subfolders if name not in GENERATED]
            names += [os.path.relpath(os.path.join(folder, leaf), ROOT) for leaf in leaves]
    return sorted(path for path in map(pathlib.Path, names) if (ROOT / path).is_file())


def base():
    """The commit that changes are measured from: FERRY_LINT_BASE, else where this branch left the
    main one, else (on the main one) the commit before; None when there is none."""
    wanted = os.environ.get("FERRY_LINT_BASE")
    if wanted:
        return wanted
    head = git("rev-parse", "HEAD")
    for trunk in ("origin/HEAD", "origin/main", "main"):
        left = git("merge-base", "HEAD", trunk)
        if left and left != head:
            return left[0]
    before = git("rev-parse", "--verify", "HEAD~1")
    return before[0] if before else None


def changed(since):
    """Files that differ from commit `since`, committed or not."""
    names = set(git("diff", "--name-only", "--diff-filter=d", since) or [])
    names |= set(git("ls-files", "--others", "--exclude-standard") or [])
    return [path for path in files() if str(path) in names]
