// SPDX-License-Identifier: Apache-2.0
// Fields of operators that no ONNX attribute sets: layouts and what else rewrites and planning
// choose. A saved program holds them beside the attributes; an operator that has such a field is
// listed in op_state.cc.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/op.h"

namespace ferry {

std::vector<int64_t> get_state(const Op& op);
// Sets them in `attrs`, the struct of an operator `def`. False when there are other fields, or a
// field cannot have the value.
bool set_state(const OpDef& def, void* attrs, const std::vector<int64_t>& state);

}  // namespace ferry
