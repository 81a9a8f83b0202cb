// SPDX-License-Identifier: Apache-2.0
#include "ops/quantization/matmul_integer.h"

#include <algorithm>

#include "ops/math/matmul_geometry.h"
#include "ops/nn/window.h"
#include "ops/poll_every.h"
#include "ops/quantization/number.h"
#include "ops/registry.h"
#include "ops/walk.h"

namespace ferry {
namespace {

constexpr TypeSet kBytes = {DType::kInt8, DType::kUInt8};
constexpr TypeSet kQuantized = kBytes | types::kFloat8;
constexpr TypeSet kScales = {DType::kFloat32, DType::kFloat16, DType::kBFloat16};

Status infer_integer(const MatMulInteger&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type a, c.tensor(0, kBytes, 1));
  FERRY_ASSIGN_OR_RETURN(const Type b, c.tensor(1, kBytes, 1));
  for (size_t i = 2; i < 4; ++i) {
    if (!c.has_input(i)) continue;
    FERRY_RETURN_IF_ERROR(c.tensor(i, kBytes).status());
    FERRY_RETURN_IF_ERROR(c.same_dtype(i - 2, i));
  }
  FERRY_ASSIGN_OR_RETURN(std::optional<Shape> shape, matmul_shape(a, b));
  c.set_tensor(0, DType::kInt32, std::move(shape));
  return {};
}

Status infer_linear(const QLinearMatMul&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type a, c.tensor(0, kQuantized, 1));
  FERRY_ASSIGN_OR_RETURN(const Type b, c.tensor(3, kQuantized, 1));
  for (size_t i : {1, 4, 6}) FERRY_RETURN_IF_ERROR(c.tensor(i, kScales).status());
  for (size_t i : {2, 5}) {
    FERRY_RETURN_IF_ERROR(c.tensor(i, kQuantized).status());
    FERRY_RETURN_IF_ERROR(c.same_dtype(i - 2, i));
  }
  FERRY_ASSIGN_OR_RETURN(const Type zero, c.tensor(7, kQuantized));
  FERRY_ASSIGN_OR_RETURN(std::optional<Shape> shape, matmul_shape(a, b));
  c.set_tensor(0, zero.dtype, std::move(shape));
  return {};
}

// A scale or zero point for every element of an operand of `dims`. A vector belongs to the rows of
// an operand of rank 2 or more when `rows`, else to the last axis.
class Parameter {
 public:
  static Result<Parameter> make(EvalContext& c, const Tensor* t, const Dims& dims, bool rows,
                                double absent, const char* name) {
    Parameter p;
    p.strides_ = Dims::filled(dims.size(), 0);
    if (t == nullptr) {
      FERRY_ASSIGN_OR_RETURN(p.values_, WorkingArray<double>::filled(c, 1, absent));
      return p;
    }
    FERRY_ASSIGN_OR_RETURN(p.values_, number_contents(c, *t));
    if (t->count() == 1) return p;
    Dims from = t->dims();
    if (rows && from.size() == 1 && dims.size() > 1) from.push_back(1);
    bool fits = from.size() <= dims.size();
    for (size_t i = 0; fits && i < from.size(); ++i) {
      const int64_t d = from[from.size() - 1 - i];
      fits = d == 1 || d == dims[dims.size() - 1 - i];
    }
    if (!fits) {
      return shape_mismatch("{} is {}, which does not belong to {}", name, t->describe(),
                            dims.to_string());
    }
    p.strides_ = broadcast_strides(from, dims);
    return p;
  }
  double at(const Dims& position) const {
    int64_t i = 0;
    for (size_t a = 0; a < position.size(); ++a) i += position[a] * strides_[a];
    return values_[static_cast<size_t>(i)];
  }

 private:
  WorkingArray<double> values_;
  Dims strides_;
};

// The operand minus its zero point.
Result<WorkingArray<double>> centred(EvalContext& c, size_t operand, size_t zero, bool rows) {
  const Tensor& t = c.input(operand);
  FERRY_ASSIGN_OR_RETURN(const Parameter p,
                         Parameter::make(c, c.has_input(zero) ? &c.input(zero) : nullptr, t.dims(),
                                         rows, 0, "a zero point"));
  FERRY_ASSIGN_OR_RETURN(auto values, number_contents(c, t));
  Dims at = Dims::filled(t.rank(), 0);
  PollEvery polls(c);
  for (double& v : values) {
    FERRY_RETURN_IF_ERROR(polls.spend(16));
    v -= p.at(at);
    next_position(at, t.dims());
  }
  return values;
}

