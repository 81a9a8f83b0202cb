# SPDX-License-Identifier: Apache-2.0
"""Hostile nodes of fused, recurrent and attention operators, whose attributes and inputs must agree in many ways."""

import numpy as np

from .case import REFUSED, TOO_BIG, array, op

F = np.float32
BIG = 2**40
MIN, MAX = -2**63, 2**63 - 1
ANY = ("Ok", *REFUSED)
OK = ("Ok",)


def f(*values):
    return np.array(values, F)


def zeros(*dims, dtype=F):
    return np.zeros(dims, dtype)


def contrib(name, kind, values, expect=REFUSED, **fields):
    return op("fused_" + name, kind, values, expect, domain="com.microsoft", **fields)


def contrib_cases():
    x, row = zeros(1, 2, 8), zeros(8)
    yield from contrib("skip_norm_lies", "SkipLayerNormalization", [x, zeros(1, 3, 8), row])
    yield from contrib("skip_norm_gamma_lies", "SkipLayerNormalization", [x, x, zeros(9)])
    yield from contrib("skip_norm_epsilon", "SkipLayerNormalization", [x, x, row], OK, epsilon=float("nan"))
    yield from contrib("skip_rms_lies", "SkipSimplifiedLayerNormalization", [x, zeros(7), row])
    ids = np.zeros((1, 2), np.int32)
    tables = [zeros(4, 8), zeros(4, 8), zeros(2, 8), row, row]
    yield from contrib("embed_word_outside", "EmbedLayerNormalization", [ids + 99, ids, *tables], outputs=2)
    yield from contrib("embed_word_lowest", "EmbedLayerNormalization", [np.full((1, 2), -(2**31), np.int32), ids, *tables], outputs=2)
    yield from contrib("embed_segment_outside", "EmbedLayerNormalization", [ids, ids + 7, *tables], outputs=2)
    yield from contrib("embed_sequence_too_long", "EmbedLayerNormalization", [np.zeros((1, 9), np.int32)] * 2 + tables, outputs=2)
    yield from contrib("embed_tables_lie", "EmbedLayerNormalization", [ids, ids, zeros(4, 8), zeros(4, 5), zeros(2, 8), row, row], outputs=2)
    for heads in (0, -1, 3, MAX):
        yield from contrib(f"heads_{'max' if heads == MAX else heads}", "MultiHeadAttention", [x, x, x], num_heads=heads)
    yield from contrib("keys_lie", "MultiHeadAttention", [x, zeros(1, 5, 7), zeros(1, 5, 7)], num_heads=2)
    yield from contrib("batches_lie", "MultiHeadAttention", [zeros(2, 2, 8), zeros(3, 2, 8), zeros(3, 2, 8)], num_heads=2)
    yield from contrib("bert_weights_lie", "Attention", [x, zeros(8, 23), zeros(24)], num_heads=2)
    yield from contrib("bert_hidden_sizes", "Attention", [x, zeros(8, 24), zeros(24)], num_heads=2, qkv_hidden_sizes=[MAX, MAX, 8])
    packed = zeros(1, 2, 12)
    past = zeros(1, 1, 4, 2)
    lengths, total = np.array([1], np.int32), np.array(2, np.int32)
    yield from contrib("groups_of_0", "GroupQueryAttention", [packed, None, None, past, past, lengths, total], outputs=3, num_heads=4, kv_num_heads=0)
    yield from contrib("groups_uneven", "GroupQueryAttention", [packed, None, None, past, past, lengths, total], outputs=3, num_heads=4, kv_num_heads=3)
    yield from contrib("length_outside", "GroupQueryAttention", [packed, None, None, past, past, lengths + 2**30, total], ANY,
                       outputs=3, num_heads=4, kv_num_heads=1)
    yield from contrib("length_lowest", "GroupQueryAttention", [packed, None, None, past, past, np.array([-2**31], np.int32), total], ANY,
                       outputs=3, num_heads=4, kv_num_heads=1)
    yield from contrib("total_lies", "GroupQueryAttention", [packed, None, None, past, past, lengths, np.array(-7, np.int32)], ANY,
                       outputs=3, num_heads=4, kv_num_heads=1)
    yield from contrib("window_lowest", "GroupQueryAttention", [packed, None, None, past, past, lengths, total], ANY,
                       outputs=3, num_heads=4, kv_num_heads=1, local_window_size=MIN)
    yield from contrib("rotary_positions", "RotaryEmbedding", [zeros(1, 2, 8), array([[0, MAX]]), zeros(4, 4), zeros(4, 4)])
    yield from contrib("rotary_width", "RotaryEmbedding", [zeros(1, 2, 8), array([[0, 1]]), zeros(4, 9), zeros(4, 9)])
    block = zeros(4, 2, 16, dtype=np.uint8)
    for name, fields in (("nbits_k_0", {"K": 0}), ("nbits_n_negative", {"N": -4}), ("nbits_block_0", {"block_size": 0}), ("nbits_block_17", {"block_size": 17}),
                         ("nbits_k_huge", {"K": MAX}), ("nbits_bits_0", {"bits": 0})):
        fields = {"K": 64, "N": 4, "bits": 4, "block_size": 32} | fields
        yield from contrib(name, "MatMulNBits", [zeros(1, 64), block, zeros(8)], **fields)
    yield from contrib("nbits_scales_lie", "MatMulNBits", [zeros(1, 64), block, zeros(3)], K=64, N=4, bits=4, block_size=32)
    yield from contrib("nbits_zeros_lie", "MatMulNBits", [zeros(1, 64), block, zeros(8), zeros(1, dtype=np.uint8)], K=64, N=4, bits=4, block_size=32)
    yield from contrib("nbits_order_lies", "MatMulNBits", [zeros(1, 64), block, zeros(8), None, np.full(64, 2**30, np.int32)], ANY, K=64, N=4, bits=4, block_size=32)
    yield from newer_contrib_cases()
    yield from contrib("conv_activation", "FusedConv", [zeros(1, 1, 4, 4), zeros(1, 1, 3, 3)], activation="Rubbish")
    yield from contrib("conv_activation_parameters", "FusedConv", [zeros(1, 1, 4, 4), zeros(1, 1, 3, 3)], ANY, activation="HardSigmoid", activation_params=[0.5] * 99)
    yield from contrib("conv_clip_of_one", "FusedConv", [zeros(1, 1, 4, 4), zeros(1, 1, 3, 3)], activation="Clip", activation_params=[0.5])
    yield from contrib("gemm_activation", "FusedGemm", [zeros(2, 2), zeros(2, 2)], activation="../../Relu")
    yield from contrib("matmul_lies", "FusedMatMul", [zeros(2, 3), zeros(2, 3)], transA=0, transB=0)
    yield from contrib("matmul_vectors", "FusedMatMul", [zeros(3), zeros(3)], ANY, transA=1, transB=1, transBatchA=1)
    q, z = zeros(2, 3, dtype=np.uint8), np.array(0, np.uint8)
    yield from contrib("qlinear_add_scale", "QLinearAdd", [q, f(1, 2, 3), z, q, f(1)[0], z, f(1)[0], z], ANY)
    yield from contrib("qlinear_add_by_0", "QLinearAdd", [q, f(np.nan)[0], z, q, f(0)[0], z, f(0)[0], z], ANY)
    yield from contrib("qlinear_concat_uneven", "QLinearConcat", [f(1)[0], z, q, f(1)[0], z])
    yield from contrib("integer_to_float_lies", "MatMulIntegerToFloat", [q, q, f(1)[0], f(1)[0]])
    yield from contrib("expand_dims_outside", "ExpandDims", [zeros(2), np.array(2**31 - 1, np.int32)])
    yield from contrib("bias_gelu_lies", "BiasGelu", [zeros(2, 3), zeros(7)])


