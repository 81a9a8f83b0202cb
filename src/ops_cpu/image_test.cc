// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/image/resize.h"
#include "ops/nn/pool.h"
#include "ops/registry.h"
#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

using Ints = std::vector<int64_t>;

// In planes and channels-last.
void check_pool(Pool op, const Dims& spatial, bool symbolic = false) {
  const char* name = op.kind == PoolKind::kMax       ? "MaxPool"
                     : op.kind == PoolKind::kAverage ? "AveragePool"
                                                     : "LpPool";
  for (bool last : {false, true}) {
    if (last && op.kind == PoolKind::kLp) continue;
    op.channels_last = last;
    Dims dims = {2};
    if (!last) dims.push_back(19);
    for (int64_t d : spatial) dims.push_back(d);
    if (last) dims.push_back(19);
    StepTester t(make_op(name, op));
    t.input(random_tensor(dims, 5)).kernel(last ? "pool_f32" : "plane_pool_f32");
    if (symbolic) t.symbolic();
    t.tolerance(1e-5, 1e-6).run();
  }
}

TEST(Image, Pools) {
  for (PoolKind kind : {PoolKind::kMax, PoolKind::kAverage, PoolKind::kLp}) {
    for (bool flag : {false, true}) {
      Pool op;
      op.kind = kind;
      op.count_include_pad = flag;
      op.ceil_mode = flag;
      op.p = flag ? 1 : 2;
      op.kernel_shape = {3, 2};
      op.strides = {2, 1};
      op.pads = {1, 0, 1, 1};
      check_pool(op, {17, 23});
      check_pool(op, {14, 13}, true);
      op.strides = {2, 2};
      op.pads = {0, 1, 1, 1};
      check_pool(op, {14, 40});
      op.strides = {1, 3};
      check_pool(op, {3, 16});
      Pool dilated = op;
      dilated.ceil_mode = false;
      dilated.pads = {};
      dilated.strides = {};
      dilated.kernel_shape = {3, 3};
      dilated.dilations = {2, 1};
      dilated.auto_pad = "SAME_UPPER";
      check_pool(dilated, {17, 23}, true);
      Pool line = op;
      line.kernel_shape = {3};
      line.strides = {2};
      line.pads = {1, 1};
      check_pool(line, {33});
      Pool cube = op;
      cube.kernel_shape = {2, 3, 2};
      cube.strides = {2, 1, 2};
      cube.pads = {1, 1, 1, 0, 1, 1};
      check_pool(cube, {6, 7, 8});
      cube.strides = {1, 1, 3};
      check_pool(cube, {4, 3, 40});
      // Windows that lie in the padding alone.
      Pool outside = line;
      outside.kernel_shape = {2};
      outside.strides = {1};
      outside.pads = {3, 4};
      if (kind != PoolKind::kAverage) check_pool(outside, {5});
    }
  }
}

// As exporters write global pooling.
TEST(Image, PoolsOfWindowsLargerThanTheImage) {
  for (int64_t count_padding : {0, 1}) {
    StepTester("AveragePool")
        .attr("kernel_shape", Ints{1280, 1280})
        .attr("pads", Ints{637, 636, 637, 636})
        .attr("count_include_pad", count_padding)
        .input(random_tensor({2, 19, 7, 8}, 5))
        .kernel("pool_f32")
        .tolerance(1e-6, 1e-6)
        .run();
  }
}

TEST(Image, PoolsSpreadNaN) {
  for (bool last : {false, true}) {
    Pool op;
    op.kernel_shape = {2, 2};
    op.channels_last = last;
    StepTester(make_op("MaxPool", op))
        .input(
            tensor<float>(last ? Dims{1, 2, 3, 1} : Dims{1, 1, 2, 3}, {1, NAN, 3, -INFINITY, 2, 1}))
        .kernel(last ? "pool_f32" : "plane_pool_f32")
        .run();
  }
}

// Values of few kinds, so that many are equal, and of floats a NaN.
Tensor coarse(DType type, const Dims& dims) {
  const Tensor random = random_tensor(dims, 3);
  Tensor t = Tensor::allocate(type, dims).value();
  for (int64_t i = 0; i < t.count(); ++i) {
    const float v = std::round(random.data<float>()[i] * 3);
    if (type == DType::kFloat32) t.data<float>()[i] = i % 53 == 7 ? NAN : v;
    if (type == DType::kFloat64) t.data<double>()[i] = i % 41 == 3 ? -INFINITY : double(v);
    if (type == DType::kInt8) t.data<int8_t>()[i] = static_cast<int8_t>(v);
    if (type == DType::kUInt8) t.data<uint8_t>()[i] = static_cast<uint8_t>(v + 100);
  }
  return t;
}

