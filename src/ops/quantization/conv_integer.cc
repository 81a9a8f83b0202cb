// SPDX-License-Identifier: Apache-2.0
#include "ops/quantization/conv_integer.h"

#include "ops/nn/convolve.h"
#include "ops/quantization/number.h"

namespace ferry {
namespace {

constexpr TypeSet kBytes = {DType::kInt8, DType::kUInt8};

// Where x and w are among the inputs, and their zero points.
struct Slots {
  size_t x, w, x_zero, w_zero;
};
constexpr Slots kInteger = {0, 1, 2, 3};
constexpr Slots kLinear = {0, 3, 2, 5};

template <class Op>
Result<std::optional<Shape>> infer_shape(const Op& op, const Slots& at, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(at.x, kBytes, 2));
  FERRY_ASSIGN_OR_RETURN(const Type w, c.tensor(at.w, kBytes, 2));
  if (c.has_input(at.x_zero)) {
    FERRY_RETURN_IF_ERROR(c.tensor(at.x_zero, kBytes, 0, 1).status());
    FERRY_RETURN_IF_ERROR(c.same_dtype(at.x, at.x_zero));
  }
  if (c.has_input(at.w_zero)) {
    FERRY_RETURN_IF_ERROR(c.tensor(at.w_zero, kBytes, 0, 1).status());
    FERRY_RETURN_IF_ERROR(c.same_dtype(at.w, at.w_zero));
  }
  return infer_conv({op.auto_pad, op.kernel_shape, op.strides, op.pads, op.dilations}, op.group,
                    op.channels_last, x, w, c);
}

Status infer_integer(const ConvInteger& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(std::optional<Shape> shape, infer_shape(op, kInteger, c));
  c.set_tensor(0, DType::kInt32, std::move(shape));
  return {};
}

Status infer_linear(const QLinearConv& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(std::optional<Shape> shape, infer_shape(op, kLinear, c));
  for (size_t i : {1, 4, 6}) {
    FERRY_RETURN_IF_ERROR(c.tensor(i, {DType::kFloat32}, 0, 1).status());
  }
  FERRY_ASSIGN_OR_RETURN(const Type zero, c.tensor(7, kBytes, 0, 1));
  if (c.has_input(8)) FERRY_RETURN_IF_ERROR(c.tensor(8, {DType::kInt32}, 1, 1).status());
  c.set_tensor(0, zero.dtype, std::move(shape));
  return {};
}

int32_t byte_at(const Tensor& t, int64_t i) {
  return t.dtype() == DType::kInt8 ? t.data<int8_t>()[i] : t.data<uint8_t>()[i];
}

// One value per output channel from a scalar or a list; `absent` when there is no input.
Result<WorkingArray<double>> per_channel(EvalContext& c, size_t i, int64_t channels,
                                         double absent) {
  using Values = WorkingArray<double>;
  if (!c.has_input(i)) return Values::filled(c, channels, absent);
  const Tensor& t = c.input(i);
  FERRY_ASSIGN_OR_RETURN(Values values, number_contents(c, t));
  if (t.count() == 1) {
    FERRY_ASSIGN_OR_RETURN(values, Values::filled(c, channels, values[0]));
  }
  if (static_cast<int64_t>(values.size()) != channels || t.rank() > 1) {
    return shape_mismatch("input {} is {}, wanted is a scalar or [{}]", i, t.describe(), channels);
  }
  return values;
}
Result<double> scalar(EvalContext& c, size_t i, double absent) {
  FERRY_ASSIGN_OR_RETURN(const auto values, per_channel(c, i, 1, absent));
  return values[0];
}

// store(i, m, sum): element i of y; the sum wraps in 32 bits.
template <class Op, class MakeStore>
Status run(const Op& op, const Slots& at, DType type, MakeStore&& make_store, EvalContext& c) {
  const Tensor &x = c.input(at.x), &w = c.input(at.w);
  if (x.rank() < 2) return shape_mismatch("x is {}, wanted is rank 2 or more", x.describe());
  FERRY_ASSIGN_OR_RETURN(Window window, window_of(op, x.rank() - 2));
  FERRY_ASSIGN_OR_RETURN(const ConvSizes s,
                         conv_sizes(window, x, w, op.group, false, op.channels_last));
  FERRY_ASSIGN_OR_RETURN(const double x_zero, scalar(c, at.x_zero, 0));
  FERRY_ASSIGN_OR_RETURN(const auto w_zero, per_channel(c, at.w_zero, s.out_total(), 0));
  FERRY_ASSIGN_OR_RETURN(
      Tensor y, c.output(0, type, image_dims(s.batch, s.out_total(), s.out, op.channels_last)));
  const auto zero = static_cast<int32_t>(x_zero);
  FERRY_ASSIGN_OR_RETURN(auto store, make_store(s, y));
  return convolve<uint32_t>(
      s, window, [&](int64_t i) { return static_cast<uint32_t>(byte_at(x, i) - zero); },
      [&](int64_t i, int64_t m) {
        return static_cast<uint32_t>(byte_at(w, i) - static_cast<int32_t>(w_zero[size_t(m)]));
      },
      [&](int64_t i, int64_t m, uint32_t sum) { store(i, m, static_cast<int32_t>(sum)); }, c);
}

Status eval_integer(const ConvInteger& op, EvalContext& c) {
  const auto make_store = [](const ConvSizes&, Tensor& y) {
    auto store = [to = y.data<int32_t>()](int64_t i, int64_t, int32_t sum) { to[i] = sum; };
    return Result<decltype(store)>(store);
  };
  return run(op, kInteger, DType::kInt32, make_store, c);
}

// Requantizes sums; all arithmetic in f32, as integer engines do it.
struct Requantize {
  std::vector<float> factors;
  std::vector<int32_t> bias;  // empty: none
  float zero_point = 0;
  IntRange range;
  Tensor y;

