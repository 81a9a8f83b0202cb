# SPDX-License-Identifier: Apache-2.0
"""Hostile nodes: sizes that no machine has, indices outside their tensors, divisions by zero, counts that lie."""

import struct
import zlib

import numpy as np
from onnx import TensorProto, helper

from .case import REFUSED, TOO_BIG, array, op

F = np.float32
BIG = 2**40
MIN, MAX = -2**63, 2**63 - 1
LONG = ("DeadlineExceeded", *TOO_BIG)
ANY = ("Ok", *REFUSED)
OK = ("Ok",)


def f(*values):
    return np.array(values, F)


def zeros(*dims, dtype=F):
    return np.zeros(dims, dtype)


def size_cases():
    yield from op("constant_of_shape_4_tib", "ConstantOfShape", [array([BIG])], TOO_BIG)
    yield from op("constant_of_shape_108_pb", "ConstantOfShape", [array([1 << 30, 1 << 25])], TOO_BIG)
    yield from op("constant_of_shape_overflow", "ConstantOfShape", [array([1 << 32, 1 << 32])], TOO_BIG)
    yield from op("constant_of_shape_negative", "ConstantOfShape", [array([-1])], REFUSED)
    yield from op("constant_of_shape_rank_1000", "ConstantOfShape", [array([1] * 1000)], REFUSED)
    yield from op("expand_4_tib", "Expand", [f(1), array([BIG])], TOO_BIG)
    yield from op("expand_overflow", "Expand", [f(1), array([MAX, MAX])], TOO_BIG)
    yield from op("expand_negative", "Expand", [f(1), array([-5])], REFUSED)
    yield from op("tile_4_tib", "Tile", [f(1), array([BIG])], TOO_BIG)
    yield from op("tile_overflow", "Tile", [f(1, 2, 3), array([MAX])], TOO_BIG)
    yield from op("tile_negative", "Tile", [f(1, 2, 3), array([-1])], REFUSED)
    yield from op("range_4_tib", "Range", [array(0), array(BIG), array(1)], TOO_BIG)
    yield from op("range_whole_of_i64", "Range", [array(MIN), array(MAX), array(1)], TOO_BIG)
    yield from op("range_step_0", "Range", [array(0), array(5), array(0)], REFUSED)
    yield from op("range_of_nan", "Range", [np.array(np.nan, F), np.array(5, F), np.array(1, F)], ANY)
    yield from op("range_of_inf", "Range", [np.array(0, F), np.array(np.inf, F), np.array(1, F)], TOO_BIG)
    yield from op("range_of_tiny_steps", "Range", [np.array(0, F), np.array(1, F), np.array(1e-38, F)], TOO_BIG)
    yield from op("pad_4_tib", "Pad", [f(1), array([BIG, BIG])], TOO_BIG)
    yield from op("pad_overflow", "Pad", [f(1), array([MAX, MAX])], TOO_BIG)
    yield from op("pad_lowest", "Pad", [f(1), array([MIN, MIN])], REFUSED)
    yield from op("pad_reflect_over_the_edge", "Pad", [f(1, 2), array([1 << 20, 0])], ANY, mode="reflect")
    yield from op("pad_too_few_pads", "Pad", [zeros(2, 2), array([1])], REFUSED)
    yield from op("pad_axes_outside", "Pad", [f(1), array([1, 1]), None, array([7])], REFUSED)
    yield from op("resize_4_tib", "Resize", [zeros(1, 1, 2, 2), None, f(1, 1, 1e6, 1e6)], TOO_BIG)
    yield from op("resize_of_nan", "Resize", [zeros(1, 1, 2, 2), None, f(1, 1, np.nan, 1)], REFUSED)
    yield from op("resize_of_inf", "Resize", [zeros(1, 1, 2, 2), None, f(1, 1, np.inf, 1)], TOO_BIG)
    yield from op("resize_by_0", "Resize", [zeros(1, 1, 2, 2), None, f(1, 1, 0, -1)], REFUSED)
    yield from op("resize_sizes_overflow", "Resize", [zeros(1, 1, 2, 2), None, None, array([MAX, MAX, MAX, MAX])], TOO_BIG)
    yield from op("resize_too_few_scales", "Resize", [zeros(1, 1, 2, 2), None, f(1)], REFUSED)
    yield from op("resize_nothing_to_something", "Resize", [zeros(1, 1, 0, 2), None, None, array([1, 1, 4, 4])], REFUSED)
    yield from op("onehot_4_tib", "OneHot", [array([1]), array(BIG), f(0, 1)], TOO_BIG)
    yield from op("onehot_negative", "OneHot", [array([1]), array(-4), f(0, 1)], REFUSED)
    yield from op("onehot_nan", "OneHot", [array([1]), np.array(np.nan, F), f(0, 1)], REFUSED)
    yield from op("onehot_three_values", "OneHot", [array([1]), array(4), f(0, 1, 2)], REFUSED)
    yield from op("onehot_index_lowest", "OneHot", [array([MIN, MAX]), array(4), f(0, 1)], OK)
    yield from op("eyelike_of_ints_outside", "EyeLike", [zeros(3, 3)], OK, k=MIN)
    yield from op("trilu_outside", "Trilu", [zeros(3, 3), array(MIN)], OK)
    yield from op("window_4_tib", "HannWindow", [array(BIG)], TOO_BIG)
    yield from op("window_negative", "BlackmanWindow", [array(-1)], REFUSED)
    yield from op("mel_matrix_huge", "MelWeightMatrix", [array(BIG), array(BIG), array(8000), f(0.0)[0], f(4000.0)[0]], TOO_BIG)
    yield from op("mel_matrix_negative", "MelWeightMatrix", [array(-8), array(-16), array(0), f(0.0)[0], f(4000.0)[0]], REFUSED)
    yield from op("random_4_tib", "RandomNormal", [], TOO_BIG, shape=[BIG])
    yield from op("random_negative", "RandomUniform", [], REFUSED, shape=[-3])
    yield from op("multinomial_huge", "Multinomial", [zeros(1, 4)], TOO_BIG, sample_size=BIG)
    yield from op("multinomial_of_nothing", "Multinomial", [zeros(1, 0)], ANY, sample_size=4)
    yield from op("affine_grid_huge", "AffineGrid", [zeros(1, 2, 3), array([1, 1, 1 << 20, 1 << 20])], TOO_BIG)
    yield from op("affine_grid_negative", "AffineGrid", [zeros(1, 2, 3), array([1, 1, -4, 4])], REFUSED)
    yield from op("col2im_lies", "Col2Im", [zeros(1, 4, 5), array([1 << 20, 1 << 20]), array([2, 2])], TOO_BIG)
    yield from op("center_crop_pad_huge", "CenterCropPad", [f(1), array([BIG])], TOO_BIG)
    yield from op("center_crop_pad_negative", "CenterCropPad", [f(1), array([-1])], REFUSED)
    yield from op("topk_huge", "TopK", [f(1, 2), array([BIG])], REFUSED, outputs=2)
    yield from op("topk_negative", "TopK", [f(1, 2), array([-1])], REFUSED, outputs=2)
    yield from op("depth_to_space_of_0", "DepthToSpace", [zeros(1, 4, 1, 1)], REFUSED, blocksize=0)
    yield from op("depth_to_space_huge", "DepthToSpace", [zeros(1, 4, 1, 1)], REFUSED, blocksize=2**31)
    yield from op("space_to_depth_huge", "SpaceToDepth", [zeros(1, 4, 1, 1)], REFUSED, blocksize=MIN)
    yield from op("einsum_huge", "Einsum", [zeros(1000)] * 6, TOO_BIG, equation="a,b,c,d,e,f->abcdef")
    yield from op("einsum_long", "Einsum", [zeros(3000).astype(np.int32)] * 4, LONG, equation="a,b,c,d->")
    yield from op("einsum_of_many", "Einsum", [zeros(3000)] * 4, ("Ok", *LONG), equation="a,b,c,d->")
    yield from op("einsum_rank_lies", "Einsum", [zeros(3)], REFUSED, equation="abcdefghijklmnopqrstuvwxyz->a")
    yield from op("einsum_rubbish", "Einsum", [zeros(3)], REFUSED, equation="->->,,...a1")
    yield from op("einsum_megabyte", "Einsum", [zeros(3)], REFUSED, equation="a" * 10**6 + "->")
    yield from op("upsample_huge", "Upsample", [zeros(1, 1, 2, 2), f(1, 1, 1e9, 1e9)], TOO_BIG, opset=9)
    yield from op("dropout_ratio", "Dropout", [zeros(4), f(7)[0], np.array(True)], ANY)
    yield from op("reshape_two_unknown", "Reshape", [zeros(4), array([-1, -1])], REFUSED)
    yield from op("reshape_overflow", "Reshape", [zeros(4), array([1 << 32, 1 << 32, 4])], REFUSED)
    yield from op("reshape_unknown_beside_0", "Reshape", [zeros(0, 4), array([0, -1])], ANY, allowzero=1)
    yield from op("reshape_zero_outside", "Reshape", [zeros(4), array([4, 0])], REFUSED)
    yield from op("unsqueeze_outside", "Unsqueeze", [zeros(4), array([MAX])], REFUSED)
    yield from op("unsqueeze_twice", "Unsqueeze", [zeros(4), array([0, 0])], REFUSED)
    yield from op("squeeze_outside", "Squeeze", [zeros(1, 4), array([MIN])], REFUSED)
    yield from op("transpose_twice", "Transpose", [zeros(2, 3)], REFUSED, perm=[0, 0])
    yield from op("transpose_outside", "Transpose", [zeros(2, 3)], REFUSED, perm=[0, 9])
    yield from op("reduce_outside", "ReduceSum", [zeros(2, 3), array([MAX])], REFUSED)
    yield from op("split_of_0_parts", "Split", [zeros(4)], REFUSED, num_outputs=0)
    yield from op("split_of_a_billion", "Split", [zeros(4)], REFUSED, num_outputs=10**9)
    yield from op("split_overflow", "Split", [zeros(4), array([MAX, MAX, 6])], REFUSED, outputs=3)
    yield from op("split_negative", "Split", [zeros(4), array([-4, 8])], REFUSED, outputs=2)
    yield from op("split_to_sequence_of_0", "SplitToSequence", [zeros(4), array(0)], REFUSED)
    yield from op("split_to_sequence_negative", "SplitToSequence", [zeros(4), array([5, -1])], REFUSED)


