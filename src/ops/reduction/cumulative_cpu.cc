// SPDX-License-Identifier: Apache-2.0
// CumSum, columns side by side.
#include <algorithm>
#include <array>
#include <concepts>

#include "ops/arguments.h"
#include "ops/convert.h"
#include "ops/reduction/cumulative.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Columns that are scanned together, at most: long runs of a row, which memory likes, of sums that
// stay in L1.
constexpr int64_t kStrip = 2048;

// Floats are summed in double.
template <class T>
using SumOf = std::conditional_t<std::is_integral_v<T>, T, double>;

template <class T>
SumOf<T> plus(SumOf<T> sum, T v) {
  if constexpr (std::is_integral_v<T>)
    return wrap_add(sum, v);
  else
    return sum + static_cast<SumOf<T>>(v);
}

// Rows [k0, k1) of n, `stride` apart, of columns [0, cols); `sums` is what came before. Two rows at
// a time: sums are read and written as often as values otherwise.
template <class T>
void scan_columns(const Cumulative& op, const T* x, T* y, int64_t k0, int64_t k1, int64_t n,
                  int64_t stride, int64_t cols, SumOf<T>* __restrict sums) {
  using A = SumOf<T>;
  const bool exclusive = op.exclusive;
  const int64_t next = op.reverse ? -stride : stride;
  int64_t at = (op.reverse ? n - 1 - k0 : k0) * stride, k = k0;
  for (; k + 2 <= k1; k += 2, at += 2 * next) {
    const T* __restrict a = x + at, * __restrict b = a + next;
    T* __restrict p = y + at, * __restrict q = p + next;
    for (int64_t i = 0; i < cols; ++i) {
      const A before = sums[i], between = plus(before, a[i]), after = plus(between, b[i]);
      sums[i] = after;
      p[i] = static_cast<T>(exclusive ? before : between);
      q[i] = static_cast<T>(exclusive ? between : after);
    }
  }
  if (k == k1) return;
  for (int64_t i = 0; i < cols; ++i) {
    const A before = sums[i], sum = plus(before, x[at + i]);
    sums[i] = sum;
    y[at + i] = static_cast<T>(exclusive ? before : sum);
  }
}

// Rows of floats that are scanned at once: one sum of doubles alone waits for its own additions. No
// more than four, whose lines and those of y fit L1 where rows are 4 KiB apart.
template <class T>
constexpr int64_t kTogether = std::is_integral_v<T> ? 1 : 4;

// Values [k0, k1) of `rows` rows of n; `sums` is what came before.
template <class T>
void scan_rows(const Cumulative& op, const T* x, T* y, int64_t k0, int64_t k1, int64_t n,
               int64_t rows, std::array<double, kTogether<T>>& carried) {
  std::array<double, kTogether<T>> sums = carried;
  const bool exclusive = op.exclusive;
  const auto step = [&](int64_t at, double& sum) {
    const double before = sum;
    sum = plus(before, x[at]);
    y[at] = static_cast<T>(exclusive ? before : sum);
  };
  const int64_t first = op.reverse ? n - 1 - k0 : k0, next = op.reverse ? -1 : 1;
  for (int64_t k = k0, at = first; k < k1; ++k, at += next) {
    if (rows == kTogether<T>) {
      for (size_t r = 0; r < kTogether<T>; ++r) step(static_cast<int64_t>(r) * n + at, sums[r]);
    } else {
      for (int64_t r = 0; r < rows; ++r) step(r * n + at, sums[static_cast<size_t>(r)]);
    }
  }
  carried = sums;
}

