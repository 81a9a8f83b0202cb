// SPDX-License-Identifier: Apache-2.0
// Products of 8-bit integers, which are exact, against the reference kernels.
#include <cmath>
#include <random>

#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

template <class T>
Tensor bytes(const Dims& dims, uint32_t seed) {
  Tensor t = Tensor::allocate(dtype_of<T>(), dims).value();
  std::mt19937 random(seed);
  // The extremes of the type among them.
  for (int64_t i = 0; i < t.count(); ++i) {
    t.data<T>()[i] =
        static_cast<T>(random() % 5 == 0 ? (random() % 2 != 0 ? 127u : 128u) : random());
  }
  return t;
}

// Weights of 7 bits, whose products with bytes keep to 16 bits in pairs.
Tensor narrow(const Dims& dims, uint32_t seed) {
  Tensor t = bytes<int8_t>(dims, seed);
  for (int64_t i = 0; i < t.count(); ++i)
    t.data<int8_t>()[i] = static_cast<int8_t>(t.data<int8_t>()[i] / 2);
  return t;
}

Tensor scales(int64_t n) {
  Tensor t = Tensor::allocate(DType::kFloat32, {n}).value();
  for (int64_t i = 0; i < n; ++i) t.data<float>()[i] = 0.01f + 0.002f * static_cast<float>(i % 7);
  return t;
}
Tensor scale(float v) { return tensor<float>({}, {v}); }

struct Sizes {
  Dims a, b;
};
const Sizes kSizes[] = {{{1, 1}, {1, 1}},          {{7, 33}, {33, 40}},
                        {{50, 64}, {64, 17}},      {{1, 301}, {301, 65}},
                        {{2, 3, 9, 20}, {20, 18}}, {{2, 1, 5, 6}, {3, 6, 35}},
                        {{12}, {12, 5}},           {{3, 0}, {0, 4}}};

template <class A, class B>
void check_matmul(bool constant) {
  for (const Sizes& s : kSizes) {
    const int64_t n = s.b.back();
    for (bool per_column : {false, true}) {
      StepTester t("MatMulInteger");
      t.input(bytes<A>(s.a, 1));
      const Tensor zero = bytes<B>(per_column && s.b.size() == 2 ? Dims{n} : Dims{}, 4);
      if (constant)
        t.constant(bytes<B>(s.b, 2)).input(bytes<A>({}, 3)).constant(zero);
      else
        t.input(bytes<B>(s.b, 2)).input(bytes<A>({}, 3)).input(zero);
      t.kernel("matmul_integer").run();
    }
  }
}

TEST(Integer, MatMul) {
  for (bool constant : {false, true}) {
    check_matmul<uint8_t, int8_t>(constant);
    check_matmul<uint8_t, uint8_t>(constant);
    check_matmul<int8_t, int8_t>(constant);
  }
  StepTester("MatMulInteger")
      .input(bytes<uint8_t>({60, 200}, 1))
      .constant(bytes<int8_t>({200, 90}, 2))
      .symbolic()
      .kernel("matmul_integer")
      .run();
  // One zero point per row is left to the reference.
  StepTester("MatMulInteger")
      .input(bytes<uint8_t>({3, 8}, 1))
      .constant(bytes<int8_t>({8, 4}, 2))
      .input(bytes<uint8_t>({3}, 3))
      .kernel("matmul_integer")
      .run();
}

TEST(Integer, MatMulOfNarrowWeights) {
  for (const Sizes& s : kSizes) {
    for (bool is_signed : {false, true}) {
      StepTester t("MatMulInteger");
      t.input(is_signed ? bytes<int8_t>(s.a, 1) : bytes<uint8_t>(s.a, 1)).constant(narrow(s.b, 2));
      t.input(is_signed ? bytes<int8_t>({}, 3) : bytes<uint8_t>({}, 3));
      t.kernel("matmul_integer").run();
    }
  }
  for (bool is_signed : {false, true}) {
    StepTester t("QLinearMatMul");
    t.input(is_signed ? bytes<int8_t>({2, 53, 77}, 1) : bytes<uint8_t>({2, 53, 77}, 1));
    t.input(scale(0.02f)).input(is_signed ? bytes<int8_t>({}, 2) : bytes<uint8_t>({}, 2));
    t.constant(narrow({77, 41}, 3)).input(scales(41)).constant(tensor<int8_t>({}, {0}));
    t.input(scale(0.5f)).input(bytes<uint8_t>({}, 5)).kernel("qlinear_matmul").run();
  }
}

