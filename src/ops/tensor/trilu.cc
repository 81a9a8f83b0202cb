// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/trilu.h"

#include "ops/arguments.h"
#include "ops/in_pieces.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

constexpr TypeSet kAllowed = types::kNumeric | types::kBool | types::kComplex | types::kString;

Status infer(const Trilu&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, kAllowed, 2));
  if (c.has_input(1)) {
    FERRY_RETURN_IF_ERROR(c.tensor(1, {DType::kInt64}, 0, 1).status());
    FERRY_RETURN_IF_ERROR(check_scalar(c, 1));
  }
  c.set_type(0, std::move(x));
  return {};
}

Status eval(const Trilu& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  if (x.rank() < 2) return shape_mismatch("x is {}, wanted is rank 2 or more", x.describe());
  int64_t k = 0;
  if (c.has_input(1)) {
    FERRY_ASSIGN_OR_RETURN(k, read_int(c.input(1), "k"));
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  if (y.count() == 0) return {};
  const int64_t n = x.dim(x.rank() - 2), m = x.dims().back();
  const int64_t rows = x.dims().count(0, x.rank() - 1);
  return visit_storage(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    const T* from = x.data<T>();
    T* to = y.data<T>();
    PollEvery polls(c);
    for (int64_t r = 0; r < rows; ++r) {
      FERRY_RETURN_IF_ERROR(in_pieces(polls, m, 2, [&](int64_t j, int64_t end) {
        for (; j < end; ++j, ++from, ++to) {
          const int64_t diagonal = j - r % n;
          *to = (op.upper ? diagonal >= k : diagonal <= k) ? *from : T{};
        }
      }));
    }
    return {};
  });
}

}  // namespace

void register_trilu(OpRegistry& r) {
  r.op<Trilu>("Trilu")
      .since(14)
      .inputs(1, 2)
      .attr("upper", &Trilu::upper)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
