// SPDX-License-Identifier: Apache-2.0
// MatMulInteger and QLinearMatMul with one scale and zero point for a and y, and one or one per
// column for b: exact 32-bit sums, b packed when the model has it, as quads of bytes where its
// numbers allow that.
#include <optional>

#include "base/allocator.h"
#include "kernels/integer/integer.h"
#include "ops/math/matmul_geometry.h"
#include "ops/quantization/matmul_integer.h"
#include "ops/quantization/number.h"
#include "ops_cpu/integer_pack.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Where the operands are among the inputs.
struct Slots {
  size_t a, a_zero, b, b_zero;
};
constexpr Slots kInteger = {0, 2, 1, 3};
constexpr Slots kLinear = {0, 2, 3, 5};

// One value, or one per column of b.
bool fits_columns(const Tensor& t, int64_t n) { return t.count() == 1 || t.dims() == Dims{n}; }

class IntegerProduct : public StepKernel {
 public:
  IntegerProduct(Isa isa, Op op, const Slots& at)
      : kernels_(integer_kernels(isa)), op_(std::move(op)), at_(at) {}

  // Packs b, which is part of the model: a matrix with its zero points.
  Status pack(const Tensor& b, const Tensor* b_zero, MemoryBudget* budget) {
    const int64_t k = b.dim(0), n = b.dim(1);
    std::vector<int32_t> zeros = column_zeros(b_zero, n);
    const auto weight = [&](int64_t r, int64_t c) {
      return byte_at(b, r * n + c) - zeros[static_cast<size_t>(c)];
    };
    quads_ = kernels_.multiply_quads[0] != nullptr && fits_quads(k, n, weight);
    const int64_t size = panels(n) * panel_words(k) * kernels_.columns;
    packed_bytes_ = static_cast<size_t>(size) * sizeof(int32_t);
    FERRY_ASSIGN_OR_RETURN(packed_, allocate_buffer(std::max<size_t>(packed_bytes_, 1), budget));
    if (quads_) {
      auto* to = static_cast<int32_t*>(packed_.get());
      std::fill_n(to, size, 0);
      column_sums_.assign(static_cast<size_t>(n), 0);
      for (int64_t r = 0; r < k; ++r) {
        for (int64_t c = 0; c < n; ++c) {
          const int64_t word = c / kernels_.columns * panel_words(k) + r / 4;
          to[word * kernels_.columns + c % kernels_.columns] |= byte_of_quad(weight(r, c), r % 4);
          column_sums_[static_cast<size_t>(c)] += static_cast<uint32_t>(weight(r, c));
        }
      }
      return {};
    }
    for (int64_t p = 0; p < panels(n); ++p) {
      pack_panel(
          b, 0, k, n, zeros.data(), p,
          static_cast<int32_t*>(packed_.get()) + p * integer_panel_size(k, kernels_.columns));
    }
    return {};
  }
  size_t packed_bytes() const final { return packed_bytes_; }