def index_cases():
    x = zeros(3, 4)
    for name, kind, indices in (
            ("gather", "Gather", array([3])), ("gather_negative", "Gather", array([MIN])),
            ("gather_elements", "GatherElements", array([[9, 0, 0, 0]])), ("gather_nd", "GatherND", array([[2, 4]])),
            ("gather_nd_deep", "GatherND", array([[0] * 9])), ("gather_nd_negative", "GatherND", array([[MIN, 0]]))):
        yield from op(name + "_outside", kind, [x, indices], REFUSED)
    yield from op("scatter_outside", "ScatterElements", [x, array([[9, 0, 0, 0]]), zeros(1, 4)], REFUSED)
    yield from op("scatter_lies", "ScatterElements", [x, array([[0, 0]]), zeros(1, 4)], REFUSED)
    yield from op("scatter_wider", "ScatterElements", [x, zeros(5, 9, dtype=np.int64), zeros(5, 9)], REFUSED)
    yield from op("scatter_nd_outside", "ScatterND", [x, array([[3]]), zeros(1, 4)], REFUSED)
    yield from op("scatter_nd_lies", "ScatterND", [x, array([[2]]), zeros(9, 9)], REFUSED)
    yield from op("tensor_scatter_outside", "TensorScatter", [zeros(1, 4, 2), zeros(1, 2, 2), array([9])], REFUSED, opset=24)
    yield from op("slice_step_0", "Slice", [x, array([0]), array([3]), array([0]), array([0])], REFUSED)
    yield from op("slice_lowest", "Slice", [x, array([MAX]), array([MIN]), array([0]), array([MIN])], OK)
    yield from op("slice_lies", "Slice", [x, array([0, 0]), array([1]), array([0])], REFUSED)
    yield from op("max_unpool_outside", "MaxUnpool", [zeros(1, 1, 1, 1), array([[[[99]]]])], REFUSED, kernel_shape=[2, 2], strides=[2, 2])
    yield from op("max_unpool_negative", "MaxUnpool", [zeros(1, 1, 1, 1), array([[[[-1]]]])], REFUSED, kernel_shape=[2, 2])
    yield from op("max_roi_batch_outside", "MaxRoiPool", [zeros(1, 1, 4, 4), f([9, 0, 0, 3, 3])], REFUSED, pooled_shape=[2, 2])
    yield from op("max_roi_of_nan", "MaxRoiPool", [zeros(1, 1, 4, 4), f([0, np.nan, np.inf, -np.inf, 1e30])], ANY, pooled_shape=[2, 2])
    yield from op("roi_align_batch_outside", "RoiAlign", [zeros(1, 1, 4, 4), f([0, 0, 3, 3]), array([7])], REFUSED)
    yield from op("roi_align_of_nan", "RoiAlign", [zeros(1, 1, 4, 4), f([np.nan, np.inf, -np.inf, 1e30]), array([0])], LONG + OK)
    yield from op("roi_align_samples", "RoiAlign", [zeros(1, 1, 4, 4), f([0, 0, 3, 3]), array([0])], LONG, sampling_ratio=2**31 - 1)
    yield from op("grid_sample_of_nan", "GridSample", [zeros(1, 1, 4, 4), f([[[np.nan, np.inf], [1e30, -1e30]]])[None, 0]], OK)
    yield from op("deform_conv_of_nan", "DeformConv",
                  [zeros(1, 1, 4, 4), zeros(1, 1, 2, 2), np.full((1, 8, 3, 3), np.nan, F)], OK, opset=22)
    yield from op("label_outside", "NegativeLogLikelihoodLoss", [zeros(1, 3), array([9])], REFUSED)
    yield from op("label_negative", "SoftmaxCrossEntropyLoss", [zeros(1, 3), array([-1])], REFUSED)
    yield from op("reverse_longer_than_all", "ReverseSequence", [x, array([99, 1, 1, 1])], REFUSED)
    yield from op("sequence_at_outside", "SequenceAt", [None, array(7)], REFUSED)
    yield from op("compress_long", "Compress", [x, np.ones(99, bool)], ANY)
    yield from op("cumsum_axis", "CumSum", [x, array(MIN)], REFUSED)
    yield from op("non_max_suppression_of_nan", "NonMaxSuppression",
                  [np.full((1, 4, 4), np.nan, F), np.full((1, 1, 4), np.nan, F), array(MAX), f(np.nan)[0], f(np.nan)[0]], ANY)
    yield from op("lstm_lengths_outside", "LSTM", [zeros(2, 1, 2), zeros(1, 12, 2), zeros(1, 12, 3), None, array([99], np.int32)],
                  REFUSED, outputs=2, hidden_size=3)
    yield from op("lstm_hidden_lies", "LSTM", [zeros(2, 1, 2), zeros(1, 12, 2), zeros(1, 12, 3)], REFUSED, hidden_size=1000)
    yield from op("gru_weights_lie", "GRU", [zeros(2, 1, 2), zeros(1, 9, 7), zeros(1, 9, 3)], REFUSED, hidden_size=3)
    yield from op("rnn_activation_unknown", "RNN", [zeros(2, 1, 2), zeros(1, 3, 2), zeros(1, 3, 3)], REFUSED, hidden_size=3, activations=["Rubbish"])
    yield from op("attention_lengths_outside", "Attention", [zeros(1, 2, 4, 8)] * 3 + [None, None, None, array([99])], ANY, opset=24)
    yield from op("attention_heads_0", "Attention", [zeros(1, 4, 8)] * 3, REFUSED, opset=23, q_num_heads=0, kv_num_heads=0)
    yield from op("rotary_outside", "RotaryEmbedding", [zeros(1, 2, 3, 8), zeros(4, 4), zeros(4, 4), array([[0, 1, 99]])], REFUSED, opset=23)


