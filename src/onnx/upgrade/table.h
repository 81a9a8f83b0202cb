// SPDX-License-Identifier: Apache-2.0
// The list of all upgrades. Each concept has a file of its own that adds its rows.
#pragma once

#include "onnx/upgrade/upgrade.h"

namespace ferry::onnx {

std::vector<UpgradeRow> upgrade_rows();

void add_attribute_to_input(std::vector<UpgradeRow>& rows);
void add_batch_normalization(std::vector<UpgradeRow>& rows);
void add_broadcast_axis(std::vector<UpgradeRow>& rows);
void add_cast(std::vector<UpgradeRow>& rows);
void add_consumed_inputs(std::vector<UpgradeRow>& rows);
void add_dropout(std::vector<UpgradeRow>& rows);
void add_experimental(std::vector<UpgradeRow>& rows);
void add_group_normalization(std::vector<UpgradeRow>& rows);
void add_label_encoder(std::vector<UpgradeRow>& rows);
void add_old_defaults(std::vector<UpgradeRow>& rows);
void add_recurrent(std::vector<UpgradeRow>& rows);
void add_resize(std::vector<UpgradeRow>& rows);
void add_scan(std::vector<UpgradeRow>& rows);
void add_softmax(std::vector<UpgradeRow>& rows);

}  // namespace ferry::onnx
