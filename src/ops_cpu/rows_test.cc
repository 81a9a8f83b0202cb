// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

using Ints = std::vector<int64_t>;

TEST(Rows, Softmax) {
  for (const char* op : {"Softmax", "LogSoftmax"}) {
    const std::string kernel = op == std::string("Softmax") ? "softmax_f32" : "log_softmax_f32";
    for (const Dims& dims : {Dims{3, 5, 7}, Dims{64, 9, 77}, Dims{2, 300, 65}, Dims{2, 0, 3}}) {
      for (int64_t axis : {0, 1, 2, -1}) {
        StepTester(op)
            .attr("axis", axis)
            .input(random_tensor(dims, 3))
            .symbolic()
            .kernel(kernel)
            .tolerance(2e-6, 1e-6)
            .run();
      }
    }
    for (int64_t n = 1; n < 70; ++n) {
      StepTester(op).input(random_tensor({7, n}, n)).kernel(kernel).tolerance(2e-6, 1e-6).run();
    }
    // Few columns: several rows of them fill a vector.
    for (int64_t cols = 2; cols < 10; ++cols) {
      for (int64_t n : {40, 63, 197, 3001}) {
        StepTester(op)
            .attr("axis", int64_t{1})
            .input(random_tensor({3, n, cols}, n))
            .kernel(kernel)
            .tolerance(2e-6, 1e-6)
            .run();
      }
    }
    const float inf = INFINITY;
    Tensor special = random_tensor({90, 3}, 5);
    special.data<float>()[3 * 71] = NAN;
    special.data<float>()[3 * 70 + 1] = 1e30f;
    for (int64_t i = 0; i < 90; ++i) special.data<float>()[3 * i + 2] = i == 88 ? 7 : -inf;
    StepTester(op)
        .attr("axis", int64_t{0})
        .input(special)
        .kernel(kernel)
        .tolerance(2e-6, 1e-6)
        .run();
    for (int64_t axis : {0, 1}) {
      StepTester(op)
          .attr("axis", axis)
          .input(tensor<float>({3, 3}, {0, -inf, 3, -inf, -inf, -inf, NAN, 1e30f, -1e30f}))
          .kernel(kernel)
          .tolerance(2e-6, 1e-6)
          .run();
    }
  }
}

TEST(Rows, SoftmaxOfDoubles) {
  for (const char* op : {"Softmax", "LogSoftmax"}) {
    const auto check = [&](int64_t axis, Tensor x, double tolerance = 0x1p-50) {
      StepTester(op)
          .attr("axis", axis)
          .input(std::move(x))
          .symbolic()
          .kernel(op == std::string("Softmax") ? "softmax_f64" : "log_softmax_f64")
          .tolerance(tolerance, tolerance)
          .run();
    };
    for (const Dims& dims : {Dims{3, 5, 7}, Dims{64, 9, 77}, Dims{2, 300, 65}, Dims{2, 0, 3}}) {
      for (int64_t axis : {0, 1, 2, -1}) check(axis, random_doubles(dims, 3));
    }
    for (int64_t n = 1; n < 70; ++n) check(-1, random_doubles({7, n}, n));
    check(-1, random_doubles({2, 70001}, 4), 1e-13);
    const double inf = INFINITY;
    for (int64_t axis : {0, 1}) {
      check(axis, tensor<double>({3, 3}, {0, -inf, 3, -inf, -inf, -inf, NAN, 1e300, -1e300}));
      check(axis, tensor<double>({2, 2}, {-800, -1500, -0.0, inf}));
    }
  }
}

TEST(Rows, LayerNormalizationOfDoubles) {
  const auto check = [](StepTester& t, const char* kernel) {
    t.kernel(kernel).tolerance(1e-13, 1e-14).run();
  };
  for (const Dims& dims : {Dims{3, 5, 7}, Dims{4, 9, 77}, Dims{2, 2, 70001}, Dims{2, 0, 3}}) {
    for (int64_t axis : {1, 2, -1}) {
      const size_t from = axis < 0 ? 2 : static_cast<size_t>(axis);
      const Dims kept(std::span<const int64_t>(dims).subspan(from));
      for (const bool bias : {false, true}) {
        StepTester t("LayerNormalization");
        t.attr("axis", axis).input(random_doubles(dims, 3)).constant(random_doubles(kept, 4));
        if (bias) t.constant(random_doubles(kept, 5));
        check(t.outputs(3), "layer_norm_f64");
      }
      StepTester t("RMSNormalization");
      t.attr("axis", axis).input(random_doubles(dims, 3)).constant(random_doubles(kept, 4));
      check(t, "rms_norm_f64");
    }
  }
  for (const double value : {NAN, INFINITY}) {
    Tensor x = random_doubles({3, 40}, 3);
    x.data<double>()[50] = value;
    StepTester t("LayerNormalization");
    check(t.input(x).constant(random_doubles({40}, 4)), "layer_norm_f64");
  }
  // A scale that does not span the row.
  StepTester t("LayerNormalization");
  check(t.input(random_doubles({3, 8}, 3)).constant(random_doubles({1}, 4)), "layer_norm_f64");
}