def arithmetic_cases():
    one, low = array([7]), array([MIN])
    yield from op("divide_by_0", "Div", [one, array([0])], ANY)
    yield from op("divide_lowest", "Div", [low, array([-1])], ANY)
    yield from op("divide_lowest_i32", "Div", [array([-2**31], np.int32), array([-1], np.int32)], ANY)
    yield from op("divide_lowest_i8", "Div", [array([-128], np.int8), array([-1], np.int8)], ANY)
    yield from op("modulo_0", "Mod", [one, array([0])], ANY)
    yield from op("modulo_lowest", "Mod", [low, array([-1])], ANY)
    yield from op("fmod_0", "Mod", [one, array([0])], ANY, fmod=1)
    yield from op("modulo_lowest_i32", "Mod", [array([-2**31], np.int32), array([-1], np.int32)], ANY)
    yield from op("power_lowest", "Pow", [array([0, 2]), array([-1, MAX])], ANY)
    yield from op("absolute_lowest", "Abs", [low], OK)
    yield from op("negate_lowest", "Neg", [low], OK)
    yield from op("add_overflow", "Add", [array([MAX]), array([MAX])], OK)
    yield from op("multiply_overflow", "Mul", [low, array([-1])], OK)
    yield from op("sum_overflow", "ReduceSum", [array([MAX, MAX]), array([0])], OK)
    yield from op("product_overflow", "ReduceProd", [array([MIN, -1]), array([0])], OK)
    yield from op("square_overflow", "ReduceSumSquare", [low, array([0])], OK)
    yield from op("cumulate_overflow", "CumSum", [array([MAX, MAX]), array(0)], OK)
    yield from op("matmul_overflow", "MatMul", [array([[MAX, MAX]]), array([[MAX], [MAX]])], OK)
    yield from op("mean_of_nothing", "ReduceMean", [zeros(0, 3), array([0])], ANY)
    yield from op("max_of_nothing", "ReduceMax", [zeros(0, 3), array([0])], ANY)
    yield from op("mean_of_no_integers", "ReduceMean", [zeros(0, 3, dtype=np.int32), array([0])], ANY)
    yield from op("argmax_of_nothing", "ArgMax", [zeros(0, 3)], REFUSED)
    yield from op("shift_by_64", "BitShift", [np.array([1], np.uint64), np.array([64], np.uint64)], ANY, direction="LEFT")
    yield from op("cast_nan", "Cast", [f(np.nan, np.inf, -np.inf, 1e30)], OK, to=TensorProto.INT32)
    yield from op("cast_nan_to_4_bits", "Cast", [f(np.nan, np.inf, -np.inf)], OK, to=TensorProto.INT4)
    yield from op("cast_to_99", "Cast", [f(1)], REFUSED, to=99)
    yield from op("cast_text", "Cast", [np.array(["1e999", "x", "", "9" * 400], object)], ANY, to=TensorProto.INT64)
    yield from op("clip_upside_down", "Clip", [f(1), np.array(5, F), np.array(-5, F)], OK)
    yield from op("clip_of_nan", "Clip", [f(1), np.array(np.nan, F), np.array(np.nan, F)], OK)
    x, scale = zeros(2, 3), f(1)
    yield from op("quantize_by_nan", "QuantizeLinear", [f(1, 2), np.array(np.nan, F), np.array(0, np.int8)], OK)
    yield from op("quantize_by_0", "QuantizeLinear", [f(1, 0), np.array(0, F), np.array(0, np.int8)], OK)
    yield from op("quantize_scale_count", "QuantizeLinear", [x, f(1, 1, 1, 1), array([0] * 4, np.int8)], REFUSED, axis=1)
    yield from op("quantize_zero_count", "QuantizeLinear", [x, f(1, 1, 1), array([0], np.int8)], REFUSED, axis=1)
    yield from op("quantize_axis", "QuantizeLinear", [x, f(1, 1, 1), array([0] * 3, np.int8)], REFUSED, axis=MAX)
    yield from op("quantize_block", "QuantizeLinear", [x, zeros(2, 1)], REFUSED, axis=1, block_size=-3)
    yield from op("quantize_block_huge", "QuantizeLinear", [x, zeros(2, 1)], ANY, axis=1, block_size=MAX)
    yield from op("dequantize_scale_count", "DequantizeLinear", [zeros(2, 3, dtype=np.int8), f(1, 1), zeros(7, dtype=np.int8)], REFUSED)
    q, z = zeros(1, 1, 4, 4, dtype=np.uint8), np.array(0, np.uint8)
    w = zeros(2, 1, 3, 3, dtype=np.uint8)
    yield from op("qlinear_conv_zero_count", "QLinearConv", [q, scale[0], z, w, f(1, 1, 1), z, scale[0], z], REFUSED)
    yield from op("qlinear_conv_bias_count", "QLinearConv", [q, scale[0], z, w, scale[0], z, scale[0], z, zeros(9, dtype=np.int32)], REFUSED)
    m = zeros(2, 2, dtype=np.uint8)
    yield from op("qlinear_matmul_zero_count", "QLinearMatMul", [m, f(1, 1, 1), zeros(3, dtype=np.uint8), m, scale[0], z, scale[0], z], REFUSED)
    yield from op("matmul_integer_zero_count", "MatMulInteger", [m, m, zeros(9, dtype=np.uint8)], REFUSED)
    yield from op("conv_integer_zero_count", "ConvInteger", [q, w, z, zeros(9, dtype=np.uint8)], REFUSED)
    yield from op("dynamic_quantize_nan", "DynamicQuantizeLinear", [f(np.nan, np.inf)], OK, outputs=3)
    yield from op("nbits_lie", "MatMulNBits", [zeros(1, 64), zeros(4, 1, 2, dtype=np.uint8), zeros(4)], REFUSED,
                  domain="com.microsoft", K=1 << 20, N=4, bits=4, block_size=32)
    yield from op("nbits_3", "MatMulNBits", [zeros(1, 64), zeros(4, 2, 16, dtype=np.uint8), zeros(8)], REFUSED,
                  domain="com.microsoft", K=64, N=4, bits=77, block_size=32)


