// SPDX-License-Identifier: Apache-2.0
// CumSum and CumProd, columns side by side. fp32 has kernels of its own; other types are scanned
// here.
#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <type_traits>

#include "kernels/scan/scan.h"
#include "ops/arguments.h"
#include "ops/convert.h"
#include "ops/reduction/cumulative.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Columns that are scanned together, at most: long runs of a row, which memory likes, of totals
// that stay in L1.
constexpr int64_t kStrip = 2048;

template <bool kProduct, class T>
T next_total(T total, T v) {
  if constexpr (std::is_integral_v<T>) {
    static_assert(!kProduct);
    return wrap_add(total, v);
  } else {
    return kProduct ? total * v : total + v;
  }
}

// n rows, `next` apart, of columns [0, cols); `totals` is what came before. Two rows at a time:
// totals are read and written as often as values otherwise.
template <bool kProduct, class T>
void scan_columns(const void* from, void* to, int64_t n, int64_t next, int64_t cols,
                  const ScanForm& form, void* carried) noexcept {
  const auto* x = static_cast<const T*>(from);
  auto* y = static_cast<T*>(to);
  auto* __restrict totals = static_cast<T*>(carried);
  const bool exclusive = form.exclusive;
  int64_t k = 0;
  for (; k + 2 <= n; k += 2, x += 2 * next, y += 2 * next) {
    const T* __restrict b = x + next;
    T* __restrict p = y, * __restrict q = y + next;
    for (int64_t i = 0; i < cols; ++i) {
      const T before = totals[i], between = next_total<kProduct>(before, x[i]);
      const T after = next_total<kProduct>(between, b[i]);
      totals[i] = after;
      p[i] = exclusive ? before : between;
      q[i] = exclusive ? between : after;
    }
  }
  if (k == n) return;
  for (int64_t i = 0; i < cols; ++i) {
    const T before = totals[i], total = next_total<kProduct>(before, x[i]);
    totals[i] = total;
    y[i] = exclusive ? before : total;
  }
}

// Four rows of doubles at once, as kernels/scan: one total alone waits for its own additions. No
// more, so that their lines and those of y fit L1 where rows are 4 KiB apart.
template <bool kProduct>
void scan_doubles(const void* from, void* to, int64_t rows, int64_t n, int64_t pitch,
                  const ScanForm& form, void* totals) noexcept {
  const auto* x = static_cast<const double*>(from);
  auto* y = static_cast<double*>(to);
  std::array<double, kScanRows> carried{};
  std::copy_n(static_cast<const double*>(totals), rows, carried.begin());
  const bool exclusive = form.exclusive;
  const auto step = [&](int64_t at, double& total) {
    const double before = total;
    total = next_total<kProduct>(before, x[at]);
    y[at] = exclusive ? before : total;
  };
  const int64_t first = form.reverse ? n - 1 : 0, next = form.reverse ? -1 : 1;
  for (int64_t k = 0, at = first; k < n; ++k, at += next) {
    if (rows == kScanRows) {
      for (size_t r = 0; r < kScanRows; ++r) {
        step(static_cast<int64_t>(r) * pitch + at, carried[r]);
      }
    } else {
      for (int64_t r = 0; r < rows; ++r) step(r * pitch + at, carried[static_cast<size_t>(r)]);
    }
  }
  std::copy_n(carried.begin(), rows, static_cast<double*>(totals));
}

// A row of integers, four to a step of the sum.
template <std::integral T>
void sum_row(const T* x, T* y, int64_t n, const ScanForm& form, T& total) {
  T sum = total;
  const int64_t first = form.reverse ? n - 1 : 0, next = form.reverse ? -1 : 1;
  x += first;
  y += first;
  const auto put = [&](std::array<T, 4> sums, T before, int64_t count) {
    if (form.exclusive) sums = {before, sums[0], sums[1], sums[2]};
    for (int64_t j = 0; j < count; ++j) y[j * next] = sums[static_cast<size_t>(j)];
    x += count * next;
    y += count * next;
  };
  int64_t k = 0;
  for (; k + 4 <= n; k += 4) {
    const T two = wrap_add(x[0], x[next]), rest = wrap_add(x[2 * next], x[3 * next]);
    const T before = sum;
    sum = wrap_add(before, wrap_add(two, rest));
    put({wrap_add(before, x[0]), wrap_add(before, two),
         wrap_add(before, wrap_add(two, x[2 * next])), sum},
        before, 4);
  }
  for (; k < n; ++k) {
    const T before = sum;
    sum = wrap_add(before, x[0]);
    put({sum}, before, 1);
  }
  total = sum;
}

template <std::integral T>
void sum_rows(const void* x, void* y, int64_t rows, int64_t n, int64_t pitch, const ScanForm& form,
              void* totals) noexcept {
  for (int64_t r = 0; r < rows; ++r) {
    sum_row(static_cast<const T*>(x) + r * pitch, static_cast<T*>(y) + r * pitch, n, form,
            static_cast<T*>(totals)[r]);
  }
}

