// SPDX-License-Identifier: Apache-2.0
// Reductions of every kind, type and choice of axes against the reference kernels.
#include <cmath>
#include <limits>
#include <random>

#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

const std::vector<std::vector<int64_t>> kAxes = {
    {}, {0}, {1}, {2}, {3}, {0, 1}, {0, 2}, {1, 3}, {0, 2, 3}, {1, 2, 3}, {0, 1, 2, 3}};

template <class T>
Tensor values(const Dims& dims, uint32_t seed) {
  Tensor t = Tensor::allocate(dtype_of<T>(), dims).value();
  std::mt19937 random(seed);
  for (int64_t i = 0; i < t.count(); ++i) {
    const int v = static_cast<int>(random() % 21) - 10;
    if constexpr (std::is_floating_point_v<T>)
      t.data<T>()[i] = static_cast<T>(v) * T(0.125) + T(0.01);
    else
      t.data<T>()[i] = static_cast<T>(v);
  }
  return t;
}

void check(const std::string& op, const Tensor& x, const std::string& kernel, double rtol,
           double atol) {
  for (const auto& axes : kAxes) {
    for (int64_t keep : {0, 1}) {
      StepTester t(op);
      t.attr("keepdims", keep).input(x).tolerance(rtol, atol).kernel(kernel);
      if (!axes.empty()) t.constant(ints(axes));
      t.run();
    }
  }
}

TEST(Reduce, Floats) {
  for (const Dims& dims : {Dims{3, 5, 7, 9}, Dims{2, 1, 33, 40}, Dims{4, 70, 1, 130},
                           Dims{5, 7, 3, 2}, Dims{3, 5, 9, 4}, Dims{2, 3, 23, 8}}) {
    const Tensor x = values<float>(dims, 1);
    for (const char* op : {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1",
                           "ReduceL2", "ReduceSumSquare"}) {
      check(op, x, "reduce_f32", 2e-5, 2e-4);
    }
    check("ReduceLogSumExp", x, "log_sum_exp_f32", 2e-6, 2e-6);
    Tensor positive = values<float>(dims, 2);
    for (int64_t i = 0; i < x.count(); ++i) positive.data<float>()[i] = 1 + x.data<float>()[i] / 8;
    check("ReduceLogSum", positive, "reduce_f32", 1e-5, 1e-5);
  }
  Tensor near_one = values<float>({3, 5, 7, 9}, 3);
  for (int64_t i = 0; i < near_one.count(); ++i) {
    near_one.data<float>()[i] = 1 + near_one.data<float>()[i] / 64;
  }
  check("ReduceProd", near_one, "reduce_typed", 1e-4, 0);
}

template <class T>
void check_type(std::initializer_list<const char*> ops, double rtol) {
  for (const char* op : ops) {
    check(op, values<T>({3, 5, 7, 9}, 1), "reduce_typed", rtol, rtol);
    check(op, values<T>({2, 3, 33, 170}, 2), "reduce_typed", rtol, rtol);
  }
}

TEST(Reduce, OtherTypes) {
  const auto all = {"ReduceSum", "ReduceProd", "ReduceMax",
                    "ReduceMin", "ReduceL1",   "ReduceSumSquare"};
  check_type<int32_t>(all, 0);
  check_type<int64_t>(all, 0);
  check_type<double>({"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2",
                      "ReduceSumSquare"},
                     1e-12);
  check_type<int8_t>({"ReduceMax", "ReduceMin"}, 0);
  check_type<uint8_t>({"ReduceMax", "ReduceMin"}, 0);
}

// Every width around vectors and tiles, every number of rows around the groups that are read
// together.
TEST(Reduce, RowsAndColumns) {
  std::vector<Dims> shapes;
  for (int64_t cols = 1; cols <= 40; ++cols) {
    shapes.push_back({2, 11, cols});
    shapes.push_back({1, 300 + cols, cols});
  }
  for (int64_t n = 1; n <= 12; ++n) shapes.push_back({3, n, 37});
  for (int64_t n : {255, 256, 257, 515}) shapes.push_back({1, n, 70});
  for (int64_t cols : {4095, 4096, 4111, 9001}) shapes.push_back({2, 7, cols});
  for (const Dims& dims : shapes) {
    for (const char* op : {"ReduceMean", "ReduceMax", "ReduceSumSquare"}) {
      StepTester(op)
          .input(values<float>(dims, 4))
          .constant(ints({1}))
          .tolerance(2e-5, 2e-5)
          .kernel("reduce_f32")
          .run();
    }
    for (const char* op : {"ReduceSum", "ReduceMin"}) {
      StepTester(op)
          .input(values<int32_t>(dims, 5))
          .constant(ints({1}))
          .kernel("reduce_typed")
          .run();
    }
  }
}