def window_cases():
    x = zeros(1, 1, 8, 8)
    w = zeros(1, 1, 3, 3)
    for name, fields in (("stride_0", {"strides": [0, 0]}), ("stride_lowest", {"strides": [MIN, 1]}),
                         ("dilation_0", {"dilations": [0, 0]}), ("dilation_huge", {"dilations": [MAX, MAX]}),
                         ("pads_lowest", {"pads": [MIN, 0, 0, 0]}), ("pads_negative", {"pads": [-9, -9, -9, -9]}),
                         ("group_0", {"group": 0}), ("group_huge", {"group": MAX}), ("kernel_lies", {"kernel_shape": [9, 9]}),
                         ("strides_three", {"strides": [1, 1, 1]})):
        yield from op("conv_" + name, "Conv", [x, w], REFUSED, **fields)
    yield from op("conv_pads_huge", "Conv", [x, w], TOO_BIG, pads=[1 << 20] * 4)
    yield from op("conv_pads_overflow", "Conv", [x, w], TOO_BIG, pads=[MAX] * 4)
    yield from op("conv_bias_lies", "Conv", [x, w, zeros(7)], REFUSED)
    yield from op("conv_channels_lie", "Conv", [x, zeros(4, 5, 3, 3)], REFUSED)
    yield from op("conv_of_no_kernel", "Conv", [x, zeros(1, 1, 0, 0)], ANY)
    for name, fields in (("stride_0", {"strides": [0, 0]}), ("stride_huge", {"strides": [BIG, BIG]}),
                         ("output_padding_huge", {"output_padding": [BIG, BIG]}), ("output_shape_huge", {"output_shape": [BIG, BIG]}),
                         ("output_shape_negative", {"output_shape": [-1, -1]}), ("pads_huge", {"pads": [MAX] * 4}), ("group_0", {"group": 0})):
        yield from op("conv_transpose_" + name, "ConvTranspose", [x, w], TOO_BIG, **fields)
    for name, fields in (("kernel_0", {"kernel_shape": [0, 0]}), ("kernel_negative", {"kernel_shape": [-1, 2]}),
                         ("kernel_missing", {}), ("kernel_huge", {"kernel_shape": [MAX, MAX]}),
                         ("stride_0", {"kernel_shape": [2, 2], "strides": [0, 1]}),
                         ("dilation_huge", {"kernel_shape": [2, 2], "dilations": [MAX, MAX]}),
                         ("pads_overflow", {"kernel_shape": [2, 2], "pads": [MAX] * 4})):
        yield from op("max_pool_" + name, "MaxPool", [x], REFUSED, **fields)
    yield from op("average_pool_long", "AveragePool", [x], LONG + OK, kernel_shape=[1 << 20, 1 << 20], pads=[1 << 19] * 4, count_include_pad=1)
    yield from op("average_pool_huge", "AveragePool", [x], TOO_BIG, kernel_shape=[2, 2], pads=[1 << 20] * 4)
    yield from op("lp_pool_of_0", "LpPool", [x], ANY, kernel_shape=[2, 2], p=0)
    yield from op("lrn_of_0", "LRN", [x], ANY, size=0)
    yield from op("lrn_huge", "LRN", [x], ANY, size=MAX)
    yield from op("group_norm_of_0", "GroupNormalization", [x, zeros(1), zeros(1)], REFUSED, num_groups=0)
    yield from op("group_norm_uneven", "GroupNormalization", [x, zeros(1), zeros(1)], REFUSED, num_groups=7)
    yield from op("batch_norm_lies", "BatchNormalization", [x, zeros(5), zeros(5), zeros(5), zeros(5)], REFUSED)
    yield from op("layer_norm_lies", "LayerNormalization", [x, zeros(5)], REFUSED)
    yield from op("stft_step_0", "STFT", [zeros(1, 64, 1), array(0), None, array(16)], REFUSED)
    yield from op("stft_frame_huge", "STFT", [zeros(1, 64, 1), array(1), None, array(BIG)], REFUSED)
    yield from op("dft_length_huge", "DFT", [zeros(1, 8, 1), array(BIG)], TOO_BIG, axis=1, opset=17)
    yield from op("dft_length_negative", "DFT", [zeros(1, 8, 1), array(-4)], REFUSED, axis=1, opset=17)
    yield from op("det_of_a_vector", "Det", [zeros(3)], REFUSED)


