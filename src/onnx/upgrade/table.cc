// SPDX-License-Identifier: Apache-2.0
#include "onnx/upgrade/table.h"

namespace ferry::onnx {

std::vector<UpgradeRow> upgrade_rows() { return {}; }

}  // namespace ferry::onnx