// The largest sums of two products that 16 bits hold, and the smallest that they do not.
TEST(Integer, WeightsAtTheEdgeOfSixteenBits) {
  Tensor a = Tensor::allocate(DType::kUInt8, {5, 8}).value();
  std::fill_n(a.data<uint8_t>(), a.count(), uint8_t{255});
  for (int edge : {0, 1}) {
    Tensor b = Tensor::allocate(DType::kInt8, {8, 20}).value();
    for (int64_t i = 0; i < b.count(); ++i) {
      const bool high = i % 2 == 0;  // by columns
      b.data<int8_t>()[i] = static_cast<int8_t>(i / 20 % 2 == 0 ? (high ? 64 : -64 - edge)
                                                                : (high ? 64 + edge : -64));
    }
    StepTester("MatMulInteger").input(a).constant(b).kernel("matmul_integer").run();
    const Tensor pixels = Tensor::borrow(DType::kUInt8, {1, 8, 5, 1}, a.raw());
    Tensor w = Tensor::allocate(DType::kInt8, {20, 8, 1, 1}).value();
    for (int64_t i = 0; i < w.count(); ++i)
      w.data<int8_t>()[i] = b.data<int8_t>()[i % 8 * 20 + i / 8];
    StepTester("ConvInteger").input(pixels).constant(w).kernel("conv_integer").run();
  }
}

TEST(Integer, QLinearMatMul) {
  for (bool constant : {false, true}) {
    for (bool per_column : {false, true}) {
      StepTester t("QLinearMatMul");
      t.input(bytes<uint8_t>({2, 53, 77}, 1)).input(scale(0.02f)).input(bytes<uint8_t>({}, 2));
      const Tensor b = bytes<int8_t>({77, 41}, 3);
      const Tensor zero = bytes<int8_t>(per_column ? Dims{41} : Dims{}, 4);
      if (constant)
        t.constant(b).input(per_column ? scales(41) : scale(0.03f)).constant(zero);
      else
        t.input(b).input(per_column ? scales(41) : scale(0.03f)).input(zero);
      t.input(scale(1.5f)).input(bytes<uint8_t>({}, 5)).kernel("qlinear_matmul").run();
    }
  }
}

struct ConvCase {
  Dims x, w;
  std::vector<int64_t> strides, pads, dilations;
  int64_t group = 1;
};
const ConvCase kConvs[] = {
    {{1, 3, 9, 11}, {5, 3, 3, 3}, {}, {1, 1, 1, 1}, {}},
    {{2, 8, 10, 10}, {50, 8, 1, 1}, {}, {}, {}},
    {{1, 6, 13, 9}, {6, 1, 3, 3}, {2, 2}, {1, 1, 1, 1}, {}, 6},
    {{2, 4, 12, 17}, {6, 2, 3, 2}, {1, 3}, {2, 0, 1, 4}, {2, 3}, 2},
    {{1, 3, 40}, {4, 3, 5}, {2}, {3, 1}, {}},
    {{1, 2, 5, 6, 7}, {3, 2, 2, 3, 3}, {}, {1, 0, 2, 0, 1, 1}, {}},
    {{1, 16, 30, 30}, {20, 16, 3, 3}, {}, {1, 1, 1, 1}, {}},
    {{1, 2, 3, 3}, {2, 2, 3, 3}, {}, {8, 8, 8, 8}, {}},
    {{1, 5, 20, 70}, {10, 1, 3, 3}, {}, {1, 1, 1, 1}, {}, 5},
    {{2, 4, 11, 60}, {4, 1, 3, 5}, {2, 2}, {0, 3, 2, 1}, {1, 2}, 4},
    {{1, 3, 8, 60}, {4, 3, 2, 2}, {1, 5}, {}, {}},
    {{1, 4, 6, 50}, {4, 1, 1, 3}, {2, 6}, {}, {}, 4},
    {{1, 7, 7, 7}, {70, 7, 3, 3}, {}, {1, 1, 1, 1}, {}},
    {{1, 3, 20, 21}, {7, 3, 7, 7}, {2, 2}, {3, 3, 3, 3}, {}},
    {{2, 3, 9, 33}, {6, 1, 5, 7}, {1, 2}, {2, 3, 2, 3}, {}, 3},
    {{1, 3, 30}, {3, 1, 9}, {2}, {4, 4}, {}, 3},
    {{1, 2, 9, 40}, {2, 1, 2, 3}, {3, 4}, {0, 1, 0, 1}, {2, 1}, 2},
    {{1, 2, 12, 40}, {2, 1, 3, 3}, {1, 1}, {5, 5, 5, 5}, {5, 5}, 2},
    {{1, 2, 12, 40}, {2, 1, 3, 3}, {1, 1}, {7, 7, 7, 7}, {7, 7}, 2},
    {{1, 3, 100, 200}, {3, 1, 3, 3}, {}, {1, 1, 1, 1}, {}, 3},
    {{1, 12, 9, 10}, {8, 6, 3, 3}, {5, 5}, {1, 1, 1, 1}, {}, 2},
};