  Status run(StepContext& c) const final {
    const Tensor &a = c.input(at_.a), &b = c.input(at_.b);
    FERRY_ASSIGN_OR_RETURN(const MatMulSizes s, matmul_sizes(a, b));
    if (!plain(c, s)) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, output_type(c), s.out));
    if (y.count() == 0) return {};
    const int64_t batches = s.batch.count(), words = panel_words(s.k);
    const int64_t a_matrices = a.count() / std::max<int64_t>(s.m * s.k, 1);
    const int64_t b_matrices = b.count() / std::max<int64_t>(s.k * s.n, 1);
    if (s.k == 0) return op_.def().eval(op_, c);
    const int64_t a_size = a_matrices * s.m * words;
    const int64_t panel = words * kernels_.columns;
    const int64_t b_size = packed_ ? 0 : b_matrices * panels(s.n) * panel;
    const int64_t tile = kBlock * kernels_.columns;
    // The first thread's scratch begins with the operands, each has a tile of sums at the end.
    const int64_t shared = (a_size + b_size) * int64_t{sizeof(int32_t)};
    const int64_t tiles_at = (shared + 63) / 64 * 64;
    const int64_t shifts_at = tiles_at + c.team().size() * tile * 4;
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, shifts_at + s.n * 4));
    auto* left = c.scratch<int32_t>(0);
    auto* sums = reinterpret_cast<int32_t*>(c.scratch<char>(0) + tiles_at);
    const int32_t a_zero = c.has_input(at_.a_zero) ? byte_at(c.input(at_.a_zero), 0) : 0;
    const bool worthwhile = batches * s.m * s.n * s.k >= kMinParallelWork;
    const auto pack_rows = [&](int64_t begin, int64_t rows, int64_t depth, int32_t* to) {
      if (quads_)
        pack_quad_rows(a, begin, rows, depth, to);
      else
        pack_integer_rows(a, begin, rows, depth, a_zero, to);
    };
    parallel_range(c.team(), a_matrices * s.m, worthwhile, [&](int64_t r0, int64_t r1, int) {
      if (s.k <= kSlice) return pack_rows(r0 * s.k, r1 - r0, s.k, left + r0 * words);
      for (int64_t r = r0; r < r1; ++r) {
        c.team().in_slices(0, s.k, kSlice, [&](int64_t from, int64_t to) {
          pack_rows(r * s.k + from, 1, to - from, left + r * words + from / (quads_ ? 4 : 2));
        });
      }
    });
    // Quads are not less the zero point of a.
    auto* shifts = reinterpret_cast<int32_t*>(c.scratch<char>(0) + shifts_at);
    const auto a_byte = static_cast<uint32_t>(a_zero + (a.dtype() == DType::kInt8 ? 128 : 0));
    for (int64_t i = 0; i < s.n; ++i) {
      const uint32_t sum = quads_ ? column_sums_[static_cast<size_t>(i)] : 0;
      shifts[i] = static_cast<int32_t>(0 - a_byte * sum);
    }
    const int32_t* right = static_cast<const int32_t*>(packed_.get());
    if (!packed_) {
      const std::vector<int32_t> zeros =
          column_zeros(c.has_input(at_.b_zero) ? &c.input(at_.b_zero) : nullptr, s.n);
      for (int64_t i = 0; i < b_matrices; ++i) {
        int32_t* to = left + a_size + i * panels(s.n) * panel;
        parallel_range(c.team(), panels(s.n), worthwhile, [&](int64_t p0, int64_t p1, int) {
          for (int64_t p = p0; p < p1; ++p) {
            c.team().in_slices(0, s.k, kSlice / kernels_.columns, [&](int64_t from, int64_t end) {
              pack_panel(b, (i * s.k + from) * s.n, end - from, s.n, zeros.data(), p,
                         to + p * panel + integer_panel_size(from, kernels_.columns));
            });
          }
        });
      }
      right = left + a_size;
    }
    // Units are blocks of rows by panels; a block's rows stay in cache while panels pass.
    const int64_t blocks = (s.m + kBlock - 1) / kBlock, per_batch = blocks * panels(s.n);
    parallel_range(c.team(), batches * per_batch, worthwhile, [&](int64_t u0, int64_t u1, int t) {
      for (int64_t u = u0; u < u1; ++u) {
        const int64_t batch = u / per_batch, block = u % per_batch / panels(s.n);
        const int64_t p = u % panels(s.n);
        int64_t a_at = 0, b_at = 0, rest = batch;
        for (size_t x = s.batch.size(); x-- > 0;) {
          a_at += rest % s.batch[x] * s.a_strides[x];
          b_at += rest % s.batch[x] * s.b_strides[x];
          rest /= s.batch[x];
        }
        const int64_t r0 = block * kBlock, rows = std::min(kBlock, s.m - r0);
        const int64_t c0 = p * kernels_.columns;
        const int64_t cols = std::min<int64_t>(kernels_.columns, s.n - c0);
        multiply(c, left + (a_at * s.m + r0) * words, right + (b_at * panels(s.n) + p) * panel,
                 words, sums + t * tile,
                 Tile{(batch * s.m + r0) * s.n + c0, s.n, rows, cols, c0, shifts + c0}, y);
      }
    });
    return {};
  }

 protected:
  // Rows of y from element `at` on; shifts[c] is added to the sums of column c.
  struct Tile {
    int64_t at, stride, rows, cols, first_column;
    const int32_t* shifts;
  };
  virtual DType output_type(const StepContext& c) const = 0;
  // Whether scales and zero points are of the kind that is fast.
  virtual bool plain(const StepContext& c, const MatMulSizes& s) const {
    return (!c.has_input(at_.a_zero) || c.input(at_.a_zero).count() == 1) &&
           (!c.has_input(at_.b_zero) || fits_columns(c.input(at_.b_zero), s.n));
  }
  // Rows of `words` words of a by a panel.
  virtual void multiply(StepContext& c, const int32_t* a, const int32_t* panel, int64_t words,
                        int32_t* sums, const Tile& tile, Tensor& y) const = 0;
  void multiply_words(const Team& team, const int32_t* a, const int32_t* panel, int64_t words,
                      int32_t* y, int64_t y_stride, const Tile& t) const {
    const auto product = quads_ ? kernels_.multiply_quads[0] : kernels_.multiply;
    team.in_slices(0, words, kSlice, [&](int64_t from, int64_t to) {
      if (from == 0) return product(a, words, panel, to, y, y_stride, t.rows, t.cols);
      int32_t part[kBlock * kMostColumns];
      product(a + from, words, panel + from * kernels_.columns, to - from, part, kMostColumns,
              t.rows, t.cols);
      for (int64_t r = 0; r < t.rows; ++r) {
        for (int64_t i = 0; i < t.cols; ++i) {
          int32_t& sum = y[r * y_stride + i];
          sum = static_cast<int32_t>(static_cast<uint32_t>(sum) +
                                     static_cast<uint32_t>(part[r * kMostColumns + i]));
        }
      }
    });
  }
  bool quads() const { return quads_; }

  const IntegerKernels& kernels_;

 private:
  static constexpr int64_t kBlock = 48, kMostColumns = 64;
  // Values of a row between two looks at the deadline.
  static constexpr int64_t kSlice = 256 << 10;

  template <class Weight>
  bool fits_quads(int64_t k, int64_t n, const Weight& weight) const {
    for (int64_t r = 0; r < k; r += 2) {
      for (int64_t c = 0; c < n; ++c) {
        if (!fits_quad(kernels_, weight(r, c), r + 1 < k ? weight(r + 1, c) : 0)) return false;
      }
    }
    return true;
  }
  // The words that hold `k` values.
  int64_t panel_words(int64_t k) const { return quads_ ? (k + 3) / 4 : integer_pairs(k); }
  int64_t panels(int64_t n) const { return (n + kernels_.columns - 1) / kernels_.columns; }

  std::vector<int32_t> column_zeros(const Tensor* t, int64_t n) const {
    std::vector<int32_t> zeros(static_cast<size_t>(n), 0);
    for (int64_t i = 0; t != nullptr && i < n; ++i) {
      zeros[static_cast<size_t>(i)] = byte_at(*t, t->count() == 1 ? 0 : i);
    }
    return zeros;
  }

  // `k` rows of panel p, from element `begin` of b on where it is the first panel's.
  void pack_panel(const Tensor& b, int64_t begin, int64_t k, int64_t n, const int32_t* zeros,
                  int64_t p, int32_t* to) const {
    const int64_t c0 = p * kernels_.columns, cols = std::min<int64_t>(kernels_.columns, n - c0);
    if (b.dtype() == DType::kInt8) {
      pack_integer_panel(b.data<int8_t>() + begin + c0, n, k, cols, zeros + c0, kernels_.columns,
                         to);
    } else {
      pack_integer_panel(b.data<uint8_t>() + begin + c0, n, k, cols, zeros + c0, kernels_.columns,
                         to);
    }
  }

  Op op_;
  Slots at_;
  bool quads_ = false;
  std::vector<uint32_t> column_sums_;  // of quads
  std::shared_ptr<void> packed_;
  size_t packed_bytes_ = 0;
};