void check_max_pool(const Tensor& x, Pool op, size_t outputs) {
  for (const int64_t order : {0, 1}) {
    op.storage_order = order;
    StepTester(make_op("MaxPool", op)).input(x).outputs(outputs).kernel("max_pool_typed").run();
  }
}

TEST(Image, MaxPoolsOfManyTypesWithPositions) {
  for (const DType type : {DType::kFloat32, DType::kFloat64, DType::kInt8, DType::kUInt8}) {
    for (size_t outputs : {1u, 2u}) {
      if (type == DType::kFloat32 && outputs == 1) continue;
      for (const int64_t stride : {1, 2, 3}) {
        Pool op;
        op.kernel_shape = {3, 2};
        op.strides = {2, stride};
        op.pads = {1, 0, 1, 1};
        check_max_pool(coarse(type, {2, 5, 17, 43}), op, outputs);
        op.dilations = {2, 3};
        op.ceil_mode = true;
        check_max_pool(coarse(type, {2, 5, 17, 43}), op, outputs);
        Pool line;
        line.kernel_shape = {2};
        line.strides = {stride};
        line.pads = {3, 4};
        check_max_pool(coarse(type, {2, 3, 40}), line, outputs);
        Pool cube;
        cube.kernel_shape = {2, 3, 70};
        cube.strides = {1, 2, stride};
        cube.pads = {1, 1, 68, 0, 1, 69};
        check_max_pool(coarse(type, {1, 2, 5, 6, 9}), cube, outputs);
      }
    }
  }
}

TEST(Image, GlobalPools) {
  for (const char* name : {"GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"}) {
    for (const Dims& dims : {Dims{1, 3, 17, 23}, Dims{2, 165, 14, 13}, Dims{2, 16, 9}}) {
      for (bool last : {false, true}) {
        GlobalPool op;
        op.kind = name == std::string("GlobalMaxPool")  ? PoolKind::kMax
                  : name == std::string("GlobalLpPool") ? PoolKind::kLp
                                                        : PoolKind::kAverage;
        op.p = dims[0];
        op.channels_last = last;
        StepTester(make_op(name, op))
            .input(random_tensor(dims, 5))
            .kernel("global_pool_f32")
            .symbolic()
            .tolerance(1e-6, 1e-6)
            .run();
      }
    }
  }
}

TEST(Image, ResizesChannelsLast) {
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    for (int64_t channels : {5, 33}) {
      Resize op;
      op.mode = mode;
      op.channels_last = true;
      StepTester(make_op("Resize", op))
          .input(random_tensor({2, 9, 20, channels}, 7))
          .no_input()
          .constant(tensor<float>({4}, {1, 1, 2, 1.7f}))
          .kernel("resize_f32")
          .tolerance(1e-6, 1e-6)
          .run();
      StepTester(make_op("Resize", op))
          .input(random_tensor({2, 4, 5, 6, channels}, 7))
          .no_input()
          .constant(tensor<float>({5}, {1, 1, 2, 0.5f, 3}))
          .kernel("resize_f32")
          .tolerance(1e-6, 1e-6)
          .run();
    }
  }
}

// Bytes that repeat after 61, which no size in these tests has as a factor.
Tensor patterned(DType type, const Dims& dims) {
  Tensor x = Tensor::allocate(type, dims).value();
  for (size_t i = 0; i < x.size_bytes(); ++i) {
    static_cast<uint8_t*>(x.raw())[i] = static_cast<uint8_t>(i * 7 % 61);
  }
  return x;
}

TEST(Image, ResizesToTheNearest) {
  for (const DType type : {DType::kUInt8, DType::kFloat16, DType::kFloat32, DType::kInt64}) {
    for (const char* how : {"half_pixel", "half_pixel_symmetric", "align_corners", "asymmetric"}) {
      for (const char* rounding : {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}) {
        for (const Ints& sizes :
             {Ints{2, 3, 22, 34}, Ints{2, 3, 11, 90}, Ints{2, 3, 30, 17}, Ints{2, 3, 5, 6},
              Ints{2, 3, 4, 21}, Ints{3, 2, 11, 17}, Ints{1, 1, 1, 70000}}) {
          StepTester("Resize")
              .attr("nearest_mode", std::string(rounding))
              .attr("coordinate_transformation_mode", std::string(how))
              .input(patterned(type, {2, 3, 11, 17}))
              .no_input()
              .no_input()
              .constant(ints(sizes))
              .kernel("resize_nearest")
              .run();
        }
      }
    }
  }
}

