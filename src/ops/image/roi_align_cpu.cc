// SPDX-License-Identifier: Apache-2.0
// RoiAlign by averages in fp32: a region's samples become indices and weights once, and every
// channel is a weighted sum over them.
#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "kernels/resize/resize.h"
#include "ops/image/roi_align.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// One coordinate of a sample: the pixels on its sides and the weight of the second; outside: none.
struct Side {
  int32_t low = 0, high = 0;
  float weight = 0;
  bool inside = false;
};

Side side_at(double v, int64_t size) {
  Side s;
  s.inside = v >= -1 && v <= double(size);
  if (!s.inside) return s;
  v = std::max(v, 0.0);
  s.low = static_cast<int32_t>(v);
  if (s.low >= size - 1) {
    s.low = s.high = static_cast<int32_t>(size - 1);
  } else {
    s.high = s.low + 1;
    s.weight = static_cast<float>(v - double(s.low));
  }
  return s;
}

// A region along one axis: where it begins, the size of a bin, samples per bin.
struct Span {
  double begin = 0, bin = 0;
  int64_t samples = 0;

  double at(int64_t bin_index, int64_t i) const {
    return begin + double(bin_index) * bin + (double(i) + 0.5) * bin / double(samples);
  }
};

// [rows of taps][bins] as blend_gathered takes them.
struct Taps {
  int32_t* index;
  float* weight;
};

class RoiAlignStep final : public StepKernel {
 public:
  RoiAlignStep(Isa isa, Op op) : kernels_(resize_kernels(isa)), op_(std::move(op)) {}
  std::string name() const override { return "roi_align_f32"; }

