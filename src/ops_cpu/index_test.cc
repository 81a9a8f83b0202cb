// SPDX-License-Identifier: Apache-2.0
// Steps that follow or make indices, against the reference kernels.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

constexpr DType kTypes[] = {DType::kBool, DType::kInt8, DType::kFloat16, DType::kFloat32,
                            DType::kInt64};

// Any bits of a type, without NaN: 0 and 1 for bool, small numbers else.
Tensor numbers(DType type, const Dims& dims, uint32_t seed) {
  Tensor t = Tensor::allocate(type, dims).value();
  std::mt19937 random(seed);
  for (int64_t i = 0; i < t.count(); ++i) {
    const int v = static_cast<int>(random() % 9) - 4;
    switch (type) {
      case DType::kBool:
        t.data<bool>()[i] = v > 0;
        break;
      case DType::kInt8:
        t.data<int8_t>()[i] = static_cast<int8_t>(v);
        break;
      case DType::kFloat16:
        t.data<half>()[i] = half(static_cast<float>(v));
        break;
      case DType::kInt32:
        t.data<int32_t>()[i] = v * 500'000'000;
        break;
      case DType::kInt64:
        t.data<int64_t>()[i] = int64_t{v} << 61;
        break;
      case DType::kFloat64:
        t.data<double>()[i] = v * 0.5;
        break;
      default:
        t.data<float>()[i] = static_cast<float>(v) * 0.25f;
    }
  }
  return t;
}

// In [-n, n).
template <class T>
Tensor indices(const Dims& dims, int64_t n, uint32_t seed) {
  Tensor t = Tensor::allocate(dtype_of<T>(), dims).value();
  std::mt19937 random(seed);
  for (int64_t i = 0; i < t.count(); ++i) {
    t.data<T>()[i] = static_cast<T>(static_cast<int64_t>(random() % (2 * n)) - n);
  }
  return t;
}

// Tuples of m indices into the axes of x from `first` on.
Tensor tuples(Dims dims, const Dims& x, size_t first, int64_t m, uint32_t seed) {
  dims.push_back(m);
  Tensor t = Tensor::allocate(DType::kInt64, dims).value();
  std::mt19937 random(seed);
  for (int64_t i = 0; i < t.count(); ++i) {
    const int64_t n = x[first + static_cast<size_t>(i % m)];
    t.data<int64_t>()[i] = static_cast<int64_t>(random() % (2 * n)) - n;
  }
  return t;
}

TEST(Index, GathersTuples) {
  const Dims x = {3, 5, 4, 6};
  for (DType type : kTypes) {
    for (int64_t batch = 0; batch < 2; ++batch) {
      for (int64_t m = 0; m + batch <= 4; ++m) {
        const Dims lead = batch == 0 ? Dims{7, 2} : Dims{3, 11};
        StepTester("GatherND")
            .attr("batch_dims", batch)
            .input(numbers(type, x, 1))
            .input(tuples(lead, x, static_cast<size_t>(batch), m, 2))
            .kernel("gather_nd")
            .run();
      }
    }
  }
  const Dims large = {300, 40};
  StepTester("GatherND")
      .input(numbers(DType::kFloat32, large, 1))
      .input(tuples({30000}, large, 0, 2, 3))
      .symbolic()
      .kernel("gather_nd")
      .run();
}

TEST(Index, RefusesTuplesOutside) {
  for (int64_t bad : {int64_t{3}, int64_t{-4}, std::numeric_limits<int64_t>::min(),
                      std::numeric_limits<int64_t>::max()}) {
    StepTester("GatherND")
        .input(numbers(DType::kFloat32, {3, 2}, 1))
        .input(tensor<int64_t>({2, 1}, {0, bad}))
        .kernel("gather_nd")
        .run_error("outside [-3, 3)");
    StepTester("ScatterND")
        .input(numbers(DType::kFloat32, {3, 2}, 1))
        .input(tensor<int64_t>({1, 1}, {bad}))
        .input(numbers(DType::kFloat32, {1, 2}, 1))
        .kernel("scatter")
        .run_error("outside [-3, 3)");
    StepTester("ScatterElements")
        .input(numbers(DType::kFloat32, {3, 2}, 1))
        .input(tensor<int64_t>({1, 1}, {bad}))
        .input(numbers(DType::kFloat32, {1, 1}, 1))
        .kernel("scatter")
        .run_error("outside [-3, 3)");
  }
}