// One row of integers, four to a step of the sum.
template <std::integral T>
void scan_rows(const Cumulative& op, const T* x, T* y, int64_t k0, int64_t k1, int64_t n, int64_t,
               std::array<T, 1>& carried) {
  T sum = carried[0];
  const int64_t first = op.reverse ? n - 1 - k0 : k0, next = op.reverse ? -1 : 1;
  x += first;
  y += first;
  const auto put = [&](std::array<T, 4> sums, T before, int64_t count) {
    if (op.exclusive) sums = {before, sums[0], sums[1], sums[2]};
    for (int64_t j = 0; j < count; ++j) y[j * next] = sums[static_cast<size_t>(j)];
    x += count * next;
    y += count * next;
  };
  int64_t k = k0;
  for (; k + 4 <= k1; k += 4) {
    const T two = wrap_add(x[0], x[next]), rest = wrap_add(x[2 * next], x[3 * next]);
    const T before = sum;
    sum = wrap_add(before, wrap_add(two, rest));
    put({wrap_add(before, x[0]), wrap_add(before, two),
         wrap_add(before, wrap_add(two, x[2 * next])), sum},
        before, 4);
  }
  for (; k < k1; ++k) {
    const T before = sum;
    sum = wrap_add(before, x[0]);
    put({sum}, before, 1);
  }
  carried[0] = sum;
}

// Rows that are scanned before the deadline is looked at.
constexpr int64_t kSlice = 16 << 10;

template <class T>
Status run_typed(const Cumulative& op, StepContext& c, size_t axis) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  if (y.count() == 0) return {};
  const int64_t n = x.dim(axis), inner = x.dims().count(axis + 1, x.rank());
  const bool worthwhile = x.count() >= kMinParallelValues;
  if (inner == 1) {
    constexpr int64_t kRows = kTogether<T>;
    const int64_t rows = x.count() / n;
    parallel_range(c.team(), (rows + kRows - 1) / kRows, worthwhile,
                   [&](int64_t u0, int64_t u1, int) {
                     for (int64_t r = u0 * kRows; r < std::min(rows, u1 * kRows); r += kRows) {
                       std::array<SumOf<T>, kRows> sums{};
                       c.team().in_slices(0, n, kSlice, [&](int64_t k0, int64_t k1) {
                         scan_rows(op, x.data<T>() + r * n, y.data<T>() + r * n, k0, k1, n,
                                   std::min(kRows, rows - r), sums);
                       });
                     }
                   });
    return {};
  }
  const int64_t width = std::clamp<int64_t>(inner / c.team().size() / 16 * 16, 64, kStrip);
  const int64_t strips = (inner + width - 1) / width;
  parallel_range(c.team(), x.count() / (n * inner) * strips, worthwhile,
                 [&](int64_t u0, int64_t u1, int) {
                   for (int64_t u = u0; u < u1; ++u) {
                     const int64_t column = u % strips * width;
                     const int64_t at = u / strips * n * inner + column;
                     const int64_t cols = std::min(width, inner - column);
                     std::array<SumOf<T>, kStrip> sums;  // NOLINT(*-member-init)
                     std::fill_n(sums.data(), cols, SumOf<T>(0));
                     c.team().in_slices(0, n, kSlice / 64, [&](int64_t k0, int64_t k1) {
                       scan_columns(op, x.data<T>() + at, y.data<T>() + at, k0, k1, n, inner, cols,
                                    sums.data());
                     });
                   }
                 });
  return {};
}

class CumSumStep final : public StepKernel {
 public:
  explicit CumSumStep(const Cumulative& op) : op_(op) {}
  std::string name() const override { return "cumsum"; }
  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const int64_t given, read_int(c.input(1), "axis"));
    FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(given, x.rank()));
    switch (x.dtype()) {
      case DType::kFloat32:
        return run_typed<float>(op_, c, axis);
      case DType::kFloat64:
        return run_typed<double>(op_, c, axis);
      case DType::kInt32:
        return run_typed<int32_t>(op_, c, axis);
      default:
        return run_typed<int64_t>(op_, c, axis);
    }
  }

 private:
  Cumulative op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const DType type = request.type(0).dtype;
  if (type != DType::kFloat32 && type != DType::kFloat64 && type != DType::kInt32 &&
      type != DType::kInt64) {
    return KernelOffer(std::string("no kernel for this type"));
  }
  return KernelOffer(std::make_unique<CumSumStep>(*request.node.op.as<Cumulative>()));
}

}  // namespace

void register_cumulative_cpu(KernelRegistry& r) { r.add("CumSum", "cumsum", make); }

}  // namespace ferry
