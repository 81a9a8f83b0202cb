# SPDX-License-Identifier: Apache-2.0
"""Makes `import models` work in these tests."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
