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
  Tensor grid = random_tensor({2, 17, 19, 2}, 5);
  for (int64_t i = 0; i < grid.count(); ++i) grid.data<float>()[i] *= 1.3f;
  grid.data<float>()[0] = NAN;
  grid.data<float>()[3] = INFINITY;
  grid.data<float>()[5] = -1e30f;
  grid.data<float>()[6] = 1;
  grid.data<float>()[9] = -1;
  Tensor x = random_tensor({2, 3, 11, 13}, 6);
  x.data<float>()[0] = INFINITY;  // a corner: outside it must not leak
  for (const char* mode : {"linear", "nearest"}) {
    for (const char* padding : {"zeros", "border"}) {
      for (const int64_t align : {0, 1}) {
        StepTester("GridSample")
            .attr("mode", std::string(mode))
            .attr("padding_mode", std::string(padding))
            .attr("align_corners", align)
            .input(x)
            .input(grid)
            .kernel("grid_sample_f32")
            .tolerance(1e-5, 2e-6)
            .run();
      }
    }
  }
}

}  // namespace
}  // namespace ferry
