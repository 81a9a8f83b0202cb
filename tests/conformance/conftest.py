# SPDX-License-Identifier: Apache-2.0
"""What the conformance tests share is importable."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