TEST(Index, ScattersTuples) {
  const Dims x = {4, 5, 6};
  for (DType type : kTypes) {
    for (int64_t m = 0; m <= 3; ++m) {
      // Many updates of each place: the last one wins.
      Dims updates = {50, 2};
      for (size_t a = static_cast<size_t>(m); a < 3; ++a) updates.push_back(x[a]);
      StepTester("ScatterND")
          .input(numbers(type, x, 1))
          .input(tuples({50, 2}, x, 0, m, 2))
          .input(numbers(type, updates, 3))
          .kernel("scatter")
          .run();
    }
  }
  const Dims large = {60, 700};
  StepTester("ScatterND")
      .input(numbers(DType::kFloat32, large, 1))
      .input(tuples({100}, large, 0, 1, 3))
      .input(numbers(DType::kFloat32, {100, 700}, 4))
      .symbolic()
      .kernel("scatter")
      .run();
}

TEST(Index, ScattersWithReduction) {
  for (const char* reduction : {"add", "mul", "max", "min"}) {
    for (DType type : {DType::kInt32, DType::kInt64, DType::kFloat32, DType::kFloat64}) {
      StepTester("ScatterND")
          .attr("reduction", std::string(reduction))
          .input(numbers(type, {6, 500}, 1))
          .input(tuples({60}, {6, 500}, 0, 1, 2))
          .input(numbers(type, {60, 500}, 3))
          .kernel("scatter")
          .run();
      StepTester("ScatterElements")
          .attr("reduction", std::string(reduction))
          .attr("axis", int64_t{1})
          .input(numbers(type, {70, 8, 3}, 1))
          .input(indices<int64_t>({60, 100, 3}, 8, 2))
          .input(numbers(type, {60, 100, 3}, 3))
          .kernel("scatter")
          .run();
    }
  }
  const float nan = std::nanf(""), inf = INFINITY;
  for (const char* reduction : {"add", "mul", "max", "min"}) {
    StepTester("ScatterElements")
        .attr("reduction", std::string(reduction))
        .input(tensor<float>({6}, {nan, 1, -0.0f, inf, -inf, 0}))
        .input(tensor<int64_t>({8}, {0, 1, 2, 3, 4, 5, 5, 1}))
        .input(tensor<float>({8}, {1, nan, 0, -inf, inf, -0.0f, nan, 2}))
        .kernel("scatter")
        .run();
  }
}

TEST(Index, ScattersElements) {
  for (DType type : kTypes) {
    for (int64_t axis = 0; axis < 3; ++axis) {
      const Dims x = {5, 40, 66}, taken = {4, 39, 65};
      const int64_t n = x[static_cast<size_t>(axis)];
      StepTester("ScatterElements")
          .attr("axis", axis)
          .input(numbers(type, x, 1))
          .input(indices<int64_t>(taken, n, 2))
          .input(numbers(type, taken, 3))
          .kernel("scatter")
          .run();
      StepTester("ScatterElements")
          .attr("axis", axis - 3)
          .input(numbers(type, x, 1))
          .input(indices<int32_t>(taken, n, 4))
          .input(numbers(type, taken, 5))
          .symbolic()
          .kernel("scatter")
          .run();
    }
  }
  StepTester("ScatterElements")
      .input(numbers(DType::kFloat32, {3, 2}, 1))
      .input(indices<int64_t>({0, 2}, 3, 1))
      .input(numbers(DType::kFloat32, {0, 2}, 1))
      .kernel("scatter")
      .run();
}