class MatMulIntegerStep final : public IntegerProduct {
 public:
  using IntegerProduct::IntegerProduct;
  std::string name() const override { return "matmul_integer"; }

 protected:
  DType output_type(const StepContext&) const override { return DType::kInt32; }
  void multiply(StepContext& c, const int32_t* a, const int32_t* panel, int64_t words, int32_t*,
                const Tile& tile, Tensor& y) const override {
    int32_t* to = y.data<int32_t>() + tile.at;
    multiply_words(c.team(), a, panel, words, to, tile.stride, tile);
    for (int64_t r = 0; quads() && r < tile.rows; ++r, to += tile.stride) {
      for (int64_t i = 0; i < tile.cols; ++i) {
        to[i] = static_cast<int32_t>(static_cast<uint32_t>(to[i]) +
                                     static_cast<uint32_t>(tile.shifts[i]));
      }
    }
  }
};

class QLinearMatMulStep final : public IntegerProduct {
 public:
  using IntegerProduct::IntegerProduct;
  std::string name() const override { return "qlinear_matmul"; }

 protected:
  DType output_type(const StepContext& c) const override { return c.input(7).dtype(); }
  bool plain(const StepContext& c, const MatMulSizes& s) const override {
    // Deeper products may need more than 32 bits.
    constexpr int64_t kDeepest = 0x7fffffff / (255 * 255);
    bool fast = IntegerProduct::plain(c, s) && s.k <= kDeepest;
    for (size_t i : {1, 6, 7}) fast = fast && c.input(i).count() == 1;
    for (size_t i : {1, 4, 6}) fast = fast && c.input(i).dtype() == DType::kFloat32;
    return fast && fits_columns(c.input(4), s.n);
  }
  void multiply(StepContext& c, const int32_t* a, const int32_t* panel, int64_t words,
                int32_t* sums, const Tile& tile, Tensor& y) const override {
    multiply_words(c.team(), a, panel, words, sums, kernels_.columns, tile);
    const float a_scale = *c.input(1).data<float>(), y_scale = *c.input(6).data<float>();
    const Tensor& b_scale = c.input(4);
    float factors[64];
    for (int64_t i = 0; i < tile.cols; ++i) {
      const int64_t at = b_scale.count() == 1 ? 0 : tile.first_column + i;
      factors[i] = a_scale * b_scale.data<float>()[at] / y_scale;
    }
    const IntRange range = *int_range(y.dtype());
    const auto zero = static_cast<float>(byte_at(c.input(7), 0));
    for (int64_t r = 0; r < tile.rows; ++r) {
      kernels_.requantize(sums + r * kernels_.columns, tile.cols, factors, tile.shifts, 1, zero,
                          float(range.low), float(range.high),
                          static_cast<uint8_t*>(y.raw()) + tile.at + r * tile.stride);
    }
  }
};