def text_cases():
    words = np.array(["a" * 1000, "b,c"], object)
    yield from op("split_by_nothing", "StringSplit", [words], OK, outputs=2, opset=20, delimiter="")
    yield from op("split_at_lowest", "StringSplit", [words], ANY, outputs=2, opset=20, delimiter=",", maxsplit=MIN)
    yield from op("expression_bomb", "RegexFullMatch", [words], ANY, opset=20, pattern="(((a{1000}){1000}){1000})")
    yield from op("expression_backtracks", "RegexFullMatch", [words], OK, opset=20, pattern="(a+)+b")
    yield from op("expression_broken", "RegexFullMatch", [words], REFUSED, opset=20, pattern="(((")
    yield from op("tfidf_pool_lies", "TfIdfVectorizer", [array([1, 2, 3])], REFUSED, mode="TF", min_gram_length=1,
                  max_gram_length=2, max_skip_count=0, ngram_counts=[0, 99], ngram_indexes=[0, 1], pool_int64s=[1, 2])
    yield from op("tfidf_index_huge", "TfIdfVectorizer", [array([1, 2, 3])], TOO_BIG, mode="TF", min_gram_length=1,
                  max_gram_length=1, max_skip_count=0, ngram_counts=[0], ngram_indexes=[0, BIG], pool_int64s=[1, 2])
    yield from op("tfidf_skips", "TfIdfVectorizer", [array([1, 2, 3])], ANY, mode="TF", min_gram_length=1,
                  max_gram_length=2, max_skip_count=MAX, ngram_counts=[0, 1], ngram_indexes=[0, 1], pool_int64s=[1, 2, 3])
    yield from op("normalizer_stopwords", "StringNormalizer", [np.array([["a"] * 3] * 3, object)], REFUSED, opset=10)
    yield from op("normalizer_locale", "StringNormalizer", [words], ANY, opset=10, case_change_action="UPPER", locale="../../etc")