def newer_contrib_cases():
    x, row = zeros(1, 2, 8), zeros(8)
    weights, lengths = zeros(8, 24), np.array([1], np.int32)
    for name, ends in (("lowest", [-(2**31)]), ("highest", [2**31 - 1]), ("too_many", [1] * 9), ("none", [])):
        yield from contrib(f"lengths_{name}", "Attention", [x, weights, zeros(24), np.array(ends, np.int32)], ANY, num_heads=2)
        yield from contrib(f"key_lengths_{name}", "MultiHeadAttention", [x, x, x, None, np.array(ends, np.int32)], ANY, num_heads=2)
    small, tiny = zeros(1, 2, 8, dtype=np.uint8), np.array(0, np.uint8)
    kernel = zeros(8, 23, dtype=np.int8)
    yield from contrib("quantized_attention_lies", "QAttention", [small, kernel, zeros(24), f(1)[0], f(1)[0], lengths, tiny], num_heads=2)
    yield from contrib("quantized_tables_lie", "QEmbedLayerNormalization", [np.zeros((1, 2), np.int32), None, *[zeros(4, 8, dtype=np.uint8)] * 2, None, row, row], outputs=2)
    yield from contrib("inverse_axis", "SimplifiedLayerNormalization", [x, row], outputs=2, axis=MIN)
    yield from contrib("positions_lowest", "RotaryEmbedding", [zeros(1, 2, 8), array([MIN]), zeros(4, 4), zeros(4, 4)])
    yield from contrib("positions_far", "RotaryEmbedding", [zeros(1, 2, 8), array([MAX]), zeros(4, 4), zeros(4, 4)])
    yield from contrib("rotary_cache_of_nothing", "RotaryEmbedding", [zeros(1, 2, 8), array([0]), zeros(4, 0), zeros(4, 0)])
    ids, table = array([[0, 99]]), zeros(4, 8, dtype=np.uint8)
    for name, inputs, fields in (("index", [table, ids, zeros(4, 1)], {}), ("scales", [table, ids - 1, zeros(9, 9)], {}),
                                 ("zeros", [table, ids, zeros(4, 1), zeros(7, 7, dtype=np.uint8)], {}), ("block", [table, ids, zeros(4, 1)], {"block_size": MIN}),
                                 ("bits", [table, ids, zeros(4, 1)], {"bits": 3}), ("axis", [table, ids, zeros(4, 1)], {"quantize_axis": MAX})):
        yield from contrib(f"gather_blocks_{name}", "GatherBlockQuantized", inputs, **({"block_size": 16, "bits": 4} | fields))
    for name, fields in (("k_0", {"K": 0}), ("kind", {"quant_type": 9}), ("block_0", {"block_size": 0}), ("n_huge", {"N": 2**31 - 1}), ("n_lies", {"N": 5})):
        fields = {"K": 32, "N": 4, "block_size": 16, "quant_type": 1} | fields
        yield from contrib(f"bnb4_{name}", "MatMulBnb4", [zeros(1, 32), zeros(64, dtype=np.uint8), zeros(8)], (*REFUSED, *TOO_BIG), **fields)
    experts = [zeros(2, 4, 8), None, zeros(2, 8, 4)]
    for name, fields in (("k_0", {"k": 0}), ("k_huge", {"k": MAX}), ("activation", {"activation_type": "rubbish"}), ("gate", {"activation_type": "swiglu"}),
                         ("fusion", {"activation_type": "swiglu", "swiglu_fusion": MIN})):
        yield from contrib(f"experts_{name}", "MoE", [zeros(3, 8), zeros(3, 2), *experts], ANY if name in ("k_0", "fusion") else REFUSED, **fields)
    yield from contrib("experts_lie", "MoE", [zeros(3, 8), zeros(2, 5), *experts])
    gates = [zeros(2, 1, 4), zeros(1, 4, 12, dtype=np.int8), zeros(1, 3, 12, dtype=np.int8)]
    for name, scales in (("lie", f(1, 2, 3, 4, 5)), ("of_rank_0", f(1)[0])):
        yield from contrib(f"quantized_lstm_scales_{name}", "DynamicQuantizeLSTM", [*gates, *[None] * 5, scales, None, scales, None], hidden_size=3)
    yield from contrib("last_channels_of_a_row", "NhwcMaxPool", [zeros(3, 3, dtype=np.uint8)], kernel_shape=[1])
    regions = [zeros(1, 1, 4, 4), zeros(1, 4), np.array([0], np.int32)]
    for name, size in (("negative", [-1, 2]), ("huge", [2**31 - 1, 2**31 - 1]), ("of_nothing", [0, 0]), ("of_one", [3])):
        yield from contrib(f"crops_{name}", "CropAndResize", [*regions, np.array(size, np.int32)], (*ANY, *TOO_BIG))
    yield from contrib("crops_of_an_image_outside", "CropAndResize", [*regions[:2], np.array([7], np.int32), np.array([2, 2], np.int32)])
    yield from contrib("distances_lie", "CDist", [zeros(2, 3), zeros(2, 4)])
    yield from contrib("pads_lie", "Pad", [zeros(2, 3), array([[MIN, 0, 0]])])
    packed, past = zeros(1, 2, 12), zeros(1, 1, 4, 2)
    group = [packed, None, None, past, past, lengths, np.array(2, np.int32), None, None, None]
    yield from contrib("group_bias_lies", "GroupQueryAttention", [*group, zeros(1, 4, 2, 9)], ANY, outputs=3, num_heads=4, kv_num_heads=1)
    yield from contrib("group_sinks_lie", "GroupQueryAttention", [*group, None, zeros(3)], outputs=3, num_heads=4, kv_num_heads=1)