TEST(Rows, LayerNormalization) {
  for (const Dims& dims : {Dims{3, 5, 7}, Dims{4, 9, 77}, Dims{2, 30, 768}, Dims{2, 0, 3}}) {
    for (int64_t axis : {1, 2, -1}) {
      const size_t from = axis < 0 ? 2 : static_cast<size_t>(axis);
      const Dims kept(std::span<const int64_t>(dims).subspan(from));
      StepTester("LayerNormalization")
          .attr("axis", axis)
          .input(random_tensor(dims, 3))
          .constant(random_tensor(kept, 4))
          .constant(random_tensor(kept, 5))
          .outputs(3)
          .kernel("layer_norm_f32")
          .tolerance(1e-5, 2e-6)
          .run();
      StepTester("RMSNormalization")
          .attr("axis", axis)
          .input(random_tensor(dims, 3))
          .constant(random_tensor(kept, 4))
          .kernel("rms_norm_f32")
          .tolerance(1e-5, 2e-6)
          .run();
    }
  }
  for (const float value : {NAN, INFINITY}) {
    Tensor x = random_tensor({3, 40}, 3);
    x.data<float>()[50] = value;
    const Tensor scale = random_tensor({40}, 4);
    const auto check = [&](const char* name, const char* kernel) {
      StepTester(name).input(x).constant(scale).kernel(kernel).tolerance(1e-5, 2e-6).run();
    };
    check("LayerNormalization", "layer_norm_f32");
    check("RMSNormalization", "rms_norm_f32");
  }
  // A scale that does not span the row.
  StepTester("LayerNormalization")
      .input(random_tensor({3, 8}, 3))
      .constant(random_tensor({1}, 4))
      .kernel("layer_norm_f32")
      .tolerance(1e-5, 2e-6)
      .run();
}

TEST(Rows, Reductions) {
  const std::vector<Ints> axes = {{0}, {1}, {2}, {3}, {2, 3}, {0, 1}, {1, 2}, {0, 3}, {0, 1, 2, 3}};
  for (const char* op : {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1",
                         "ReduceL2", "ReduceSumSquare"}) {
    for (const Dims& dims : {Dims{2, 3, 5, 7}, Dims{1, 70, 21, 23}, Dims{2, 1, 0, 7}}) {
      for (const Ints& at : axes) {
        for (int64_t keep : {0, 1}) {
          StepTester(op)
              .attr("keepdims", keep)
              .input(random_tensor(dims, 3))
              .constant(ints(at))
              .kernel("reduce_f32")
              .tolerance(2e-6, 3e-5)
              .run();
        }
      }
    }
    StepTester(op)
        .input(tensor<float>({2, 3}, {1, NAN, 3, INFINITY, 1, -INFINITY}))
        .constant(ints({1}))
        .kernel("reduce_f32")
        .tolerance(1e-6, 0)
        .run();
    StepTester(op)
        .input(tensor<float>({2, 3}, {1, NAN, 3, INFINITY, 1, -INFINITY}))
        .constant(ints({0}))
        .kernel("reduce_f32")
        .tolerance(1e-6, 0)
        .run();
  }
}

// More than two axes that do not run together, the last ones short: sampling points of deformable
// attention, biases of windows.
TEST(Rows, ElementwiseOverShortAxes) {
  const Dims cases[][2] = {{{2, 19, 4, 3, 4, 2}, {2, 19, 1, 3, 1, 2}},
                           {{2, 19, 4, 3, 4, 2}, {3, 1, 2}},
                           {{2, 60, 3, 1}, {2, 1, 3, 2}},
                           {{1, 5, 1, 7}, {9, 1, 11, 1}},
                           {{70, 6, 16, 16}, {70, 1, 16, 1}},
                           {{70, 6, 16, 32}, {70, 1, 16, 1}},
                           {{1000, 8, 3}, {1, 8, 1}},
                           {{3, 400, 5, 2}, {3, 1, 5, 1}},
                           {{0, 4, 3, 2}, {1, 4, 1, 2}}};
  for (const auto& [a, b] : cases) {
    for (const char* op : {"Sub", "Div"}) {
      StepTester tester(op);
      tester.input(random_tensor(a, 1)).input(random_tensor(b, 2)).kernel("elementwise_f32");
      tester.run();
      tester.symbolic().run();
    }
    StepTester("Sub")
        .input(random_tensor(b, 2))
        .input(random_tensor(a, 1))
        .kernel("elementwise_f32")
        .run();
  }
}

TEST(Rows, RotaryEmbedding) {
  for (int64_t interleaved : {0, 1}) {
    for (int64_t part : {0, 6}) {
      const int64_t half = part == 0 ? 5 : 3;
      StepTester planar("RotaryEmbedding");
      planar.attr("interleaved", interleaved)
          .attr("rotary_embedding_dim", part)
          .input(random_tensor({2, 3, 40, 10}, 1))
          .input(random_tensor({50, half}, 2))
          .input(random_tensor({50, half}, 3));
      Tensor ids = Tensor::allocate(DType::kInt64, {2, 40}).value();
      for (int64_t i = 0; i < 80; ++i) ids.data<int64_t>()[i] = i * 7 % 50;
      planar.input(ids).kernel("rotary_f32").run();
      StepTester("RotaryEmbedding")
          .attr("interleaved", interleaved)
          .attr("rotary_embedding_dim", part)
          .attr("num_heads", int64_t{30})
          .input(random_tensor({2, 40, 300}, 1))
          .input(random_tensor({2, 40, half}, 2))
          .input(random_tensor({2, 40, half}, 3))
          .kernel("rotary_f32")
          .run();
      StepTester("RotaryEmbedding")
          .attr("interleaved", interleaved)
          .attr("rotary_embedding_dim", part)
          .input(random_tensor({2, 3, 40, 10}, 1))
          .input(random_tensor({1, 40, half}, 2))
          .input(random_tensor({1, 40, half}, 3))
          .kernel("rotary_f32")
          .run();
    }
  }
  StepTester("RotaryEmbedding")
      .input(random_tensor({1, 1, 2, 4}, 1))
      .input(random_tensor({3, 2}, 2))
      .input(random_tensor({3, 2}, 3))
      .input(tensor<int64_t>({1, 2}, {0, 3}))
      .kernel("rotary_f32")
      .run_error("position id 3 outside [0, 3)");
}

}  // namespace
}  // namespace ferry