def ml_cases():
    ml = {"domain": "ai.onnx.ml"}
    x = f([-1, 2])  # goes to the true branch

    def tree(name, expect=REFUSED, **changes):
        fields = dict(n_targets=1, nodes_treeids=[0] * 3, nodes_nodeids=[0, 1, 2], nodes_featureids=[0] * 3,
                      nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], nodes_values=[0.0] * 3, nodes_truenodeids=[1, 0, 0],
                      nodes_falsenodeids=[2, 0, 0], target_treeids=[0, 0], target_nodeids=[1, 2], target_ids=[0, 0],
                      target_weights=[1.0, 2.0]) | changes
        return op("tree_" + name, "TreeEnsembleRegressor", [x], expect, **ml, **fields)

    yield from tree("right", OK)
    yield from tree("cycle", nodes_truenodeids=[0, 0, 0])
    yield from tree("cycle_of_two", nodes_modes=["BRANCH_LEQ", "BRANCH_LEQ", "LEAF"], nodes_truenodeids=[1, 0, 0],
                    nodes_falsenodeids=[2, 0, 0])
    yield from tree("child_outside", nodes_truenodeids=[77, 0, 0])
    yield from tree("child_negative", nodes_truenodeids=[-1, 0, 0])
    yield from tree("feature_outside", nodes_featureids=[99, 0, 0])
    yield from tree("feature_negative", nodes_featureids=[MIN, 0, 0])
    yield from tree("target_outside", target_ids=[0, 9])
    yield from tree("targets_huge", TOO_BIG, n_targets=BIG)
    yield from tree("targets_negative", n_targets=-1)
    yield from tree("lists_differ", nodes_values=[0.0])
    yield from tree("mode_unknown", nodes_modes=["RUBBISH"] * 3)
    yield from tree("node_twice", nodes_nodeids=[0, 1, 1])
    yield from tree("leaf_of_another_tree", target_treeids=[5, 5])
    yield from tree("base_values", base_values=[1.0] * 9)
    deep = 100_000
    yield from op("tree_deep", "TreeEnsembleRegressor", [x], (*ANY, "DeadlineExceeded"), **ml, n_targets=1, nodes_treeids=[0] * deep,
                  nodes_nodeids=list(range(deep)), nodes_featureids=[0] * deep,
                  nodes_modes=["BRANCH_LEQ"] * (deep - 2) + ["LEAF"] * 2, nodes_values=[0.0] * deep,
                  nodes_truenodeids=[deep - 1] * (deep - 2) + [0, 0], nodes_falsenodeids=list(range(1, deep - 1)) + [0, 0],
                  target_treeids=[0], target_nodeids=[deep - 1], target_ids=[0], target_weights=[1.0])
    yield from op("svm_lies", "SVMRegressor", [x], REFUSED, **ml, n_supports=BIG, coefficients=[1.0], support_vectors=[1.0, 2.0], rho=[0.0])
    yield from op("svm_classes_lie", "SVMClassifier", [x], REFUSED, outputs=2, **ml, classlabels_ints=[0, 1], vectors_per_class=[MAX, MAX],
                  coefficients=[1.0], support_vectors=[1.0, 2.0], rho=[0.0])
    yield from op("linear_lies", "LinearClassifier", [x], REFUSED, outputs=2, **ml, coefficients=[1.0], intercepts=[0.0] * 9, classlabels_ints=[0, 1, 2])
    yield from op("linear_targets", "LinearRegressor", [x], TOO_BIG, **ml, coefficients=[1.0], targets=BIG)
    yield from op("scaler_lies", "Scaler", [x], REFUSED, **ml, offset=[1.0] * 7, scale=[1.0] * 5)
    yield from op("imputer_lies", "Imputer", [x], REFUSED, **ml, imputed_value_floats=[1.0] * 7)
    yield from op("labels_lie", "LabelEncoder", [array([1])], REFUSED, **ml, keys_int64s=[1, 2, 3], values_strings=["a"])
    yield from op("categories_lie", "CategoryMapper", [array([1])], REFUSED, **ml, cats_int64s=[1, 2], cats_strings=["a"])
    yield from op("features_huge", "FeatureVectorizer", [x], TOO_BIG, **ml, inputdimensions=[BIG])
    yield from op("features_negative", "FeatureVectorizer", [x], REFUSED, **ml, inputdimensions=[-1])
    yield from op("extract_outside", "ArrayFeatureExtractor", [x, array([99])], REFUSED, **ml)
    yield from op("binarize", "Binarizer", [x], OK, **ml, threshold=float("nan"))


