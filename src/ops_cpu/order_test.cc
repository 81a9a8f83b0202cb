// SPDX-License-Identifier: Apache-2.0
// Steps that order, sum up and normalise, against the reference kernels.
#include <cmath>
#include <limits>

#include "ops/nn/group_normalization.h"
#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

// Few different values, so that there are equal ones; every so often a NaN or an infinity.
Tensor coarse(const Dims& dims, uint64_t seed, int64_t nan_every = 0) {
  Tensor t = random_tensor(dims, seed);
  for (int64_t i = 0; i < t.count(); ++i) {
    float& v = t.data<float>()[i];
    v = std::round(v * 8) / 4;
    if (i % 97 == 50) v = -std::numeric_limits<float>::infinity();
    if (nan_every > 0 && i % nan_every == nan_every / 2) v = NAN;
  }
  return t;
}

TEST(Order, ArgMaxAndArgMin) {
  for (const char* op : {"ArgMax", "ArgMin"}) {
    for (const int64_t nan_every : {0, 41}) {
      for (const Dims& dims :
           {Dims{3, 1}, Dims{5, 7}, Dims{4, 64}, Dims{3, 203}, Dims{2, 9, 1}, Dims{2, 21, 67},
            Dims{40, 1000}, Dims{131, 3}, Dims{8, 8, 17}, Dims{65, 64}, Dims{65, 65}}) {
        for (int64_t axis = 0; axis < static_cast<int64_t>(dims.size()); ++axis) {
          StepTester(op)
              .attr("axis", axis)
              .attr("keepdims", axis % 2)
              .input(coarse(dims, 3, nan_every))
              .kernel("arg_extreme")
              .run();
        }
      }
    }
  }
  StepTester("ArgMax")
      .attr("axis", int64_t{0})
      .attr("select_last_index", int64_t{1})
      .input(coarse({5, 7}, 1))
      .kernel("reference")
      .run();
}

// Few different values of any type, with its extremes.
template <class T>
Tensor few_values(const Dims& dims, uint32_t seed) {
  Tensor t = Tensor::allocate(dtype_of<T>(), dims).value();
  for (int64_t i = 0; i < t.count(); ++i) {
    seed = seed * 1664525u + 1013904223u;
    t.data<T>()[i] = static_cast<T>(static_cast<int32_t>(seed >> 20) % 50 - 25);
    if (i % 61 == 7) t.data<T>()[i] = std::numeric_limits<T>::lowest();
    if (i % 67 == 9) t.data<T>()[i] = std::numeric_limits<T>::max();
    if constexpr (std::is_floating_point_v<T>) {
      if (i % 71 == 11) t.data<T>()[i] = std::numeric_limits<T>::quiet_NaN();
      if (i % 73 == 13) t.data<T>()[i] = -std::numeric_limits<T>::infinity();
      if (i % 79 == 15) t.data<T>()[i] = T(-0.0);
    }
  }
  return t;
}

template <class T>
void check_arg_of_integers() {
  for (const char* op : {"ArgMax", "ArgMin"}) {
    for (const Dims& dims : {Dims{3, 1}, Dims{4, 31}, Dims{3, 32}, Dims{2, 203, 1}, Dims{3, 21, 70},
                             Dims{40, 1000}, Dims{131, 3}, Dims{65, 64}, Dims{65, 65}}) {
      for (int64_t axis = 0; axis < static_cast<int64_t>(dims.size()); ++axis) {
        StepTester(op)
            .attr("axis", axis)
            .attr("keepdims", axis % 2)
            .input(few_values<T>(dims, 4))
            .kernel("arg_extreme")
            .run();
      }
    }
  }
}

TEST(Order, ArgMaxAndArgMinOfIntegers) {
  check_arg_of_integers<int32_t>();
  check_arg_of_integers<int64_t>();
}

