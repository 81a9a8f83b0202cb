// SPDX-License-Identifier: Apache-2.0
#include "onnx/upgrade/table.h"

#include "onnx/contrib/contrib.h"

namespace ferry::onnx {

// Rows of one operator and one version keep the order in which they are added here.
std::vector<UpgradeRow> upgrade_rows() {
  std::vector<UpgradeRow> rows;
  add_consumed_inputs(rows);
  add_old_defaults(rows);
  add_broadcast_axis(rows);
  add_attribute_to_input(rows);
  add_batch_normalization(rows);
  add_cast(rows);
  add_dropout(rows);
  add_experimental(rows);
  add_group_normalization(rows);
  add_label_encoder(rows);
  add_recurrent(rows);
  add_resize(rows);
  add_scan(rows);
  add_softmax(rows);
  add_contrib_activations(rows);
  add_contrib_attention(rows);
  add_contrib_blockwise(rows);
  add_contrib_channels_last(rows);
  add_contrib_crop_and_resize(rows);
  add_contrib_gated(rows);
  add_contrib_group_query_attention(rows);
  add_contrib_hashing(rows);
  add_contrib_inverse(rows);
  add_contrib_matmul(rows);
  add_contrib_moe(rows);
  add_contrib_normalization(rows);
  add_contrib_quantized(rows);
  add_contrib_relative_position(rows);
  add_contrib_renamed(rows);
  return rows;
}

}  // namespace ferry::onnx
