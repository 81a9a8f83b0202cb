// SPDX-License-Identifier: Apache-2.0
// DeformConv of fp32 images: a tile of output pixels is sampled under every tap, then multiplied
// with the filters where they lie.
#include <cmath>

#include "base/status.h"
#include "kernels/gemm/gemm.h"
#include "ops/nn/convolve.h"
#include "ops/nn/deform_conv.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/plane_tile.h"
#include "ops_cpu/sample_tile.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// What lies between two elements of an axis, each weighted by how near it is; what weighs nothing
// is not read.
void take_taps(double at, int64_t size, SampleTaps& t) {
  t.count = 2;
  t.index[0] = t.index[1] = -1;
  t.weight[0] = t.weight[1] = 1;
  if (!(at > -1 && at < double(size))) return;
  auto i = static_cast<int64_t>(at);
  if (at < 0) --i;
  const double rest = at - double(i);
  if (i >= 0) t.index[0] = i;
  if (i + 1 < size && rest > 0) t.index[1] = i + 1;
  t.weight[0] = 1 - rest;
  t.weight[1] = rest;
}

struct Operands {
  const float *x, *w, *offset, *bias, *mask;  // the last two may be absent
  float* y;
};

// The work of one thread, on `size` output pixels at a time.
class Tiler {
 public:
  Tiler(Isa isa, bool exact, const ConvSizes& s, const Window& w, int64_t offset_groups,
        const Operands& o)
      : gemm_(gemm_kernels(isa)),
        placing_(resize_kernels(isa)),
        exact_(exact),
        s_(s),
        w_(w),
        offset_groups_(offset_groups),
        o_(o) {
    constexpr int64_t kRoom = 32 << 10;  // floats under the taps, which fit the second-level cache
    taps_ = w.taps();
    corners_ = int64_t{1} << s.in.size();
    size_ = std::clamp<int64_t>(kRoom / (s.in_total() * taps_), 32, 256) / 32 * 32;
    size_ = std::min(size_, SampleTile::pixels(corners_));
  }
  int64_t tiles() const { return (s_.out.count() + size_ - 1) / size_; }
  int64_t columns_at() const {
    constexpr int64_t kTile = std::max(sizeof(SampleTile), sizeof(Picture));
    return (kTile + 63) / 64 * 64;
  }
  int64_t packed_at() const {
    return columns_at() + s_.in_total() * taps_ * size_ * int64_t{sizeof(float)};
  }
  int64_t scratch_bytes() const {
    return packed_at() +
           gemm_packed_size(gemm_, s_.in_channels * taps_, size_) * int64_t{sizeof(float)};
  }

  void run(int64_t image, int64_t tile, char* scratch) const {
    const int64_t first = tile * size_, n = std::min(size_, s_.out.count() - first);
    auto* columns = reinterpret_cast<float*>(scratch + columns_at());
    const bool picture = is_picture();
    if (picture) reinterpret_cast<Picture*>(scratch)->begin(s_, w_, first, n);
    for (int64_t g = 0; g < offset_groups_; ++g) {
      for (int64_t t = 0; t < taps_; ++t) {
        if (picture)
          sample(image, g, t, first, n, *reinterpret_cast<Picture*>(scratch), columns);
        else
          sample(image, g, t, first, n, *reinterpret_cast<SampleTile*>(scratch), columns);
      }
    }
    multiply(image, first, n, columns, reinterpret_cast<float*>(scratch + packed_at()));
  }

 private:
  // Of images with two axes: where the first tap of each output pixel lies.
  struct Picture {
    PlaneTile<SampleTile::kMostPixels> tile;
    alignas(64) int32_t row[SampleTile::kMostPixels], column[SampleTile::kMostPixels];

    void begin(const ConvSizes& s, const Window& w, int64_t first, int64_t n) {
      for (int64_t i = 0; i < (n + 15) / 16 * 16; ++i) {
        row[i] = static_cast<int32_t>((first + i) / s.out[1] * w.axes[0].stride);
        column[i] = static_cast<int32_t>((first + i) % s.out[1] * w.axes[1].stride);
      }
    }
  };

