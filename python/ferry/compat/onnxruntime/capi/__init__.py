# SPDX-License-Identifier: Apache-2.0
"""Where scripts that catch onnxruntime's exceptions import them from."""