template <class Step>
Result<KernelOffer> make(const KernelRequest& request, const Slots& at) {
  const bool bytes = is_byte(request.type(at.a).dtype) && is_byte(request.type(at.b).dtype);
  if (!bytes ||
      !(request.output_type(0).dtype == DType::kInt32 || is_byte(request.output_type(0).dtype))) {
    return KernelOffer(std::string("not 8-bit integers"));
  }
  auto step = std::make_unique<Step>(request.isa, request.node.op, at);
  const Tensor* b = request.constant(at.b);
  const Tensor* zero = request.has_input(at.b_zero) ? request.constant(at.b_zero) : nullptr;
  const bool known =
      b != nullptr && b->rank() == 2 && (zero != nullptr || !request.has_input(at.b_zero));
  if (known && (zero == nullptr || fits_columns(*zero, b->dim(1)))) {
    FERRY_RETURN_IF_ERROR(step->pack(*b, zero, request.budget));
  }
  return KernelOffer(std::move(step));
}

}  // namespace

void register_matmul_integer_cpu(KernelRegistry& r) {
  r.add("MatMulInteger", "matmul_integer",
        [](const KernelRequest& request) { return make<MatMulIntegerStep>(request, kInteger); });
  r.add("QLinearMatMul", "qlinear_matmul",
        [](const KernelRequest& request) { return make<QLinearMatMulStep>(request, kLinear); });
}

}  // namespace ferry
