// SPDX-License-Identifier: Apache-2.0
// RelativePositionBias(table, q, k), T5's: [1, heads, q, k] of the table's entry for the bucket of
// k - q. The first half of the buckets are distances, the others grow with the logarithm up to
// max_distance. The table is declared [buckets, heads], and holds a row of buckets per head.
#include <cmath>

#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {
namespace {

// Buckets from 0 of distances `d`, i64.
ValueId bucket_of(Emitter& e, ValueId d, int64_t buckets, int64_t max_distance) {
  const int64_t exact = buckets / 2;
  const auto f32 = [&](double v) { return e.scalar(v, DType::kFloat32); };
  const auto i64 = [&](int64_t v) { return e.scalar(static_cast<double>(v), DType::kInt64); };
  const float span = std::log(static_cast<float>(max_distance) / static_cast<float>(exact));
  const ValueId far = e.cast(e("Max", {d, i64(exact)}), DType::kFloat32);
  const ValueId steps = e("Div", {e("Log", {e("Div", {far, f32(static_cast<double>(exact))})}),
                                  f32(static_cast<double>(span))});
  const ValueId grown = e("Mul", {steps, f32(static_cast<double>(buckets - exact))});
  const ValueId large = e("Add", {e.cast(grown, DType::kInt64), i64(exact)});
  return e("Where", {e("Less", {d, i64(exact)}), d, e("Min", {large, i64(buckets - 1)})});
}

Status relative_position_bias(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 3));
  const Type table = r.type(node.inputs[0]);
  const bool sized = table.has_rank() && table.rank() == 2 && (*table.shape)[0].is_constant() &&
                     (*table.shape)[1].is_constant();
  if (!sized) {
    return unsupported_op("the table {}; wanted is [buckets, heads], known", table.to_string());
  }
  const int64_t buckets = (*table.shape)[0].constant(), heads = (*table.shape)[1].constant();
  const bool both = node.get_int("is_bidirectional", 0) != 0;
  const int64_t max_distance = node.get_int("max_distance", 128);
  const int64_t of_side = both ? buckets / 2 : buckets;
  if (of_side < 2 || max_distance <= of_side / 2) {
    return invalid_model("{} buckets up to a distance of {}", buckets, max_distance);
  }
  Emitter e(r);
  const auto positions = [&](size_t i) { return e.range(e.cast(node.inputs[i], DType::kInt64)); };
  const ValueId rows = e("Unsqueeze", {positions(1), e.ints({1})});
  const ValueId apart = e("Sub", {positions(2), rows});
  ValueId bucket = bucket_of(e, e("Abs", {apart}), of_side, max_distance);
  if (both) {
    const ValueId zero = e.scalar(0, DType::kInt64);
    const ValueId later = e.scalar(static_cast<double>(of_side), DType::kInt64);
    bucket = e("Add", {bucket, e("Where", {e("Greater", {apart, zero}), later, zero})});
  }
  const ValueId by_head = e("Reshape", {node.inputs[0], e.ints({1, heads, buckets})});
  become(node, "Gather", {by_head, bucket});
  node.set("axis", int64_t{2});
  return e.status();
}

}  // namespace

void add_contrib_relative_position(std::vector<UpgradeRow>& rows) {
  rows.push_back({"com.microsoft.RelativePositionBias", kAnyVersion, relative_position_bias});
}

}  // namespace ferry::onnx