void set_window(StepTester& t, const ConvCase& c) {
  t.attr("group", c.group);
  if (!c.strides.empty()) t.attr("strides", c.strides);
  if (!c.pads.empty()) t.attr("pads", c.pads);
  if (!c.dilations.empty()) t.attr("dilations", c.dilations);
}

TEST(Integer, Conv) {
  for (const ConvCase& c : kConvs) {
    for (bool per_filter : {false, true}) {
      StepTester t("ConvInteger");
      set_window(t, c);
      t.input(bytes<uint8_t>(c.x, 1))
          .constant(bytes<int8_t>(c.w, 2))
          .input(bytes<uint8_t>({}, 3))
          .constant(bytes<int8_t>(per_filter ? Dims{c.w[0]} : Dims{}, 4))
          .kernel("conv_integer")
          .run();
    }
    StepTester plain("ConvInteger");
    set_window(plain, c);
    plain.input(bytes<int8_t>(c.x, 1))
        .constant(bytes<uint8_t>(c.w, 2))
        .kernel("conv_integer")
        .run();
    for (bool is_signed : {false, true}) {
      StepTester quads("ConvInteger");
      set_window(quads, c);
      quads.input(is_signed ? bytes<int8_t>(c.x, 1) : bytes<uint8_t>(c.x, 1))
          .constant(narrow(c.w, 2))
          .input(is_signed ? bytes<int8_t>({}, 3) : bytes<uint8_t>({}, 3))
          .kernel("conv_integer")
          .run();
    }
  }
}

TEST(Integer, QLinearConv) {
  for (const ConvCase& c : kConvs) {
    for (bool per_filter : {false, true}) {
      StepTester t("QLinearConv");
      set_window(t, c);
      Tensor bias = Tensor::allocate(DType::kInt32, {c.w[0]}).value();
      for (int64_t i = 0; i < bias.count(); ++i) bias.data<int32_t>()[i] = int32_t(i * 1000 - 2000);
      t.input(bytes<uint8_t>(c.x, 1))
          .input(scale(0.02f))
          .input(bytes<uint8_t>({}, 2))
          .constant(per_filter ? bytes<int8_t>(c.w, 3) : narrow(c.w, 3))
          .input(per_filter ? scales(c.w[0]) : scale(0.01f))
          .constant(per_filter ? bytes<int8_t>({c.w[0]}, 4) : tensor<int8_t>({}, {0}))
          .input(scale(0.9f))
          .input(bytes<int8_t>({}, 5));
      if (per_filter) t.input(bias);
      t.kernel("qlinear_conv").run();
    }
  }
}

TEST(Integer, DynamicQuantize) {
  for (int64_t n : {1, 7, 16, 1000, 40000}) {
    Tensor x = random_tensor({n}, 3);
    StepTester("DynamicQuantizeLinear").input(x).outputs(3).kernel("dynamic_quantize").run();
    for (int64_t i = 0; i < n; ++i) x.data<float>()[i] = 2 + x.data<float>()[i];
    StepTester("DynamicQuantizeLinear").input(x).outputs(3).kernel("dynamic_quantize").run();
  }
  const float nan = std::nanf(""), inf = INFINITY;
  for (const Tensor& x :
       {tensor<float>({3}, {nan, 1, -2}), tensor<float>({3}, {inf, 1, -2}),
        tensor<float>({3}, {-inf, 1, 2}), tensor<float>({2}, {0, -0.0f}), tensor<float>({0}, {})}) {
    StepTester("DynamicQuantizeLinear").input(x).outputs(3).kernel("dynamic_quantize").run();
  }
}

}  // namespace
}  // namespace ferry
