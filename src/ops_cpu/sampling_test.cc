// SPDX-License-Identifier: Apache-2.0
// Steps that pick elements by position, against the reference kernels.
#include <cmath>
#include <limits>

#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

Tensor counting(DType type, const Dims& dims) {
  Tensor t = Tensor::allocate(type, dims).value();
  auto* bytes = static_cast<uint8_t*>(t.raw());
  for (size_t i = 0; i < t.size_bytes(); ++i) bytes[i] = static_cast<uint8_t>(i * 7 + i / 251);
  return t;
}

TEST(Sampling, DepthToSpaceAndBack) {
  for (const DType type : {DType::kUInt8, DType::kInt16, DType::kInt32, DType::kInt64}) {
    for (const char* mode : {"DCR", "CRD"}) {
      for (const int64_t block : {1, 2, 3}) {
        StepTester("DepthToSpace")
            .attr("blocksize", block)
            .attr("mode", std::string(mode))
            .input(counting(type, {2, 36, 3, 5}))
            .kernel("depth_to_space")
            .run();
      }
    }
    StepTester("SpaceToDepth")
        .attr("blocksize", int64_t{2})
        .input(counting(type, {2, 3, 6, 34}))
        .kernel("depth_to_space")
        .run();
  }
}

TEST(Sampling, Triangles) {
  for (const DType type : {DType::kBool, DType::kFloat32, DType::kInt64}) {
    for (const Dims& dims : {Dims{5, 7}, Dims{2, 3, 9, 4}, Dims{0, 4}, Dims{1, 1}}) {
      for (const int64_t upper : {0, 1}) {
        for (const int64_t k :
             {int64_t{-100}, int64_t{-2}, int64_t{0}, int64_t{3}, int64_t{100},
              std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}) {
          Tensor x = counting(type, dims);
          for (size_t i = 0; type == DType::kBool && i < x.size_bytes(); ++i) {
            x.data<uint8_t>()[i] &= 1;
          }
          StepTester("Trilu")
              .attr("upper", upper)
              .input(x)
              .constant(tensor<int64_t>({}, {k}))
              .kernel("trilu")
              .run();
        }
      }
    }
  }
}

TEST(Sampling, GridSample) {
  Tensor grid = random_tensor({2, 57, 39, 2}, 5);
  for (int64_t i = 0; i < grid.count(); ++i) grid.data<float>()[i] *= 1.3f;
  grid.data<float>()[0] = NAN;
  grid.data<float>()[3] = INFINITY;
  grid.data<float>()[5] = -1e30f;
  grid.data<float>()[6] = 1;
  grid.data<float>()[9] = -1;
  Tensor x = random_tensor({2, 3, 11, 13}, 6);
  x.data<float>()[0] = INFINITY;  // a corner: outside it must not leak
  for (const char* mode : {"linear", "nearest", "cubic"}) {
    for (const char* padding : {"zeros", "border", "reflection"}) {
      const bool taps = mode == std::string("cubic") || padding == std::string("reflection");
      for (const int64_t align : {0, 1}) {
        StepTester("GridSample")
            .attr("mode", std::string(mode))
            .attr("padding_mode", std::string(padding))
            .attr("align_corners", align)
            .input(x)
            .input(grid)
            .kernel(taps ? "grid_sample_taps_f32" : "grid_sample_f32")
            .tolerance(1e-5, 2e-6)
            .run();
      }
    }
  }
}

TEST(Sampling, GridSampleOfNarrowPictures) {
  Tensor grid = random_tensor({1, 9, 11, 2}, 5);
  for (int64_t i = 0; i < grid.count(); ++i) grid.data<float>()[i] *= 1.5f;
  for (const auto& size :
       {Dims{1, 2, 6, 1}, Dims{1, 2, 1, 6}, Dims{1, 2, 1, 1}, Dims{1, 2, 2, 2}}) {
    for (const char* mode : {"linear", "nearest"}) {
      for (const char* padding : {"zeros", "border"}) {
        for (const int64_t align : {0, 1}) {
          StepTester("GridSample")
              .attr("mode", std::string(mode))
              .attr("padding_mode", std::string(padding))
              .attr("align_corners", align)
              .input(random_tensor(size, 6))
              .input(grid)
              .kernel("grid_sample_f32")
              .tolerance(1e-5, 2e-6)
              .run();
        }
      }
    }
  }
}

TEST(Sampling, GridSampleOfLinesAndVolumes) {
  for (const char* mode : {"linear", "nearest", "cubic"}) {
    for (const char* padding : {"zeros", "border", "reflection"}) {
      StepTester line("GridSample"), volume("GridSample");
      line.input(random_tensor({2, 3, 40}, 1)).input(random_tensor({2, 300, 1}, 2));
      volume.input(random_tensor({2, 3, 4, 5, 6}, 3)).input(random_tensor({2, 7, 5, 4, 3}, 4));
      for (StepTester* t : {&line, &volume}) {
        t->attr("mode", std::string(mode)).attr("padding_mode", std::string(padding));
        t->symbolic().kernel("grid_sample_taps_f32").tolerance(1e-5, 1e-5).run();
      }
    }
  }
}

