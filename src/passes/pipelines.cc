// SPDX-License-Identifier: Apache-2.0
#include "passes/pipelines.h"

#include "passes/cancel_transposes.h"
#include "passes/eliminate_identity.h"
#include "passes/fold_constants.h"
#include "passes/fold_dequantized.h"
#include "passes/fold_shape_arithmetic.h"
#include "passes/fuse_activations.h"
#include "passes/fuse_attention.h"
#include "passes/fuse_conv_bn.h"
#include "passes/fuse_group_normalization.h"
#include "passes/fuse_normalization.h"
#include "passes/fuse_quantization.h"
#include "passes/fuse_weight_transpose.h"
#include "passes/inline_control_flow.h"
#include "passes/join_epilogues.h"
#include "passes/lower_batch_normalization.h"
#include "passes/lower_conv_transpose.h"
#include "passes/lower_einsum.h"
#include "passes/lower_gemm.h"
#include "passes/merge_duplicates.h"
#include "passes/widen_halves.h"

namespace ferry {

std::vector<Pass> standard_pipeline() {
  const Pass fold = fold_constants();
  return {
      // Less of the same: what is known before the model runs is computed now.
      fold,
      inline_control_flow(),
      eliminate_identity(),
      fold_shape_arithmetic(),
      fold,
      merge_duplicates(),
      // One operator where several spell it.
      lower_einsum(),
      fuse_normalization(),
      fuse_activations(),
      // Constants into weights.
      fuse_pad_conv(),
      fuse_conv_bn(),
      fuse_matmul_add(),
      // Data movement.
      cancel_written_transposes(),
      lower_transposes(),
      // What the rewrites above left behind.
      fold_shape_arithmetic(),
      eliminate_identity(),
      merge_known_values(),
      fold,
      merge_duplicates(),
  };
}

std::vector<Pass> engine_pipeline() {
  const Pass fold = fold_constants();
  return {
      // Weights as numbers, 16-bit floats in f32, and what that makes possible.
      fold_dequantized(),
      fold,
      fuse_half_attention(),
      widen_halves(),
      merge_duplicates(),
      lower_einsum(),
      // What only our own kernels express.
      lower_batch_normalization(),
      lower_conv_transpose(),
      lower_gemm(),
      fold,
      fuse_group_normalization(),
      fuse_quantization(),
      fuse_weight_transpose(),
      fuse_attention(),
      // What the rewrites above left behind.
      cancel_transposes(),
      lower_transposes(),
      fold_shape_arithmetic(),
      eliminate_identity(),
      join_epilogues(),
  };
}

std::vector<Pass> basic_pipeline() {
  const Pass fold = fold_constants();
  return {fold, inline_control_flow(), eliminate_identity(), fold_shape_arithmetic(),
          fold, merge_duplicates(),    merge_known_values()};
}

}  // namespace ferry