  bool is_picture() const {
    constexpr int64_t kMost = 1 << 24;
    if (s_.in.size() != 2) return false;
    bool fits = true;
    for (size_t a = 0; a < 2; ++a) {
      const WindowAxis& x = w_.axes[a];
      fits = fits && s_.in[a] <= kMost && s_.out[a] <= kMost && x.stride <= kMost / s_.out[a] &&
             x.dilation <= kMost / x.kernel && x.pad_begin <= kMost;
    }
    return fits;
  }

  void sample(int64_t image, int64_t group, int64_t tap, int64_t first, int64_t n, Picture& p,
              float* columns) const {
    const int64_t out = s_.out.count(), in = s_.in.count();
    const int64_t row = (image * offset_groups_ + group) * taps_ + tap;
    const float* offset = o_.offset + row * 2 * out + first;
    const WindowAxis &down = w_.axes[0], &across = w_.axes[1];
    std::copy_n(offset, n, p.tile.y);
    std::copy_n(offset + out, n, p.tile.x);
    p.tile.fill_up(n);
    const MovedTaps taps{
        p.row,
        p.column,
        static_cast<int32_t>(tap / across.kernel * down.dilation - down.pad_begin),
        static_cast<int32_t>(tap % across.kernel * across.dilation - across.pad_begin),
        p.tile.y,
        p.tile.x};
    placing_.place_moved({s_.in[1], s_.in[0], false, false}, taps, n, p.tile.places());
    const auto sampler = p.tile.sampler(s_.in[1]);
    const int64_t each = s_.in_total() / offset_groups_;
    for (int64_t ch = group * each; ch < (group + 1) * each; ++ch) {
      float* to = columns + (ch * taps_ + tap) * size_;
      sampler(p.tile, o_.x + (image * s_.in_total() + ch) * in, to, n);
      apply_mask(row, first, n, to);
    }
  }

  void apply_mask(int64_t row, int64_t first, int64_t n, float* to) const {
    if (o_.mask == nullptr) return;
    const float* mask = o_.mask + row * s_.out.count() + first;
    for (int64_t i = 0; i < n; ++i) to[i] *= mask[i];
  }

  // All channels of an offset group under one tap.
  void sample(int64_t image, int64_t group, int64_t tap, int64_t first, int64_t n, SampleTile& tile,
              float* columns) const {
    const size_t rank = s_.in.size();
    const int64_t out = s_.out.count(), in = s_.in.count();
    const int64_t row = (image * offset_groups_ + group) * taps_ + tap;
    const float* offset = o_.offset + row * static_cast<int64_t>(rank) * out + first;
    double moved[SampleTile::kMostAxes];  // where the tap of output 0 lies
    int64_t rest = tap;
    for (size_t a = rank; a-- > 0;) {
      const WindowAxis& x = w_.axes[a];
      moved[a] = double(rest % x.kernel * x.dilation - x.pad_begin);
      rest /= x.kernel;
    }
    tile.clear(corners_);
    Dims at = Dims::filled(rank, 0);
    rest = first;
    for (size_t a = rank; a-- > 0; rest /= s_.out[a]) at[a] = rest % s_.out[a];
    SampleTaps found[SampleTile::kMostAxes];
    for (int64_t i = 0; i < n; ++i) {
      for (size_t a = 0; a < rank; ++a) {
        const double tap_at = double(at[a] * w_.axes[a].stride) + moved[a];
        take_taps(tap_at + double(offset[static_cast<int64_t>(a) * out + i]), s_.in[a], found[a]);
      }
      tile.add(std::span(found, rank), s_.in);
      next_position(at, s_.out);
    }
    const int64_t each = s_.in_total() / offset_groups_;
    for (int64_t ch = group * each; ch < (group + 1) * each; ++ch) {
      float* to = columns + (ch * taps_ + tap) * size_;
      tile.apply(o_.x + (image * s_.in_total() + ch) * in, to);
      apply_mask(row, first, n, to);
    }
  }

