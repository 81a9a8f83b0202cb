# SPDX-License-Identifier: Apache-2.0
"""The model zoo: networks built from fixed seeds, exported to ONNX, with PyTorch's outputs recorded beside them."""