def attention_cases():
    q = zeros(1, 4, 2, 8)
    yield from op("attention_heads_uneven", "Attention", [q, zeros(1, 3, 2, 8), zeros(1, 3, 2, 8)], REFUSED, opset=23)
    yield from op("attention_mask_lies", "Attention", [q, q, q, zeros(7, 7)], REFUSED, opset=23)
    yield from op("attention_mask_rank_9", "Attention", [q, q, q, zeros(*[1] * 9)], REFUSED, opset=23)
    yield from op("attention_heads_huge", "Attention", [zeros(1, 4, 8)] * 3, REFUSED, opset=23, q_num_heads=MAX, kv_num_heads=MAX)
    yield from op("attention_heads_lowest", "Attention", [zeros(1, 4, 8)] * 3, REFUSED, opset=23, q_num_heads=MIN, kv_num_heads=-1)
    yield from op("attention_scale_nan", "Attention", [q, q, q], OK, opset=23, scale=float("nan"), softcap=float("inf"))
    yield from op("attention_past_lies", "Attention", [q, q, q, None, zeros(1, 4, 3, 5), zeros(1, 4, 3, 5)], REFUSED, opset=23, outputs=3)
    yield from op("attention_past_without_value", "Attention", [q, q, q, None, zeros(1, 4, 3, 8)], REFUSED, opset=23, outputs=3)
    yield from op("attention_lengths_lowest", "Attention", [q, q, q, None, None, None, array([MIN])], ANY, opset=24)
    yield from op("attention_lengths_count", "Attention", [q, q, q, None, None, None, array([1] * 9)], REFUSED, opset=24)
    yield from op("attention_scores_of_half_a_gigabyte", "Attention", [zeros(1, 1, 12000, 1)] * 3, ("Ok", "DeadlineExceeded", *TOO_BIG), opset=23)
    yield from op("attention_precision_99", "Attention", [q, q, q], ANY, opset=23, softmax_precision=99)
    yield from op("attention_of_no_keys", "Attention", [q, zeros(1, 4, 0, 8), zeros(1, 4, 0, 8)], ANY, opset=23)
    yield from op("rotary_width_odd", "RotaryEmbedding", [zeros(1, 2, 3, 7), zeros(4, 3), zeros(4, 3), array([[0, 1, 2]])], REFUSED, opset=23)
    yield from op("rotary_part_huge", "RotaryEmbedding", [zeros(1, 2, 3, 8), zeros(4, 4), zeros(4, 4), array([[0, 1, 2]])], REFUSED, opset=23, rotary_embedding_dim=MAX)
    yield from op("rms_norm_axis_lowest", "RMSNormalization", [zeros(2, 3), zeros(3)], REFUSED, opset=23, axis=MIN)


