// SPDX-License-Identifier: Apache-2.0
// The step that applies a typed kernel to every element.
#pragma once

#include <string>
#include <utility>

#include "base/status.h"
#include "kernels/typed/typed.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {

// y has the shape of input 0 and elements of type `to`.
class TypedUnaryStep final : public StepKernel {
 public:
  TypedUnaryStep(std::string name, TypedUnaryRow row, DType to)
      : name_(std::move(name)), row_(row), to_(to) {}
  std::string name() const override { return name_; }
  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, to_, x.dims()));
    const int64_t in = dtype_bits(x.dtype()) / 8, out = dtype_bits(to_) / 8;
    const auto* from = static_cast<const char*>(x.raw());
    auto* to = static_cast<char*>(y.raw());
    parallel_range(
        c.team(), x.count(), x.count() >= kMinParallelValues,
        [&](int64_t i0, int64_t i1, int) { row_(from + i0 * in, to + i0 * out, i1 - i0); });
    return {};
  }

 private:
  std::string name_;
  TypedUnaryRow row_;
  DType to_;
};

}  // namespace ferry
