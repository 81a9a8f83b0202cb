# SPDX-License-Identifier: Apache-2.0
"""What ./dev demo runs: the super-resolution example, end to end.

    python examples/demo.py [--out build/demo] [arguments of super_resolution/demo.py]
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> int:
    arguments = sys.argv[1:]
    if "--out" not in arguments:
        arguments += ["--out", str(ROOT / "build" / "demo")]
    command = shutil.which("ferry") or str(ROOT / "build" / "release" / "cli" / "ferry")
    script = ROOT / "examples" / "super_resolution" / "demo.py"
    return subprocess.run([sys.executable, str(script), "--ferry", command, *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