def image_cases():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def png(width, height, depth=8, color=2, data=b"\x00"):
        return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))

    tiff = b"II*\0\x08\0\0\0" + struct.pack("<H", 4) + b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in
        ((256, 2**31), (257, 2**31), (258, 8), (273, 8))) + bytes(4)
    loop = b"II*\0\x08\0\0\0" + struct.pack("<H", 0) + struct.pack("<I", 8)
    jp2 = b"\xff\x4f\xff\x51" + struct.pack(">HHIIIIIIII", 41, 0, 2**31, 2**31, 0, 0, 2**31, 2**31, 0, 0) + \
        struct.pack(">H", 1) + b"\x07\x01\x01" + b"\xff\xd9"
    pictures = {
        "png_huge": png(2**31 - 1, 2**31 - 1), "png_65535": png(65535, 65535), "png_of_0": png(0, 0),
        "png_bomb": png(60000, 60000, data=bytes(1 << 20)), "png_depth": png(4, 4, 77, 77),
        "jpeg_65535": b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01\xff\xd9",
        "bmp_huge": b"BM" + struct.pack("<IHHI", 60, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 2**31 - 1, -2**31, 1, 24, 0, 0, 0, 0, 0, 0),
        "pnm_huge": b"P6\n1000000000 1000000000\n255\nabc", "pnm_digits": b"P5\n" + b"9" * 5000 + b" 1\n255\n",
        "tiff_huge": tiff, "tiff_loop": loop, "jpeg2000_huge": jp2,
        "webp_huge": b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + b"\xff" * 6 + bytes(8),
        "nothing": b"", "noise": bytes(range(256)) * 16,
    }
    for name, content in pictures.items():
        yield from op("image_" + name, "ImageDecoder", [np.frombuffer(content, np.uint8)], OK + TOO_BIG, opset=20)  # what does not decode is an empty picture


