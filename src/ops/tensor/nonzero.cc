// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/nonzero.h"

#include <vector>

#include "ops/in_ranges.h"
#include "ops/registry.h"
#include "ops/walk.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

constexpr TypeSet kAllowed = types::kNumeric | types::kBool | types::kComplex | types::kString;

Status infer(const NonZero&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, kAllowed));
  Shape shape = c.fresh_shape(0, 2);
  if (x.shape) shape[0] = Dim(static_cast<int64_t>(x.rank()));
  c.set_tensor(0, DType::kInt64, std::move(shape));
  return {};
}

template <class T>
bool is_zero(const T& v) {
  if constexpr (std::is_same_v<T, std::string>)
    return v.empty();
  else
    return v == T(0);
}

template <class T>
Status positions(const Tensor& x, EvalContext& c) {
  int64_t count = 0;
  FERRY_RETURN_IF_ERROR(in_ranges(c, x.count(), 1, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) count += is_zero(x.data<T>()[i]) ? 0 : 1;
  }));
  FERRY_ASSIGN_OR_RETURN(Tensor y,
                         c.output(0, DType::kInt64, Dims{static_cast<int64_t>(x.rank()), count}));
  const Dims dense = dense_strides(x.dims());
  int64_t n = 0;
  const auto work = static_cast<int64_t>(8 * x.rank());
  return in_ranges(c, x.count(), work, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      if (is_zero(x.data<T>()[i])) continue;
      for (size_t a = 0; a < x.rank(); ++a) {
        y.data<int64_t>()[static_cast<int64_t>(a) * count + n] = i / dense[a] % x.dim(a);
      }
      ++n;
    }
  });
}

Status eval(const NonZero&, EvalContext& c) {
  const Tensor& x = c.input(0);
  switch (x.dtype()) {
    case DType::kBool:
      return positions<bool>(x, c);
    case DType::kString:
      return positions<std::string>(x, c);
    case DType::kComplex64:
      return positions<std::complex<float>>(x, c);
    case DType::kComplex128:
      return positions<std::complex<double>>(x, c);
    default:
      return visit_numeric(x.dtype(), [&]<class T>(TypeTag<T>) { return positions<T>(x, c); });
  }
}

}  // namespace

void register_nonzero(OpRegistry& r) {
  r.op<NonZero>("NonZero").since(13).infer(infer).reference(eval);
}

}  // namespace ferry