  void multiply(int64_t image, int64_t first, int64_t n, const float* columns,
                float* packed) const {
    const int64_t depth = s_.in_channels * taps_, out = s_.out.count();
    for (int64_t g = 0; g < s_.group; ++g) {
      gemm_pack_b(gemm_, columns + g * depth * size_, size_, 1, depth, n, packed);
      GemmArgs args;
      args.m = s_.out_channels;
      args.n = n;
      args.k = depth;
      args.a = o_.w + g * s_.out_channels * depth;
      args.lda = depth;
      args.packed_b = packed;
      args.c = o_.y + (image * s_.out_total() + g * s_.out_channels) * out + first;
      args.ldc = out;
      args.accumulate = o_.bias != nullptr;
      args.chain = exact_ ? kExactChain : 0;
      for (int64_t m = 0; m < args.m && args.accumulate; ++m) {
        std::fill_n(args.c + m * out, n, o_.bias[g * s_.out_channels + m]);
      }
      gemm_tile(gemm_, gemm_blocking(), args, 0, args.m, 0, n);
    }
  }

  const GemmKernels& gemm_;
  const ResizeKernels& placing_;
  bool exact_;
  const ConvSizes& s_;
  const Window& w_;
  int64_t offset_groups_, taps_, corners_, size_;
  Operands o_;
};

class DeformConvStep final : public StepKernel {
 public:
  DeformConvStep(Isa isa, bool exact, Op op) : isa_(isa), exact_(exact), op_(std::move(op)) {}
  std::string name() const override { return "deform_conv_f32"; }

  Status run(StepContext& c) const override {
    const auto& op = *op_.as<DeformConv>();
    const Tensor &x = c.input(0), &w = c.input(1), &offset = c.input(2);
    const auto absent = [&](size_t i) { return !c.has_input(i); };
    if (x.rank() < 3 || x.rank() > 2 + SampleTile::kMostAxes) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Window window, window_of(op, x.rank() - 2));
    FERRY_ASSIGN_OR_RETURN(const ConvSizes s, conv_sizes(window, x, w, op.group, false, false));
    const Dims y_dims = image_dims(s.batch, s.out_total(), s.out, false);
    const int64_t channels = s.in_total(), groups = op.offset_group;
    bool fits = x.count() > 0 && w.count() > 0 && y_dims.count() > 0 && s.in.count() <= INT32_MAX &&
                groups > 0 && channels % groups == 0;
    // Groups are at most as many as channels here, and taps as many as weights.
    const auto planes = [&](int64_t per_tap) {
      return image_dims(s.batch, groups * window.taps() * per_tap, s.out, false);
    };
    fits = fits && offset.dims() == planes(static_cast<int64_t>(s.in.size()));
    fits = fits && (absent(3) || c.input(3).dims() == Dims{s.out_total()});
    fits = fits && (absent(4) || c.input(4).dims() == planes(1));
    if (!fits) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), y_dims));
    const Operands o{x.data<float>(),
                     w.data<float>(),
                     offset.data<float>(),
                     absent(3) ? nullptr : c.input(3).data<float>(),
                     absent(4) ? nullptr : c.input(4).data<float>(),
                     y.data<float>()};
    const Tiler tiler(isa_, exact_, s, window, groups, o);
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(c.team().size(), tiler.scratch_bytes()));
    const int64_t tiles = tiler.tiles();
    const bool worthwhile = y.count() * s.in_channels * window.taps() >= kMinParallelWork;
    parallel_range(c.team(), s.batch * tiles, worthwhile, [&](int64_t u0, int64_t u1, int thread) {
      for (int64_t u = u0; u < u1; ++u) tiler.run(u / tiles, u % tiles, c.scratch<char>(thread));
    });
    return {};
  }

 private:
  Isa isa_;
  bool exact_;
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  for (size_t i = 0; i < 5; ++i) {
    if (request.has_input(i) && request.type(i).dtype != DType::kFloat32) {
      return KernelOffer(std::string("not f32"));
    }
  }
  return KernelOffer(std::make_unique<DeformConvStep>(request.isa, request.exact, request.node.op));
}

}  // namespace

void register_deform_conv_cpu(KernelRegistry& r) { r.add("DeformConv", "deform_conv_f32", make); }

}  // namespace ferry
