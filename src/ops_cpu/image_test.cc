// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

using Ints = std::vector<int64_t>;

TEST(Image, Pools) {
  for (const char* op : {"MaxPool", "AveragePool"}) {
    for (const Dims& dims : {Dims{1, 3, 17, 23}, Dims{2, 65, 14, 13}, Dims{2, 16, 0, 8}}) {
      for (int64_t ceil_mode : {0, 1}) {
        StepTester t(op);
        t.attr("kernel_shape", Ints{3, 2})
            .attr("strides", Ints{2, 1})
            .attr("pads", Ints{1, 0, 1, 1})
            .attr("ceil_mode", ceil_mode)
            .input(random_tensor(dims, 5))
            .kernel("pool_f32")
            .tolerance(1e-6, 1e-6);
        if (op == std::string("AveragePool")) t.attr("count_include_pad", int64_t{1});
        if (dims[2] > 0) t.run();
      }
      if (dims[2] == 0) continue;
      StepTester(op)
          .attr("kernel_shape", Ints{3, 3})
          .attr("dilations", Ints{2, 1})
          .attr("auto_pad", std::string("SAME_UPPER"))
          .input(random_tensor(dims, 5))
          .kernel("pool_f32")
          .symbolic()
          .tolerance(1e-6, 1e-6)
          .run();
    }
    StepTester(op)
        .attr("kernel_shape", Ints{3})
        .input(random_tensor({2, 5, 9}, 5))
        .kernel("pool_f32")
        .tolerance(1e-6, 1e-6)
        .run();
    StepTester(op)
        .attr("kernel_shape", Ints{2, 3, 2})
        .attr("pads", Ints{1, 1, 1, 0, 1, 1})
        .input(random_tensor({2, 5, 6, 7, 8}, 5))
        .kernel("pool_f32")
        .tolerance(1e-6, 1e-6)
        .run();
  }
  // A window larger than the image, as exporters write global pooling.
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
  StepTester("MaxPool")
      .attr("kernel_shape", Ints{2, 2})
      .input(tensor<float>({1, 1, 2, 3}, {1, NAN, 3, -INFINITY, 2, 1}))
      .kernel("pool_f32")
      .run();
}

TEST(Image, GlobalPools) {
  for (const char* op : {"GlobalMaxPool", "GlobalAveragePool"}) {
    for (const Dims& dims : {Dims{1, 3, 17, 23}, Dims{2, 165, 14, 13}, Dims{2, 16, 9}}) {
      StepTester(op)
          .input(random_tensor(dims, 5))
          .kernel("global_pool_f32")
          .symbolic()
          .tolerance(1e-6, 1e-6)
          .run();
    }
  }
}

TEST(Image, Resizes) {
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    for (const char* how : {"half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"}) {
      for (const Dims& dims : {Dims{1, 3, 11, 17}, Dims{2, 33, 9, 20}}) {
        StepTester("Resize")
            .attr("mode", std::string(mode))
            .attr("coordinate_transformation_mode", std::string(how))
            .input(random_tensor(dims, 7))
            .no_input()
            .constant(tensor<float>({4}, {1, 1, 2, 1.7f}))
            .kernel("resize_f32")
            .tolerance(1e-6, 1e-6)
            .run();
        StepTester("Resize")
            .attr("mode", std::string(mode))
            .attr("coordinate_transformation_mode", std::string(how))
            .input(random_tensor(dims, 7))
            .no_input()
            .no_input()
            .constant(ints({dims[0], dims[1], 5, 40}))
            .kernel("resize_f32")
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
