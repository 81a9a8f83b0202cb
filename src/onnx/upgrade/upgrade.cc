// SPDX-License-Identifier: Apache-2.0
#include "onnx/upgrade/upgrade.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "base/status.h"
#include "onnx/upgrade/table.h"
#include "tensor/int_contents.h"
#include "tensor/visit.h"

namespace ferry::onnx {

ValueId Rewriter::ints(const std::vector<int64_t>& values) {
  return add_constant(int64_tensor(values));
}

ValueId Rewriter::scalar_int(int64_t value) { return add_constant(int64_tensor({value}, true)); }

Result<ValueId> Rewriter::scalar(double value, DType type) {
  FERRY_ASSIGN_OR_RETURN(Tensor t, Tensor::allocate(type, {}));
  FERRY_RETURN_IF_ERROR(visit_numeric(type, [&]<class T>(TypeTag<T>) -> Status {
    if constexpr (std::is_integral_v<T>) {
      // The largest value as a double is one above it in 64 bits, hence '<' on the next power of 2.
      const double end = std::ldexp(1.0, std::numeric_limits<T>::digits);
      const double begin = std::is_signed_v<T> ? -end : 0;
      if (!(value >= begin && value < end) || value != std::trunc(value)) {
        return invalid_model("it needs the number {}, which its type {} does not have", value,
                             dtype_name(type));
      }
    }
    *t.data<T>() = static_cast<T>(static_cast<compute_t<T>>(value));
    return {};
  }));
  return add_constant(std::move(t));
}

std::optional<std::vector<int64_t>> Rewriter::constant_ints(ValueId value) const {
  const Tensor* t = constant(value);
  return t == nullptr ? std::nullopt : int_contents(*t);
}

Result<ValueId> Rewriter::emit(std::string_view op_type, std::vector<ValueId> inputs,
                               std::vector<std::pair<std::string, AttrValue>> attrs) {
  SourceNode node;
  node.op_type = op_type;
  node.inputs = std::move(inputs);
  node.outputs = {new_value()};
  node.attrs = std::move(attrs);
  const ValueId output = node.outputs[0];
  FERRY_RETURN_IF_ERROR(add_before(std::move(node)));
  return output;
}

std::span<const UpgradeRow> upgrades_of(std::string_view full_name) {
  static const std::vector<UpgradeRow> rows = [] {
    std::vector<UpgradeRow> all = upgrade_rows();
    std::stable_sort(all.begin(), all.end(), [](const UpgradeRow& a, const UpgradeRow& b) {
      return a.op != b.op ? a.op < b.op : a.before < b.before;
    });
    return all;
  }();
  const auto from =
      std::lower_bound(rows.begin(), rows.end(), full_name,
                       [](const UpgradeRow& row, std::string_view name) { return row.op < name; });
  auto to = from;
  while (to != rows.end() && to->op == full_name) ++to;
  return {from, to};
}

}  // namespace ferry::onnx