  void operator()(int64_t i, int64_t m, int32_t sum) {
    if (!bias.empty()) {
      sum =
          static_cast<int32_t>(static_cast<uint32_t>(sum) + static_cast<uint32_t>(bias[size_t(m)]));
    }
    const float v = static_cast<float>(sum) * factors[size_t(m)];
    y.data<uint8_t>()[i] = static_cast<uint8_t>(quantize_int(double(v), double(zero_point), range));
  }
};

Result<Requantize> make_requantize(const ConvSizes& s, Tensor& y, EvalContext& c) {
  FERRY_RETURN_IF_ERROR(check_bias(c, 8, s.out_total()));
  FERRY_ASSIGN_OR_RETURN(const double x_scale, scalar(c, 1, 1));
  FERRY_ASSIGN_OR_RETURN(const auto w_scale, per_channel(c, 4, s.out_total(), 1));
  FERRY_ASSIGN_OR_RETURN(const double y_scale, scalar(c, 6, 1));
  FERRY_ASSIGN_OR_RETURN(const double zero, scalar(c, 7, 0));
  Requantize r;
  for (double w : w_scale) {
    r.factors.push_back(float(x_scale) * float(w) / float(y_scale));
  }
  if (c.has_input(8)) {
    const auto b = c.input(8).elements<int32_t>();
    r.bias.assign(b.begin(), b.end());
  }
  r.zero_point = float(zero);
  r.range = *int_range(y.dtype());
  r.y = y;
  return r;
}

Status eval_linear(const QLinearConv& op, EvalContext& c) {
  const auto make_store = [&c](const ConvSizes& s, Tensor& y) { return make_requantize(s, y, c); };
  return run(op, kLinear, c.input(7).dtype(), make_store, c);
}

}  // namespace

void register_conv_integer(OpRegistry& r) {
  auto integer = r.op<ConvInteger>("ConvInteger");
  window_attrs(integer)
      .since(10)
      .inputs(2, 4)
      .attr("group", &ConvInteger::group)
      .infer(infer_integer)
      .reference(eval_integer);
  auto linear = r.op<QLinearConv>("QLinearConv");
  window_attrs(linear)
      .since(10)
      .inputs(8, 9)
      .attr("group", &QLinearConv::group)
      .infer(infer_linear)
      .reference(eval_linear);
}

}  // namespace ferry