ScanKernels kernels_for(Isa isa, DType type, bool product) {
  switch (type) {
    case DType::kFloat32:
      return scan_kernels(isa);
    case DType::kFloat64:
      return product ? ScanKernels{scan_doubles<true>, scan_columns<true, double>}
                     : ScanKernels{scan_doubles<false>, scan_columns<false, double>};
    case DType::kInt32:
      if (product) return {};
      return {sum_rows<int32_t>, scan_columns<false, int32_t>};
    case DType::kInt64:
      if (product) return {};
      return {sum_rows<int64_t>, scan_columns<false, int64_t>};
    default:
      return {};
  }
}

// Totals of up to `kMost` rows or columns, of any type.
template <int64_t kMost>
struct Totals {
  alignas(double) std::array<std::byte, kMost * sizeof(double)> bytes;  // NOLINT(*-member-init)
  Totals(int64_t n, bool product) {
    std::fill_n(bytes.data(), n * int64_t{sizeof(double)}, std::byte{0});
    if (product) std::fill_n(reinterpret_cast<double*>(bytes.data()), n, 1.0);
  }
};

// Rows that are scanned before the deadline is looked at.
constexpr int64_t kSlice = 16 << 10;

class CumulativeStep final : public StepKernel {
 public:
  CumulativeStep(const ScanKernels& kernels, const Cumulative& op)
      : kernels_(kernels), form_{op.product, op.exclusive, op.reverse} {}
  std::string name() const override { return form_.product ? "cumprod" : "cumsum"; }
  Status run(StepContext& c) const override {
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const int64_t given, read_int(c.input(1), "axis"));
    FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(given, x.rank()));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
    if (y.count() == 0) return {};
    const int64_t n = x.dim(axis), inner = x.dims().count(axis + 1, x.rank());
    const Views v{static_cast<const std::byte*>(x.raw()), static_cast<std::byte*>(y.raw()),
                  static_cast<int64_t>(x.size_bytes()) / x.count()};
    if (inner == 1) {
      rows(c.team(), v, x.count() / n, n);
    } else {
      columns(c.team(), v, x.count() / (n * inner), n, inner);
    }
    return {};
  }

 private:
  struct Views {
    const std::byte* x;
    std::byte* y;
    int64_t element;  // bytes
  };

  void rows(Team& team, const Views& v, int64_t count, int64_t n) const {
    parallel_range(team, (count + kScanRows - 1) / kScanRows, count * n >= kMinParallelValues,
                   [&](int64_t u0, int64_t u1, int) {
                     for (int64_t r = u0 * kScanRows; r < std::min(count, u1 * kScanRows);
                          r += kScanRows) {
                       Totals<kScanRows> totals(kScanRows, form_.product);
                       team.in_slices(0, n, kSlice, [&](int64_t k0, int64_t k1) {
                         const int64_t at = (r * n + (form_.reverse ? n - k1 : k0)) * v.element;
                         kernels_.rows(v.x + at, v.y + at, std::min(kScanRows, count - r), k1 - k0,
                                       n, form_, totals.bytes.data());
                       });
                     }
                   });
  }

  // Of `count` blocks of n rows of `inner` values.
  void columns(Team& team, const Views& v, int64_t count, int64_t n, int64_t inner) const {
    const int64_t width = std::clamp<int64_t>(inner / team.size() / 16 * 16, 64, kStrip);
    const int64_t strips = (inner + width - 1) / width;
    const int64_t next = form_.reverse ? -inner : inner;
    parallel_range(team, count * strips, count * n * inner >= kMinParallelValues,
                   [&](int64_t u0, int64_t u1, int) {
                     for (int64_t u = u0; u < u1; ++u) {
                       const int64_t column = u % strips * width;
                       const int64_t cols = std::min(width, inner - column);
                       Totals<kStrip> totals(cols, form_.product);
                       team.in_slices(0, n, kSlice / 64, [&](int64_t k0, int64_t k1) {
                         const int64_t row = u / strips * n + (form_.reverse ? n - 1 - k0 : k0);
                         const int64_t at = (row * inner + column) * v.element;
                         kernels_.columns(v.x + at, v.y + at, k1 - k0, next, cols, form_,
                                          totals.bytes.data());
                       });
                     }
                   });
  }

  ScanKernels kernels_;
  ScanForm form_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const auto& op = *request.node.op.as<Cumulative>();
  const ScanKernels kernels = kernels_for(request.isa, request.type(0).dtype, op.product);
  if (kernels.rows == nullptr) return KernelOffer(std::string("no kernel for this type"));
  return KernelOffer(std::make_unique<CumulativeStep>(kernels, op));
}

}  // namespace

void register_cumulative_cpu(KernelRegistry& r) {
  r.add("CumSum", "cumsum", make);
  r.add("CumProd", "cumprod", make);
}

}  // namespace ferry
