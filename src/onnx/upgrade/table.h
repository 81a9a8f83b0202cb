// SPDX-License-Identifier: Apache-2.0
// The list of all upgrades; each family of operators has a file of its own.
#pragma once

#include "onnx/upgrade/upgrade.h"

namespace ferry::onnx {

std::vector<UpgradeRow> upgrade_rows();

}  // namespace ferry::onnx