TEST(Image, ResizesAnyRankToTheNearest) {
  const std::vector<std::pair<Dims, Ints>> shapes = {{{7}, {23}},
                                                     {{70}, {210}},
                                                     {{5, 9}, {15, 27}},
                                                     {{4, 3, 2}, {8, 6, 5}},
                                                     {{5, 9}, {5, 90000}},
                                                     {{3, 4, 40}, {9, 4, 80}},
                                                     {{2, 3, 4, 20}, {4, 3, 9, 20}},
                                                     {{1, 2, 3, 4, 9}, {1, 2, 6, 8, 18}},
                                                     {{1, 2, 1, 3, 4, 5}, {1, 4, 1, 3, 8, 15}}};
  for (const auto& [dims, sizes] : shapes) {
    for (const DType type : {DType::kUInt8, DType::kFloat32}) {
      StepTester("Resize")
          .attr("nearest_mode", std::string("floor"))
          .attr("coordinate_transformation_mode", std::string("asymmetric"))
          .input(patterned(type, dims))
          .no_input()
          .no_input()
          .constant(ints(sizes))
          .kernel("resize_nearest")
          .run();
    }
  }
}

TEST(Image, Resizes) {
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    const bool nearest = mode == std::string("nearest");
    for (const char* how : {"half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"}) {
      for (const Dims& dims : {Dims{1, 3, 11, 17}, Dims{2, 33, 9, 20}}) {
        StepTester("Resize")
            .attr("mode", std::string(mode))
            .attr("coordinate_transformation_mode", std::string(how))
            .input(random_tensor(dims, 7))
            .no_input()
            .constant(tensor<float>({4}, {1, 1, 2, 1.7f}))
            .kernel(nearest ? "resize_nearest" : "resize_f32")
            .tolerance(1e-6, 1e-6)
            .run();
        StepTester("Resize")
            .attr("mode", std::string(mode))
            .attr("coordinate_transformation_mode", std::string(how))
            .input(random_tensor(dims, 7))
            .no_input()
            .no_input()
            .constant(ints({dims[0], dims[1], 5, 40}))
            .kernel(nearest ? "resize_nearest" : "resize_f32")
            .tolerance(1e-6, 1e-6)
            .run();
      }
    }
  }
  StepTester("Resize")
      .attr("mode", std::string("linear"))
      .attr("antialias", int64_t{1})
      .input(random_tensor({1, 3, 64, 64}, 7))
      .no_input()
      .no_input()
      .constant(ints({1, 3, 20, 21}))
      .kernel("resize_f32")
      .tolerance(1e-6, 1e-6)
      .run();
}