// Long enough for blocks that threads share.
TEST(Reduce, FewResultsOfMany) {
  for (const Dims& dims : {Dims{(256 << 10) - 1, 1}, Dims{256 << 10, 1}, Dims{(256 << 10) + 1, 1},
                           Dims{100001, 3}, Dims{8192, 64}, Dims{8191, 65}}) {
    for (const char* op : {"ReduceMean", "ReduceMax", "ReduceL2"}) {
      StepTester t(op);
      t.input(values<float>(dims, 4)).constant(ints({0})).tolerance(2e-5, 2e-5);
      t.kernel("reduce_f32").run();
    }
    StepTester("ReduceLogSumExp")
        .input(values<float>(dims, 4))
        .constant(ints({0}))
        .tolerance(2e-6, 2e-6)
        .kernel("log_sum_exp_f32")
        .run();
    StepTester("ReduceSumSquare")
        .input(values<int64_t>(dims, 5))
        .constant(ints({0}))
        .kernel("reduce_typed")
        .run();
  }
}

TEST(Reduce, ShortRowsOfBytes) {
  for (int64_t n : {1, 5, 31, 64, 127, 128, 255, 256, 300, 1000}) {
    for (const char* op : {"ReduceMax", "ReduceMin"}) {
      StepTester(op)
          .input(values<int8_t>({9, n}, 6))
          .constant(ints({1}))
          .kernel("reduce_typed")
          .run();
      StepTester(op)
          .input(values<uint8_t>({9, n}, 7))
          .constant(ints({1}))
          .kernel("reduce_typed")
          .run();
    }
  }
}

TEST(Reduce, NaNAndInfinity) {
  const float nan = std::nanf(""), inf = INFINITY;
  const Tensor x =
      tensor<float>({6, 4}, {nan, 1,   2, 3,    1,    nan,  -inf, 2,    inf, -inf, 0, 1,
                             inf, inf, 1, -inf, -inf, -inf, -inf, -inf, 0,   1,    2, -3});
  for (int64_t axis : {0, 1}) {
    for (const char* op : {"ReduceMax", "ReduceMin", "ReduceSum"}) {
      StepTester(op).input(x).constant(ints({axis})).kernel("reduce_f32").run();
    }
    StepTester("ReduceLogSumExp")
        .input(x)
        .constant(ints({axis}))
        .tolerance(1e-6, 1e-6)
        .kernel("log_sum_exp_f32")
        .run();
  }
  // NaN and infinities in every place of rows that are reduced several at a time.
  for (int64_t at = 0; at < 3 * 200; at += 7) {
    Tensor narrow = values<float>({200, 3}, 8);
    narrow.data<float>()[at] = at % 2 == 0 ? nan : -inf;
    for (const char* op : {"ReduceMax", "ReduceMin"}) {
      StepTester(op).input(narrow).constant(ints({0})).kernel("reduce_f32").run();
    }
  }
  const Tensor wide = tensor<double>({2, 3}, {1, std::nan(""), 3, -1, double(inf), 2});
  for (const char* op : {"ReduceMax", "ReduceMin", "ReduceProd"}) {
    StepTester(op).input(wide).constant(ints({1})).kernel("reduce_typed").run();
  }
}

TEST(Reduce, NothingToReduce) {
  for (int64_t noop : {0, 1}) {
    for (const char* op : {"ReduceSum", "ReduceSumSquare", "ReduceL1"}) {
      StepTester(op)
          .attr("noop_with_empty_axes", noop)
          .input(values<float>({3, 4}, 1))
          .constant(ints({}))
          .tolerance(1e-6, 1e-6)
          .kernel("reduce_f32")
          .run();
    }
  }
  StepTester("ReduceSum").input(values<float>({}, 1)).kernel("reduce_f32").run();
  StepTester("ReduceSum").input(values<float>({2, 0}, 1)).kernel("reduce_f32").run();
  StepTester("ReduceMax").input(values<int64_t>({1, 1}, 1)).kernel("reduce_typed").run();
  const Tensor extreme = tensor<int64_t>({3}, {INT64_MIN, INT64_MAX, -1});
  for (const char* op : {"ReduceSum", "ReduceProd", "ReduceL1", "ReduceSumSquare"}) {
    StepTester(op).input(extreme).kernel("reduce_typed").run();
  }
}

}  // namespace
}  // namespace ferry
