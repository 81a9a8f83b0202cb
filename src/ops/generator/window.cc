// SPDX-License-Identifier: Apache-2.0
#include "ops/generator/window.h"

#include <cmath>

#include "ops/arguments.h"
#include "ops/convert.h"
#include "ops/poll_every.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status infer(const WindowFunction& op, InferContext& c) {
  FERRY_RETURN_IF_ERROR(c.tensor(0, types::kIndices, 0, 1).status());
  FERRY_RETURN_IF_ERROR(check_scalar(c, 0));
  if (!types::kNumeric.contains(op.output_datatype)) {
    return unsupported_type("output_datatype is {}", dtype_name(op.output_datatype));
  }
  const auto size = c.known(0);
  Dim d = size && size->size() == 1 ? (*size)[0] : c.fresh_dim(0, 0);
  if (d.is_constant() && d.constant() < 0) return invalid_model("size is {}", d.constant());
  c.set_tensor(0, op.output_datatype, Shape{std::move(d)});
  return {};
}

double value(WindowKind kind, double angle) {
  switch (kind) {
    case WindowKind::kHann:
      return 0.5 - 0.5 * std::cos(angle);
    case WindowKind::kHamming:
      return 25.0 / 46 - 21.0 / 46 * std::cos(angle);
    case WindowKind::kBlackman:
      return 0.42 - 0.5 * std::cos(angle) + 0.08 * std::cos(2 * angle);
  }
  return 0;
}

Status eval(const WindowFunction& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const int64_t size, read_int(c.input(0), "size"));
  if (size < 0) return invalid_argument("size is {}, wanted is 0 or more", size);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, op.output_datatype, Dims{size}));
  // A symmetric window of one element is a one.
  const auto n = static_cast<double>(op.periodic ? size : size - 1);
  return visit_numeric(op.output_datatype, [&]<class T>(TypeTag<T>) -> Status {
    PollEvery polls(c);
    for (int64_t i = 0; i < size; ++i) {
      FERRY_RETURN_IF_ERROR(polls.spend(32));
      const double angle = 2 * 3.14159265358979323846 * static_cast<double>(i);
      const double v = n == 0 ? 1 : value(op.kind, angle / n);
      y.data<T>()[i] = static_cast<T>(convert_number<compute_t<T>>(v));
    }
    return {};
  });
}

}  // namespace

void register_window(OpRegistry& r) {
  const auto add = [&](const char* name, WindowKind kind) {
    WindowFunction defaults;
    defaults.kind = kind;
    r.op<WindowFunction>(name, defaults)
        .since(17)
        .attr("output_datatype", &WindowFunction::output_datatype)
        .attr("periodic", &WindowFunction::periodic)
        .infer(infer)
        .reference(eval);
  };
  add("HannWindow", WindowKind::kHann);
  add("HammingWindow", WindowKind::kHamming);
  add("BlackmanWindow", WindowKind::kBlackman);
}

}  // namespace ferry