TEST(Sampling, AffineGrid) {
  for (const int64_t align : {0, 1}) {
    for (const auto& size :
         {std::vector<int64_t>{2, 3, 17, 300}, std::vector<int64_t>{3, 1, 1, 1},
          std::vector<int64_t>{2, 3, 5, 7, 9}, std::vector<int64_t>{2, 3, 0, 4}}) {
      const auto axes = static_cast<int64_t>(size.size()) - 2;
      StepTester("AffineGrid")
          .attr("align_corners", align)
          .input(random_tensor({size[0], axes, axes + 1}, 1))
          .input(ints(size))
          .kernel("affine_grid_f32")
          .tolerance(1e-6, 1e-6)
          .run();
    }
  }
}

Tensor boxes(int64_t batches, int64_t n, uint64_t seed) {
  Tensor t = random_tensor({batches, n, 4}, seed);
  for (int64_t i = 0; i < t.count(); ++i) t.data<float>()[i] *= 4;
  return t;
}

TEST(Sampling, NonMaxSuppression) {
  for (const int64_t n : {1, 5, 8, 60, 700}) {
    Tensor scores = random_tensor({2, 3, n}, 7);
    // Equal scores, zeros of both signs, NaN.
    for (int64_t i = 0; i < scores.count(); ++i) {
      float& v = scores.data<float>()[i];
      v = std::round(v * 40) / 40;
      if (i % 31 == 7) v = i % 2 == 0 ? 0.0f : -0.0f;
      if (i % 97 == 11) v = NAN;
    }
    Tensor where = boxes(2, n, 9);
    if (n > 8) {
      where.data<float>()[4] = NAN;
      where.data<float>()[10] = INFINITY;
      for (int64_t i = 0; i < 4; ++i) where.data<float>()[12 + i] = 1;  // no area
    }
    for (const int64_t centered : {0, 1}) {
      for (const int64_t per_class : {int64_t{3}, int64_t{1} << 40, int64_t{0}}) {
        for (const float iou : {0.0f, 0.3f, 1.0f}) {
          StepTester t("NonMaxSuppression");
          t.attr("center_point_box", centered)
              .input(where)
              .input(scores)
              .input(tensor<int64_t>({1}, {per_class}))
              .input(tensor<float>({}, {iou}));
          if (iou > 0) t.input(tensor<float>({1}, {-0.2f}));
          t.kernel("nms_f32").run();
        }
      }
    }
  }
  StepTester("NonMaxSuppression")
      .input(boxes(1, 4, 1))
      .input(random_tensor({1, 1, 4}, 2))
      .input(tensor<int64_t>({}, {2}))
      .input(tensor<float>({}, {1.5f}))
      .kernel("nms_f32")
      .run_error("iou_threshold is 1.5");
}

TEST(Sampling, RoiAlign) {
  const Tensor x = random_tensor({2, 5, 17, 23}, 3);
  const Tensor rois = tensor<float>({6, 4}, {1, 2, 9, 12, -6, -3, 4, 30, 22,  16,  23,  17,
                                             5, 5, 5, 5,  8,  8,  3, 2,  100, 100, 120, 130});
  const Tensor batch = tensor<int64_t>({6}, {0, 1, 1, 0, 1, 0});
  for (const char* mode : {"half_pixel", "output_half_pixel"}) {
    for (const int64_t ratio : {0, 1, 2, 3}) {
      for (const float scale : {1.0f, 0.5f}) {
        StepTester("RoiAlign")
            .attr("coordinate_transformation_mode", std::string(mode))
            .attr("output_height", int64_t{3})
            .attr("output_width", int64_t{4})
            .attr("sampling_ratio", ratio)
            .attr("spatial_scale", scale)
            .input(x)
            .input(rois)
            .input(batch)
            .tolerance(1e-5, 1e-5)
            .kernel("roi_align_f32")
            .run();
      }
    }
  }
  StepTester("RoiAlign")
      .input(x)
      .input(tensor<float>({1, 4}, {0, 0, 1, 1}))
      .input(tensor<int64_t>({1}, {2}))
      .kernel("roi_align_f32")
      .run_error("batch index 2 outside [0, 2)");
  StepTester("RoiAlign")
      .input(x)
      .input(tensor<float>({1, 4}, {0, NAN, 1, 1}))
      .input(tensor<int64_t>({1}, {0}))
      .kernel("roi_align_f32")
      .run_error("not finite");
}

}  // namespace
}  // namespace ferry