TEST(Index, OneHot) {
  for (DType type : kTypes) {
    for (int64_t axis : {-1, 0, 1, 2}) {
      StepTester("OneHot")
          .attr("axis", axis)
          .input(indices<int64_t>({7, 130}, 14, 1))
          .constant(tensor<int64_t>({}, {11}))
          .input(numbers(type, {2}, 2))
          .kernel("one_hot")
          .run();
    }
  }
  StepTester("OneHot")
      .input(indices<int32_t>({5000}, 20, 1))
      .input(tensor<int64_t>({1}, {20}))
      .input(tensor<float>({2}, {0, 1}))
      .kernel("one_hot")
      .run();
  StepTester("OneHot")
      .input(indices<int64_t>({3}, 2, 1))
      .input(tensor<int64_t>({}, {0}))
      .input(tensor<float>({2}, {0, 1}))
      .kernel("one_hot")
      .run();
  StepTester("OneHot")
      .input(indices<int64_t>({3}, 2, 1))
      .input(tensor<int64_t>({}, {-2}))
      .input(tensor<float>({2}, {0, 1}))
      .kernel("one_hot")
      .run_error("depth is -2");
}

TEST(Index, NonZero) {
  for (DType type : {DType::kBool, DType::kUInt8, DType::kInt8, DType::kInt32, DType::kInt64,
                     DType::kFloat32, DType::kFloat64}) {
    for (const Dims& dims : {Dims{}, Dims{1}, Dims{0}, Dims{2, 0, 3}, Dims{40000}, Dims{3, 5, 7},
                             Dims{30, 1100}, Dims{2000, 1, 20}}) {
      const DType made = type == DType::kUInt8 ? DType::kBool : type;
      Tensor x = numbers(made, dims, 5);
      if (type == DType::kUInt8) {
        Tensor bytes = Tensor::allocate(type, dims).value();
        for (int64_t i = 0; i < x.count(); ++i)
          bytes.data<uint8_t>()[i] = x.data<bool>()[i] ? 200 : 0;
        x = bytes;
      }
      StepTester("NonZero").input(x).kernel("nonzero").run();
    }
  }
  const float nan = std::nanf("");
  StepTester("NonZero")
      .input(tensor<float>({2, 3}, {0, -0.0f, nan, INFINITY, 1e-40f, 2}))
      .kernel("nonzero")
      .run();
}

TEST(Index, Compress) {
  for (DType type : kTypes) {
    for (int64_t axis : {0, 1, 2, -1}) {
      StepTester("Compress")
          .attr("axis", axis)
          .input(numbers(type, {9, 30, 70}, 1))
          .input(numbers(DType::kBool, {9}, 2))
          .kernel("compress")
          .run();
    }
    StepTester("Compress")
        .input(numbers(type, {90, 70}, 1))
        .input(numbers(DType::kBool, {6000}, 2))
        .kernel("compress")
        .run();
  }
  StepTester("Compress")
      .attr("axis", int64_t{0})
      .input(numbers(DType::kFloat32, {3000, 33}, 1))
      .input(numbers(DType::kBool, {4000}, 2))
      .kernel("compress")
      .run();
  StepTester("Compress")
      .input(numbers(DType::kFloat32, {0, 3}, 1))
      .input(numbers(DType::kBool, {4}, 2))
      .kernel("compress")
      .run();
}

TEST(Index, ConstantOfShape) {
  for (DType type : kTypes) {
    StepTester("ConstantOfShape")
        .attr("value", numbers(type, {1}, 3))
        .input(ints({3, 7000}))
        .kernel("constant_of_shape")
        .run();
  }
  StepTester("ConstantOfShape").input(ints({2, 0, 3})).kernel("constant_of_shape").run();
  StepTester("ConstantOfShape").input(ints({})).kernel("constant_of_shape").run();
  StepTester("ConstantOfShape").input(ints({-1})).kernel("constant_of_shape").run_error("-1");
}

TEST(Index, LabelEncoder) {
  using Strings = std::vector<std::string>;
  StepTester("ai.onnx.ml.LabelEncoder")
      .attr("keys_strings", Strings{"a", "b", "a"})
      .attr("values_int64s", std::vector<int64_t>{5, 6, 7})
      .input(tensor<std::string>({2, 2}, Strings{"b", "x", "a", ""}))
      .kernel("label_index")
      .run();
  StepTester("ai.onnx.ml.LabelEncoder")
      .attr("keys_floats", std::vector<float>{1, NAN, 0})
      .attr("values_strings", Strings{"one", "none", "zero"})
      .input(tensor<float>({4}, {NAN, -0.0f, 1, 2}))
      .kernel("label_index")
      .run();
}

}  // namespace
}  // namespace ferry