def of_nothing_cases():
    """Tensors without elements whose axes are long: no loop over an axis, no list as long as one."""
    half = np.float16
    for name, kind, fields in (("softmax", "Softmax", {}), ("log_softmax", "LogSoftmax", {}), ("hardmax", "Hardmax", {}), ("lp", "LpNormalization", {}),
                               ("trilu", "Trilu", {}), ("transpose", "Transpose", {}), ("flatten", "Flatten", {}), ("softmax_of_rows", "Softmax", {"axis": 0})):
        for dtype in (F, half):
            yield from op(f"nothing_{name}_{np.dtype(dtype).name}", kind, [zeros(BIG, 0, dtype=dtype)], ANY, **fields)
    yield from op("nothing_lrn", "LRN", [zeros(1, BIG, 0, dtype=half)], ANY, size=3)
    yield from op("nothing_split", "Split", [zeros(BIG, 0)], ANY, outputs=2, axis=1, num_outputs=2)
    yield from op("nothing_layer_norm", "LayerNormalization", [zeros(BIG, 0, dtype=half), zeros(0, dtype=half)], ANY)
    for axis in (0, 1, 2):
        yield from op(f"nothing_unique_{axis}", "Unique", [zeros(BIG, 2, 0)], (*ANY, *LONG), axis=axis)
    yield from op("nothing_unique_places", "Unique", [zeros(BIG, 0)], TOO_BIG, outputs=4, axis=0)
    for keepdims in (0, 1):
        yield from op(f"nothing_split_to_sequence_{keepdims}", "SplitToSequence", [zeros(BIG, 0)], TOO_BIG, keepdims=keepdims)
    yield from op("nothing_split_to_long_sequence", "SplitToSequence", [zeros(BIG, 0), array(1)], TOO_BIG)
    yield from op("bytes_split_to_sequence", "SplitToSequence", [zeros(10_000_000, dtype=np.uint8)], TOO_BIG)
    yield from op("maps_of_one", "ZipMap", [zeros(2_000_000, 1)], LONG, domain="ai.onnx.ml", classlabels_int64s=[1])
    yield from op("nothing_batch_norm", "BatchNormalization", [zeros(BIG, 1, 0, dtype=half), *[zeros(1, dtype=half)] * 4], ANY)
    yield from op("nothing_batch_norm_of_training", "BatchNormalization", [zeros(BIG, 1, 0), *[zeros(1)] * 4], ANY, outputs=3, training_mode=1)
    yield from op("nothing_suppressed", "NonMaxSuppression", [zeros(BIG, 0, 4), zeros(BIG, 3, 0), array([5])], ANY)
    yield from op("boxes_of_no_image", "NonMaxSuppression", [zeros(0, BIG, 4), zeros(0, 3, BIG), array([5])], ANY)
    yield from op("nothing_top_k", "TopK", [zeros(BIG, 0), array([2])], ANY, outputs=2, axis=0)
    yield from op("nothing_arg_max", "ArgMax", [zeros(BIG, 0)], ANY, axis=0)
    yield from op("nothing_reduced", "ReduceSum", [zeros(BIG, 0), array([0])], ANY)
    yield from op("nothing_pooled", "MaxPool", [zeros(BIG, 1, 0)], ANY, kernel_shape=[1])
    yield from op("nothing_resized", "Resize", [zeros(BIG, 0), None, f(2, 1)], ANY, mode="linear")
    yield from op("nothing_padded", "Pad", [zeros(BIG, 0), array([1, 0, 1, 0])], (*ANY, *LONG), mode="edge")


def cases():
    for family in (size_cases, index_cases, arithmetic_cases, window_cases, text_cases, ml_cases, image_cases,
                   of_nothing_cases):
        yield from family()