TEST(Order, TopK) {
  for (const int64_t largest : {0, 1}) {
    for (const int64_t nan_every : {0, 41}) {
      for (const int64_t k : {1, 3, 19, 64}) {
        for (const Dims& dims :
             {Dims{3, 64}, Dims{64, 5}, Dims{2, 700}, Dims{2, 100, 3}, Dims{2, 70, 37}}) {
          const int64_t axis = dims[0] == 64 ? 0 : 1;
          StepTester("TopK")
              .attr("axis", axis)
              .attr("largest", largest)
              .input(coarse(dims, 5, nan_every))
              .constant(ints({k}))
              .outputs(2)
              .kernel("topk")
              .run();
        }
      }
    }
  }
  for (const int64_t largest : {0, 1}) {
    for (const int64_t nan_every : {0, 5, 41}) {
      for (const int64_t k : {1, 2, 8}) {
        for (const Dims& dims : {Dims{131, 8}, Dims{65, 128}, Dims{3, 21, 17}}) {
          StepTester("TopK")
              .attr("largest", largest)
              .input(coarse(dims, 7, nan_every))
              .constant(ints({k}))
              .outputs(2)
              .kernel("topk")
              .run();
        }
      }
    }
  }
  // More than the library's algorithms are asked to sort at a stroke.
  for (const int64_t largest : {0, 1}) {
    for (const int64_t k : {1, 9000, 17'000, 39'999, 40'000}) {
      StepTester("TopK")
          .attr("largest", largest)
          .input(coarse({2, 40'000}, 6, 1001))
          .constant(ints({k}))
          .outputs(2)
          .kernel("topk")
          .run();
    }
  }
  // Sorted by comparing and by digits; columns of a length that memory does not like.
  for (const int64_t k : {5, 511, 512, 513, 1024}) {
    for (const int64_t axis : {0, 1}) {
      StepTester("TopK")
          .attr("axis", axis)
          .input(coarse(axis == 0 ? Dims{1024, 21} : Dims{3, 1024}, 8, 301))
          .constant(ints({k}))
          .outputs(2)
          .kernel("topk")
          .run();
    }
  }
  Tensor zeros = tensor<float>({6}, {0.0f, -0.0f, 0.0f, -0.0f, -1, 1});
  StepTester("TopK")
      .attr("axis", int64_t{0})
      .input(zeros)
      .constant(ints({4}))
      .outputs(2)
      .kernel("topk")
      .run();
}

template <class T>
void check_topk_of_integers() {
  for (const int64_t largest : {0, 1}) {
    for (const Dims& dims :
         {Dims{1, 1}, Dims{70, 7}, Dims{3, 33}, Dims{2, 5000}, Dims{1, 40'000}}) {
      for (const int64_t k : {int64_t{1}, (dims[1] + 1) / 2, dims[1]}) {
        // Their range asks for more than 32 bits, in int64.
        for (const bool extremes : {false, true}) {
          Tensor x = few_values<T>(dims, 9);
          for (int64_t i = 0; i < x.count() && !extremes; ++i) {
            x.data<T>()[i] = static_cast<T>(x.data<T>()[i] % 1000 + (1 << 30));
          }
          StepTester("TopK")
              .attr("largest", largest)
              .input(std::move(x))
              .constant(ints({k}))
              .outputs(2)
              .kernel("topk")
              .run();
        }
      }
    }
  }
}

TEST(Order, TopKOfIntegers) {
  check_topk_of_integers<int32_t>();
  check_topk_of_integers<int64_t>();
}

template <class T>
void check_unique() {
  for (const int64_t sorted : {0, 1}) {
    for (const Dims& dims : {Dims{1}, Dims{3, 64}, Dims{0}, Dims{5001}, Dims{}}) {
      StepTester("Unique")
          .attr("sorted", sorted)
          .input(few_values<T>(dims, 5))
          .outputs(4)
          .kernel("unique")
          .run();
    }
  }
}

TEST(Order, Unique) {
  check_unique<float>();
  check_unique<double>();
  check_unique<uint8_t>();
  check_unique<int16_t>();
  check_unique<int32_t>();
  check_unique<int64_t>();
  check_unique<uint64_t>();
  StepTester("Unique")
      .attr("axis", int64_t{1})
      .input(few_values<int64_t>({2, 9}, 1))
      .outputs(4)
      .kernel("reference")
      .run();
}

template <class T>
void check_range(T start, T limit, T delta) {
  StepTester("Range")
      .input(tensor<T>({}, {start}))
      .input(tensor<T>({}, {limit}))
      .input(tensor<T>({}, {delta}))
      .kernel("range")
      .run();
}

TEST(Order, Range) {
  check_range<float>(0.1f, 70000, 0.7f);
  check_range<float>(5, -3, -0.3f);
  check_range<double>(-1, 40000, 0.1);
  check_range<int32_t>(3, 100000, 3);
  check_range<int32_t>(-3, -100, -7);
  check_range<int64_t>(INT64_MAX - 10, INT64_MAX, 3);
  check_range<int64_t>(5, 5, 1);
  StepTester("Range")
      .input(tensor<int64_t>({}, {0}))
      .input(tensor<int64_t>({}, {3}))
      .input(tensor<int64_t>({}, {0}))
      .kernel("range")
      .run_error("delta is 0");
}

TEST(Order, RunningSumsAndProducts) {
  const auto check = [](const char* op, Tensor x, int64_t axis, int64_t reverse,
                        int64_t exclusive) {
    StepTester(op)
        .attr("reverse", reverse)
        .attr("exclusive", exclusive)
        .input(std::move(x))
        .constant(ints({axis}))
        .kernel(op == std::string("CumSum") ? "cumsum" : "cumprod")
        .run();
  };
  for (const int64_t form : {0, 1, 2, 3}) {
    for (int64_t axis = 0; axis < 3; ++axis) {
      for (const Dims& dims : {Dims{3, 5, 67}, Dims{2, 0, 3}, Dims{70, 9, 130}, Dims{2, 6, 1},
                               Dims{1, 3, 2050}, Dims{2, 260, 5}}) {
        Tensor floats = random_tensor(dims, 7);
        Tensor wide = Tensor::allocate(DType::kFloat64, dims).value();
        Tensor whole = Tensor::allocate(DType::kInt64, dims).value();
        Tensor narrow = Tensor::allocate(DType::kInt32, dims).value();
        for (int64_t i = 0; i < whole.count(); ++i) {
          wide.data<double>()[i] = double{floats.data<float>()[i]} / 3;
          whole.data<int64_t>()[i] = i * i;
          narrow.data<int32_t>()[i] = static_cast<int32_t>(i * i * i);
        }
        for (const Tensor& x : {floats, wide, whole, narrow}) {
          check("CumSum", x, axis, form & 1, form >> 1);
        }
        // Near 1, so that products stay numbers.
        for (int64_t i = 0; i < floats.count(); ++i) {
          floats.data<float>()[i] = 1 + floats.data<float>()[i] / 16;
          wide.data<double>()[i] = 1 + wide.data<double>()[i] / 16;
        }
        check("CumProd", floats, axis, form & 1, form >> 1);
        check("CumProd", wide, axis, form & 1, form >> 1);
      }
    }
  }
}

// Infinities and NaN reach what comes behind them, in their row alone.
TEST(Order, RunningSumsOfInfinities) {
  for (const int64_t axis : {0, 1}) {
    Tensor x = random_tensor({9, 21}, 3);
    x.data<float>()[30] = std::numeric_limits<float>::infinity();
    x.data<float>()[35] = -std::numeric_limits<float>::infinity();
    x.data<float>()[100] = NAN;
    x.data<float>()[121] = std::numeric_limits<float>::max();
    x.data<float>()[122] = std::numeric_limits<float>::max();
    StepTester("CumSum").input(x).constant(ints({axis})).kernel("cumsum").run();
    StepTester("CumProd").input(x).constant(ints({axis})).kernel("cumprod").run();
  }
}

TEST(Order, ReductionsOverSeparateAxes) {
  for (const char* op : {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1",
                         "ReduceL2", "ReduceSumSquare"}) {
    for (const std::vector<int64_t>& axes :
         {std::vector<int64_t>{0, 2, 3}, {1, 3}, {0, 3}, {0, 2}, {3}}) {
      StepTester(op)
          .input(random_tensor({3, 4, 5, 37}, 2))
          .constant(ints(axes))
          .kernel("reduce_f32")
          .tolerance(3e-6, 2e-6)
          .run();
    }
  }
}

TEST(Order, GroupNormalizationOfChannelsLast) {
  for (const auto& [dims, groups] : {std::pair<Dims, int64_t>{{2, 5, 7, 12}, 3},
                                     {{1, 40, 90, 64}, 1},
                                     {{2, 333, 20}, 20},
                                     {{3, 70, 71, 6}, 0},
                                     {{2, 0, 3, 4}, 2}}) {
    GroupNormalization op;
    op.num_groups = groups;
    op.channels_last = true;
    const int64_t channels = dims.back();
    StepTester(make_op(groups == 0 ? "InstanceNormalization" : "GroupNormalization", op))
        .input(random_tensor(dims, 3))
        .constant(random_tensor({channels}, 4))
        .constant(random_tensor({channels}, 5))
        .kernel("group_norm_f32")
        .tolerance(1e-5, 2e-6)
        .run();
  }
}

TEST(Order, GroupAndInstanceNormalization) {
  for (const Dims& dims : {Dims{2, 6, 5, 7}, Dims{1, 6, 1}, Dims{3, 6}, Dims{1, 6, 33, 65}}) {
    Tensor x = random_tensor(dims, 1);
    for (int64_t i = 0; i < x.count(); ++i) x.data<float>()[i] = x.data<float>()[i] * 3 + 20;
    const Tensor scale = random_tensor({6}, 2), bias = random_tensor({6}, 3);
    for (const int64_t groups : {1, 2, 3, 6}) {
      StepTester("GroupNormalization")
          .attr("num_groups", groups)
          .input(x)
          .input(scale)
          .input(bias)
          .kernel("group_norm_f32")
          .tolerance(1e-4, 1e-5)
          .run();
    }
    StepTester("InstanceNormalization")
        .input(x)
        .input(scale)
        .input(bias)
        .kernel("group_norm_f32")
        .tolerance(1e-4, 1e-5)
        .run();
  }
}

}  // namespace
}  // namespace ferry