TEST(Image, DeformConv) {
  struct Case {
    Dims x, w;
    Ints strides, pads, dilations;
    int64_t group, offset_group;
  };
  const Case cases[] = {
      {{2, 6, 11, 13}, {4, 6, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 1, 1},
      {{1, 6, 20, 30}, {9, 2, 3, 2}, {2, 1}, {0, 2, 1, 0}, {1, 2}, 3, 2},
      {{1, 4, 60}, {6, 2, 3}, {1}, {1, 1}, {1}, 2, 4},
      {{1, 2, 5, 6, 7}, {3, 2, 2, 3, 2}, {1, 1, 1}, {0, 1, 0, 1, 1, 1}, {1, 1, 1}, 1, 2},
  };
  for (const Case& k : cases) {
    const size_t rank = k.strides.size();
    Dims planes = {k.x[0], 0};
    int64_t taps = 1;
    for (size_t a = 0; a < rank; ++a) {
      taps *= k.w[a + 2];
      const int64_t reach = (k.w[a + 2] - 1) * k.dilations[a] + 1;
      planes.push_back((k.x[a + 2] + k.pads[a] + k.pads[a + rank] - reach) / k.strides[a] + 1);
    }
    planes[1] = taps * k.offset_group * static_cast<int64_t>(rank);
    Tensor offset = random_tensor(planes, 3);
    for (int64_t i = 0; i < offset.count(); ++i) {
      float& v = offset.data<float>()[i];
      v = i % 5 == 0 ? std::round(v * 3) : i % 97 == 3 ? 1e30f : i % 89 == 7 ? NAN : v * 3;
    }
    planes[1] = taps * k.offset_group;
    Tensor x = random_tensor(k.x, 1);
    for (const bool full : {false, true}) {
      StepTester t("DeformConv");
      t.attr("strides", k.strides).attr("pads", k.pads).attr("dilations", k.dilations);
      t.attr("group", k.group).attr("offset_group", k.offset_group);
      t.input(x).input(random_tensor(k.w, 2)).input(offset);
      if (full) t.input(random_tensor({k.w[0]}, 4)).input(random_tensor(planes, 5));
      t.kernel("deform_conv_f32").tolerance(1e-5, 1e-5).run();
    }
  }
}

TEST(Image, Col2Im) {
  for (const DType type : {DType::kFloat32, DType::kFloat64, DType::kInt32, DType::kInt64}) {
    for (const int64_t stride : {1, 2}) {
      const int64_t rows = (9 + 1 - 4) / 1 + 1, columns = (40 + 3 - 3) / stride + 1;
      const Tensor random = random_tensor({2, 3 * 6, rows * columns}, 3);
      Tensor x = Tensor::allocate(type, random.dims()).value();
      for (int64_t i = 0; i < x.count(); ++i) {
        const float v = random.data<float>()[i] * 100;
        if (type == DType::kFloat32) x.data<float>()[i] = v;
        if (type == DType::kFloat64) x.data<double>()[i] = double(v);
        if (type == DType::kInt32) x.data<int32_t>()[i] = static_cast<int32_t>(v) << 24;
        if (type == DType::kInt64) x.data<int64_t>()[i] = static_cast<int64_t>(v);
      }
      StepTester("Col2Im")
          .attr("strides", Ints{1, stride})
          .attr("pads", Ints{1, 1, 0, 2})
          .attr("dilations", Ints{3, 1})
          .input(x)
          .input(ints({9, 40}))
          .input(ints({2, 3}))
          .kernel("col2im")
          .tolerance(1e-6, 1e-5)
          .run();
    }
  }
  StepTester("Col2Im")
      .input(random_tensor({1, 2 * 8, 3 * 4 * 5}, 3))
      .input(ints({4, 5, 6}))
      .input(ints({2, 2, 2}))
      .kernel("col2im")
      .tolerance(1e-6, 1e-6)
      .run();
}

TEST(Image, MaxUnpool) {
  for (const bool larger : {false, true}) {
    const Tensor x = random_tensor({2, 3, 40, 40}, 3);
    Tensor at = Tensor::allocate(DType::kInt64, x.dims()).value();
    // Some places more than once.
    for (int64_t i = 0; i < at.count(); ++i)
      at.data<int64_t>()[i] = i * 7919 % (4 * at.count()) / 5;
    const auto tester = [&] {
      StepTester t("MaxUnpool");
      t.attr("kernel_shape", Ints{2, 2}).attr("strides", Ints{2, 2}).input(x).input(at);
      if (larger) t.input(ints({2, 3, 83, 81}));
      return t.kernel("max_unpool");
    };
    tester().run();
    at.data<int64_t>()[5] = -1;
    tester().run_error("outside [0");
  }
}

TEST(Image, ConvTranspose) {
  for (int64_t stride : {1, 2, 3}) {
    for (int64_t group : {1, 2}) {
      StepTester("ConvTranspose")
          .attr("strides", Ints{stride, 2})
          .attr("group", group)
          .attr("pads", Ints{1, 0, 1, 1})
          .attr("output_padding", Ints{0, 1})
          .input(random_tensor({2, 6, 13, 9}, 1))
          .constant(random_tensor({6, 5, 3, 4}, 2))
          .constant(random_tensor({5 * group}, 3))
          .kernel("conv_transpose_f32")
          .tolerance(1e-5, 1e-5)
          .run();
    }
    StepTester("ConvTranspose")
        .attr("strides", Ints{stride})
        .attr("dilations", Ints{2})
        .attr("auto_pad", std::string("SAME_LOWER"))
        .input(random_tensor({1, 40, 30}, 1))
        .constant(random_tensor({40, 33, 3}, 2))
        .kernel("conv_transpose_f32")
        .tolerance(1e-5, 2e-5)
        .run();
  }
}

}  // namespace
}  // namespace ferry