// Calls row(sums) for each row of the product in order.
template <class Row>
Status multiply(const MatMulSizes& s, const WorkingArray<double>& a, const WorkingArray<double>& b,
                EvalContext& c, Row&& row) {
  FERRY_ASSIGN_OR_RETURN(auto sums, WorkingArray<double>::make(c, s.n));
  PollEvery polls(c);
  return for_each_row<2>(c, s.batch, {s.a_strides, s.b_strides},
                         [&](int64_t count, const auto& at, const auto& step) -> Status {
                           for (int64_t t = 0; t < count; ++t) {
                             const double* x = a.data() + (at[0] + t * step[0]) * s.m * s.k;
                             const double* y = b.data() + (at[1] + t * step[1]) * s.k * s.n;
                             for (int64_t i = 0; i < s.m; ++i, x += s.k) {
                               std::fill(sums.begin(), sums.end(), 0.0);
                               for (int64_t k = 0; k < s.k; ++k) {
                                 FERRY_RETURN_IF_ERROR(polls.spend(s.n + 4));
                                 for (int64_t j = 0; j < s.n; ++j)
                                   sums[size_t(j)] += x[k] * y[k * s.n + j];
                               }
                               row(sums);
                             }
                           }
                           return {};
                         });
}

// An exact integer of up to 53 bits as i32, wrapping.
int32_t wrap(double v) {
  return static_cast<int32_t>(static_cast<uint32_t>(static_cast<int64_t>(v)));
}

Status eval_integer(const MatMulInteger&, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const MatMulSizes s, matmul_sizes(c.input(0), c.input(1)));
  FERRY_ASSIGN_OR_RETURN(const auto a, centred(c, 0, 2, true));
  FERRY_ASSIGN_OR_RETURN(const auto b, centred(c, 1, 3, false));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kInt32, s.out));
  if (y.count() == 0) return {};
  auto* to = y.data<int32_t>();
  return multiply(s, a, b, c, [&](const WorkingArray<double>& sums) {
    for (double v : sums) *to++ = wrap(v);
  });
}

Status eval_linear(const QLinearMatMul&, EvalContext& c) {
  const Tensor &ta = c.input(0), &tb = c.input(3);
  FERRY_ASSIGN_OR_RETURN(const MatMulSizes s, matmul_sizes(ta, tb));
  FERRY_ASSIGN_OR_RETURN(const auto a, centred(c, 0, 2, true));
  FERRY_ASSIGN_OR_RETURN(const auto b, centred(c, 3, 5, false));
  // What belongs to rows of a or columns of b broadcasts to the product.
  Dims product = s.batch;
  product.push_back(s.m);
  product.push_back(s.n);
  const auto parameter = [&](size_t i, bool rows, const char* name) {
    return Parameter::make(c, &c.input(i), product, rows, 0, name);
  };
  FERRY_ASSIGN_OR_RETURN(const Parameter a_scale, parameter(1, true, "a_scale"));
  FERRY_ASSIGN_OR_RETURN(const Parameter b_scale, parameter(4, false, "b_scale"));
  FERRY_ASSIGN_OR_RETURN(const Parameter y_scale, parameter(6, true, "y_scale"));
  FERRY_ASSIGN_OR_RETURN(const Parameter y_zero, parameter(7, true, "y_zero_point"));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, c.input(7).dtype(), s.out));
  if (y.count() == 0) return {};
  FERRY_ASSIGN_OR_RETURN(QuantizedWriter writer, QuantizedWriter::make(y, true, c.budget()));
  int64_t at = 0;
  Dims position = Dims::filled(product.size(), 0);
  FERRY_RETURN_IF_ERROR(multiply(s, a, b, c, [&](const WorkingArray<double>& sums) {
    for (double sum : sums) {
      const float factor =
          float(a_scale.at(position)) * float(b_scale.at(position)) / float(y_scale.at(position));
      writer.put(at++, double(static_cast<float>(sum) * factor), y_zero.at(position));
      next_position(position, product);
    }
  }));
  writer.finish();
  return {};
}

}  // namespace

void register_matmul_integer(OpRegistry& r) {
  r.op<MatMulInteger>("MatMulInteger")
      .since(10)
      .inputs(2, 4)
      .infer(infer_integer)
      .reference(eval_integer);
  r.op<QLinearMatMul>("QLinearMatMul")
      .since(21)
      .inputs(8)
      .infer(infer_linear)
      .reference(eval_linear);
}

}  // namespace ferry
