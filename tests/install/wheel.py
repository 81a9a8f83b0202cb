# SPDX-License-Identifier: Apache-2.0
"""Runs the model named on the command line with the installed wheel, not with the build folder."""

import sys

import ferry
import numpy as np

package = ferry.__file__
assert package.startswith(sys.argv[2]), f"ferry is imported from {package}, not from {sys.argv[2]}"
session = ferry.Session(sys.argv[1], threads=1)
outputs = session.run({"x": np.array([[-3, -1], [0, 2]], np.float32)})
y = outputs["y"] if isinstance(outputs, dict) else outputs[0]
np.testing.assert_array_equal(y, [[0, 0], [1, 3]])