def recurrent_cases():
    x, w, r = zeros(2, 1, 2), zeros(1, 12, 2), zeros(1, 12, 3)
    for name, fields, expect in (("hidden_0", {"hidden_size": 0}, REFUSED), ("hidden_lowest", {"hidden_size": MIN}, REFUSED),
                                 ("hidden_huge", {"hidden_size": 2**61}, REFUSED), ("direction", {"direction": "sideways"}, REFUSED),
                                 ("layout_7", {"layout": 7}, ANY), ("clip_nan", {"clip": float("nan")}, ANY),
                                 ("activations_too_few", {"activations": ["Tanh"]}, REFUSED), ("alphas", {"activation_alpha": [1.0] * 999}, ANY)):
        yield from op("lstm_" + name, "LSTM", [x, w, r], expect, **({"hidden_size": 3} | fields))
    yield from op("lstm_both_ways_in_one", "LSTM", [x, w, r], REFUSED, hidden_size=3, direction="bidirectional")
    yield from op("lstm_start_lies", "LSTM", [x, w, r, None, None, zeros(1, 1, 99)], REFUSED, hidden_size=3)
    yield from op("lstm_lengths_lowest", "LSTM", [x, w, r, None, array([-2**31], np.int32)], ANY, hidden_size=3)
    yield from op("lstm_peepholes_lie", "LSTM", [x, w, r, None, None, None, None, zeros(1, 2)], REFUSED, hidden_size=3)
    yield from op("rnn_bias_lies", "RNN", [x, zeros(1, 3, 2), zeros(1, 3, 3), zeros(1, 5)], REFUSED, hidden_size=3)
    yield from op("gru_of_no_steps", "GRU", [zeros(0, 1, 2), zeros(1, 9, 2), zeros(1, 9, 3)], ANY, outputs=2, hidden_size=3)
    yield from op("lstm_of_no_batch", "LSTM", [zeros(2, 0, 2), w, r], ANY, outputs=3, hidden_size=3)