  Status run(StepContext& c) const override {
    const RoiAlign& op = *op_.as<RoiAlign>();
    const Tensor &x = c.input(0), &rois = c.input(1), &batch = c.input(2);
    const bool fits = x.rank() == 4 && rois.rank() == 2 && rois.dim(1) == 4 && batch.rank() == 1 &&
                      batch.dim(0) == rois.dim(0) && x.count() > 0 &&
                      x.dim(2) * x.dim(3) < INT32_MAX;
    int64_t most = 0;
    // What is wrong, the reference kernel knows.
    if (!fits || !check_regions(op, x, rois, batch, most)) return op_.def().eval(op_, c);
    const int64_t count = rois.dim(0), channels = x.dim(1), plane = x.dim(2) * x.dim(3);
    const int64_t bins = op.output_height * op.output_width;
    FERRY_ASSIGN_OR_RETURN(
        Tensor y, c.output(0, x.dtype(), {count, channels, op.output_height, op.output_width}));
    if (y.count() == 0) return {};
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(
        c.team().size(), 4 * most * bins * static_cast<int64_t>(sizeof(int32_t) + sizeof(float))));
    // Regions of few are cut by channels; each part then makes the region's taps for itself.
    const int64_t cuts = count >= 4 * c.team().size() ? 1 : std::max<int64_t>(channels / 32, 1);
    parallel_range(
        c.team(), count * cuts, y.count() * std::max<int64_t>(most, 1) >= kMinParallelWork,
        [&](int64_t u0, int64_t u1, int thread) {
          Taps taps;
          taps.index = c.scratch<int32_t>(thread);
          taps.weight = reinterpret_cast<float*>(taps.index + 4 * most * bins);
          for (int64_t u = u0; u < u1; ++u) {
            const int64_t r = u / cuts, cut = u % cuts;
            const int64_t rows = make_taps(op, x, rois.data<float>() + 4 * r, taps);
            const int64_t n = batch.data<int64_t>()[r];
            for (int64_t ch = channels * cut / cuts; ch < channels * (cut + 1) / cuts; ++ch) {
              pool(x.data<float>() + (n * channels + ch) * plane, taps, rows, bins,
                   y.data<float>() + (r * channels + ch) * bins);
            }
          }
        });
    return {};
  }

 private:
  static Span span_of(const RoiAlign& op, double first, double last, int64_t bins) {
    const bool half = op.coordinate_transformation_mode == "half_pixel";
    const double scale = double(op.spatial_scale), shift = half ? 0.5 : 0;
    Span s;
    s.begin = first * scale - shift;
    double size = last * scale - shift - s.begin;
    if (!half) size = std::max(size, 1.0);
    s.bin = size / double(bins);
    const double samples =
        op.sampling_ratio > 0 ? double(op.sampling_ratio) : std::max(0.0, std::ceil(s.bin));
    // Not a number, or too many for anyone: left to check_regions().
    s.samples = samples <= double(kMostSamples) ? static_cast<int64_t>(samples) : -1;
    return s;
  }

  // Finds the most samples of a bin; false where the reference has to say what is wrong.
  static bool check_regions(const RoiAlign& op, const Tensor& x, const Tensor& rois,
                            const Tensor& batch, int64_t& most) {
    const int64_t bins = op.output_height * op.output_width;
    for (int64_t r = 0; r < rois.dim(0); ++r) {
      const float* roi = rois.data<float>() + 4 * r;
      const int64_t n = batch.data<int64_t>()[r];
      const Span h = span_of(op, roi[1], roi[3], op.output_height);
      const Span w = span_of(op, roi[0], roi[2], op.output_width);
      if (n < 0 || n >= x.dim(0) || !std::isfinite(h.begin + h.bin + w.begin + w.bin)) return false;
      if (h.samples < 0 || w.samples < 0 || h.samples * w.samples > kMostSamples / bins) {
        return false;
      }
      most = std::max(most, h.samples * w.samples);
    }
    return true;
  }

  // Returns the rows of taps: four of each sample of a bin.
  static int64_t make_taps(const RoiAlign& op, const Tensor& x, const float* roi,
                           const Taps& taps) {
    const Span h = span_of(op, roi[1], roi[3], op.output_height);
    const Span w = span_of(op, roi[0], roi[2], op.output_width);
    const int64_t width = x.dim(3), bins = op.output_height * op.output_width;
    const int64_t samples = h.samples * w.samples;
    const float share = 1.0f / static_cast<float>(std::max<int64_t>(samples, 1));
    for (int64_t b = 0; b < bins; ++b) {
      for (int64_t i = 0; i < h.samples; ++i) {
        const Side v = side_at(h.at(b / op.output_width, i), x.dim(2));
        for (int64_t j = 0; j < w.samples; ++j) {
          const Side u = side_at(w.at(b % op.output_width, j), width);
          const float f = v.inside && u.inside ? share : 0.0f;
          const int64_t at = 4 * (i * w.samples + j) * bins + b;
          const auto low = static_cast<int32_t>(v.low * width),
                     high = static_cast<int32_t>(v.high * width);
          const int32_t index[4] = {low + u.low, low + u.high, high + u.low, high + u.high};
          const float weight[4] = {(1 - v.weight) * (1 - u.weight), (1 - v.weight) * u.weight,
                                   v.weight * (1 - u.weight), v.weight * u.weight};
          for (int64_t k = 0; k < 4; ++k) {
            taps.index[at + k * bins] = f == 0 ? 0 : index[k];
            taps.weight[at + k * bins] = weight[k] * f;
          }
        }
      }
    }
    return 4 * samples;
  }

  void pool(const float* plane, const Taps& taps, int64_t rows, int64_t bins, float* y) const {
    if (rows == 0)
      std::fill_n(y, bins, 0.0f);
    else
      kernels_.blend_gathered(plane, taps.index, taps.weight, rows, y, bins);
  }

  static constexpr int64_t kMostSamples = 1 << 22;

  const ResizeKernels& kernels_;
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
  if (request.node.op.as<RoiAlign>()->mode != "avg") {
    return KernelOffer(std::string("the largest sample of a bin"));
  }
  return KernelOffer(std::make_unique<RoiAlignStep>(request.isa, request.node.op));
}

}  // namespace

void register_roi_align_cpu(KernelRegistry& r) { r.add("RoiAlign", "roi_align_f32", make); }

}  // namespace ferry
