# SPDX-License-Identifier: Apache-2.0
"""`python -m ferry ...` and the script `ferry` of a wheel: run the `ferry` command with these arguments."""

import os
import pathlib
import shutil
import sys


def _command() -> str | None:
    """The binary: in the wheel, in the build folder that this package lies in, or on PATH."""
    package = pathlib.Path(__file__).resolve().parent
    for path in (package / "bin" / "ferry", package.parents[1] / "cli" / "ferry"):
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    found = shutil.which("ferry")
    # A script made by pip runs this file: calling it would go round in circles.
    if found and pathlib.Path(found).read_bytes()[:2] != b"#!":
        return found
    return None


def main() -> int:
    command = _command()
    if command is None:
        print("ferry: the command is not part of this installation; build it with FERRY_BUILD_CLI=ON",
              file=sys.stderr)
        return 127
    sys.stdout.flush()
    os.environ.setdefault("FERRY_PYTHON", sys.executable)
    os.execv(command, [command, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
