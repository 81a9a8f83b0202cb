# SPDX-License-Identifier: Apache-2.0
"""Model zoo: networks from fixed seeds, exported to ONNX, with PyTorch's outputs beside them."""