def training_cases():
    domain = {"domain": "ai.onnx.preview.training", "opset": 21}
    rate, count, v = f(0.1)[0], array(0), zeros(3)
    yield from op("adam_lists_lie", "Adam", [rate, count, v, v, v], REFUSED, outputs=3, **domain)
    yield from op("adagrad_shapes_lie", "Adagrad", [rate, count, v, zeros(4), v], REFUSED, outputs=2, **domain)
    yield from op("momentum_mode", "Momentum", [rate, count, v, v, v], REFUSED, outputs=2, alpha=0.1, beta=0.1, norm_coefficient=0.1, mode="rubbish", **domain)
    yield from op("loss_weights_lie", "NegativeLogLikelihoodLoss", [zeros(1, 3), array([2]), zeros(2)], REFUSED)
    yield from op("loss_ignores_lowest", "NegativeLogLikelihoodLoss", [zeros(1, 3), array([MIN])], ANY, ignore_index=MIN)
    yield from op("loss_labels_of_another_shape", "SoftmaxCrossEntropyLoss", [zeros(1, 3, 4), array([[0, 1, 2]])], REFUSED)
    yield from op("loss_reduction", "SoftmaxCrossEntropyLoss", [zeros(1, 3), array([1])], REFUSED, reduction="rubbish")


def cases():
    for family in (contrib_cases, attention_cases, recurrent_cases, training_cases):
        yield from family()
