// SPDX-License-Identifier: Apache-2.0
#include "passes/lower_batch_normalization.h"

#include <cmath>

#include "ops/nn/batch_normalization.h"
#include "passes/match.h"

namespace ferry {
namespace {

using Numbers = std::vector<double>;

bool others_unused(const Graph& g, const Node& n) {
  for (size_t i = 1; i < n.outputs.size(); ++i) {
    const ValueId v = n.outputs[i];
    if (v != kNone && (!g.value(v).users.empty() || g.is_output(v))) return false;
  }
  return true;
}

std::optional<Patch> lower(const Graph& g, const Node& n, const PassOptions&) {
  const auto* op = n.op.as<BatchNormalization>();
  if (op == nullptr || op->training_mode || !others_unused(g, n)) return std::nullopt;
  const Type& x = g.value(n.inputs[0]).type;
  if (!x.has_rank() || x.rank() < 2 || x.dtype != DType::kFloat32) return std::nullopt;
  std::vector<Numbers> p;  // scale, bias, mean, variance
  for (size_t i = 1; i < 5; ++i) {
    auto numbers = constant_numbers(g, n.inputs[i]);
    if (!numbers || (i > 1 && numbers->size() != p[0].size())) return std::nullopt;
    p.push_back(*std::move(numbers));
  }
  // Where the channels are not known, Mul and Add would broadcast a single one.
  if (p[0].empty() || !(*x.shape)[1].is_constant(static_cast<int64_t>(p[0].size()))) {
    return std::nullopt;
  }
  Numbers a = p[0], b = p[1];
  for (size_t c = 0; c < a.size(); ++c) {
    a[c] /= std::sqrt(p[3][c] + static_cast<double>(op->epsilon));
    b[c] -= p[2][c] * a[c];
  }
  Dims dims = {static_cast<int64_t>(a.size())};
  for (size_t axis = 2; axis < x.rank(); ++axis) dims.push_back(1);
  PatchBuilder patch(g);
  const ValueId scale = patch.constant(make_floats(x.dtype, dims, a));
  const ValueId shift = patch.constant(make_floats(x.dtype, dims, b));
  const ValueId scaled = patch.add(make_op("Mul"), {n.inputs[0], scale});
  patch.replace(n.outputs[0], patch.add(make_op("Add"), {scaled, shift}));
  return std::move(patch).build();
}

}  // namespace

Pass lower_batch_normalization() {
  return {"lower_batch_normalization", {{"lower", lower}}, nullptr};
}

}  // namespace ferry
