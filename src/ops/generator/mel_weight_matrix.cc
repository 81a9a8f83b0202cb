// SPDX-License-Identifier: Apache-2.0
#include "ops/generator/mel_weight_matrix.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "ops/arguments.h"
#include "ops/convert.h"
#include "ops/in_pieces.h"
#include "ops/in_ranges.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status infer(const MelWeightMatrix& op, InferContext& c) {
  for (size_t i = 0; i < 5; ++i) {
    FERRY_RETURN_IF_ERROR(c.tensor(i, i < 3 ? types::kIndices : types::kFloating, 0, 1).status());
    FERRY_RETURN_IF_ERROR(check_scalar(c, i));
  }
  if (!types::kNumeric.contains(op.output_datatype)) {
    return unsupported_type("output_datatype is {}", dtype_name(op.output_datatype));
  }
  const auto bands = c.known(0), length = c.known(1);
  Shape shape = c.fresh_shape(0, 2);
  if (length && length->size() == 1) shape[0] = floor_div((*length)[0], 2) + 1;
  if (bands && bands->size() == 1) shape[1] = (*bands)[0];
  c.set_tensor(0, op.output_datatype, std::move(shape));
  return {};
}

Result<double> read_number(const Tensor& t) {
  if (t.count() != 1) return invalid_argument("{} where one number was wanted", t.describe());
  double v = 0;
  FERRY_RETURN_IF_ERROR(visit_numeric(t.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    v = static_cast<double>(static_cast<compute_t<T>>(*t.data<T>()));
    return {};
  }));
  return v;
}

double mel_of(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double hertz_of(double mel) { return 700 * (std::pow(10.0, mel / 2595) - 1); }

// Calls set(bin, weight) for the bins of one band that are in [0, n) and under its triangle; for
// the same bin the last call counts.
template <class Set>
Status visit_triangle(PollEvery& polls, int64_t left, int64_t centre, int64_t right, int64_t n,
                      Set&& set) {
  if (centre == left && centre >= 0 && centre < n) set(centre, 1.0);
  if (centre != left) {
    const int64_t from = std::max<int64_t>(left, 0);
    FERRY_RETURN_IF_ERROR(
        in_pieces(polls, std::min(centre + 1, n) - from, 16, [&](int64_t i, int64_t to) {
          for (int64_t k = from + i; k < from + to; ++k) {
            set(k, static_cast<double>(k - left) / static_cast<double>(centre - left));
          }
        }));
  }
  if (right == centre) return {};
  const int64_t from = std::max<int64_t>(centre, 0);
  return in_pieces(polls, std::min(right, n) - from, 16, [&](int64_t i, int64_t to) {
    for (int64_t k = from + i; k < from + to; ++k) {
      set(k, static_cast<double>(right - k) / static_cast<double>(right - centre));
    }
  });
}

Status eval(const MelWeightMatrix& op, EvalContext& c) {
  double arg[5];
  for (size_t i = 0; i < 5; ++i) {
    FERRY_ASSIGN_OR_RETURN(arg[i], read_number(c.input(i)));
  }
  if (arg[0] < 0 || arg[1] < 0 || arg[2] <= 0 || !(arg[3] >= 0) || !(arg[4] >= arg[3]) ||
      std::isinf(arg[4])) {
    return invalid_argument("{} bands of a DFT of {} at {} Hz between {} and {} Hz", arg[0], arg[1],
                            arg[2], arg[3], arg[4]);
  }
  const auto bands = clamp_to_int<int64_t>(arg[0]);
  const int64_t bins = clamp_to_int<int64_t>(arg[1]) / 2 + 1;
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, op.output_datatype, Dims{bins, bands}));
  const double low = mel_of(arg[3]), step = (mel_of(arg[4]) - low) / (arg[0] + 2);
  const auto corner = [&](int64_t i) {
    const double hertz = hertz_of(static_cast<double>(i) * step + low);
    return clamp_to_int<int64_t>(std::floor((arg[1] + 1) * hertz / arg[2]));
  };
  // Zero is zero bits in every type.
  auto* bytes = static_cast<std::byte*>(y.raw());
  FERRY_RETURN_IF_ERROR(in_ranges(
      c, static_cast<int64_t>(y.size_bytes()), 1,
      [&](int64_t from, int64_t to) { std::fill(bytes + from, bytes + to, std::byte{0}); }));
  return visit_numeric(op.output_datatype, [&]<class T>(TypeTag<T>) -> Status {
    int64_t left = corner(0), centre = corner(1);
    PollEvery polls(c);
    for (int64_t b = 0; b < bands; ++b) {
      const int64_t right = corner(b + 2);
      FERRY_RETURN_IF_ERROR(polls.spend(64));
      FERRY_RETURN_IF_ERROR(
          visit_triangle(polls, left, centre, right, bins, [&](int64_t k, double weight) {
            y.data<T>()[k * bands + b] = static_cast<T>(convert_number<compute_t<T>>(weight));
          }));
      left = centre;
      centre = right;
    }
    return {};
  });
}

}  // namespace

void register_mel_weight_matrix(OpRegistry& r) {
  r.op<MelWeightMatrix>("MelWeightMatrix")
      .since(17)
      .inputs(5)
      .attr("output_datatype", &MelWeightMatrix::output_datatype)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
