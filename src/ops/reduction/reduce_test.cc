// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "ops/op_tester.h"

namespace ferry {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(Reduce, Kinds) {
  const Tensor x = tensor<float>({2, 2}, {1, -2, 3, 4});
  const auto reduce = [&](const char* op, float first, float second) {
    SCOPED_TRACE(op);
    OpTester(op).input(x).input(ints({1})).expect(tensor<float>({2, 1}, {first, second})).run();
    OpTester(op)
        .attr("keepdims", int64_t{0})
        .input(x)
        .input(ints({-1}))
        .expect(tensor<float>({2}, {first, second}))
        .run();
    const Tensor h = tensor<half>({2, 2}, {1.0f, -2.0f, 3.0f, 4.0f});
    OpTester(op)
        .input(h)
        .input(ints({1}))
        .expect(tensor<half>({2, 1}, {first, second}), 1e-3)
        .run();
  };
  reduce("ReduceSum", -1, 7);
  reduce("ReduceMean", -0.5f, 3.5f);
  reduce("ReduceMax", 1, 4);
  reduce("ReduceMin", -2, 3);
  reduce("ReduceProd", -2, 12);
  reduce("ReduceL1", 3, 7);
  reduce("ReduceL2", std::sqrt(5.0f), 5);
  reduce("ReduceLogSum", NAN, std::log(7.0f));
  reduce("ReduceLogSumExp", std::log(std::exp(1.0f) + std::exp(-2.0f)),
         std::log(std::exp(3.0f) + std::exp(4.0f)));
  reduce("ReduceSumSquare", 5, 25);
}

TEST(Reduce, Axes) {
  const Tensor x = iota({2, 3, 2});
  OpTester("ReduceSum").input(x).expect(tensor<float>({1, 1, 1}, {66})).run();
  OpTester("ReduceSum")
      .attr("keepdims", int64_t{0})
      .input(x)
      .input(ints({0, 2}))
      .expect(tensor<float>({3}, {14, 22, 30}))
      .run();
  OpTester("ReduceSum")
      .input(x)
      .input(ints({}))
      .attr("noop_with_empty_axes", int64_t{1})
      .expect(x)
      .run();
  OpTester("ReduceSumSquare")
      .attr("noop_with_empty_axes", int64_t{1})
      .input(iota({3}))
      .expect(tensor<float>({3}, {0, 1, 4}))
      .run();
  OpTester("ReduceSum").input(iota({})).expect(iota({})).run();
  OpTester("ReduceSum")
      .input(x)
      .input(ints({3}))
      .expect_error(Code::kInvalidModel, "axis 3 outside [-3, 3)")
      .run();
}

TEST(Reduce, LongSumsOfDoublesAreRoundedOnce) {
  const Tensor x = tensor<double>({10000}, std::vector<double>(10000, 0.1));
  OpTester("ReduceSum").input(x).expect(tensor<double>({1}, {1000}), 5e-16, 0).run();
  OpTester("ReduceMean").input(x).expect(tensor<double>({1}, {0.1}), 5e-16, 0).run();
  OpTester("ReduceL1").input(x).expect(tensor<double>({1}, {1000}), 5e-16, 0).run();
}

TEST(Reduce, EmptySets) {
  const auto empty = [](const char* op, float want) {
    OpTester(op)
        .input(tensor<float>({2, 0}, {}))
        .input(ints({1}))
        .expect(tensor<float>({2, 1}, {want, want}))
        .run();
  };
  empty("ReduceSum", 0);
  empty("ReduceProd", 1);
  empty("ReduceMax", -kInf);
  empty("ReduceMin", kInf);
  empty("ReduceL2", 0);
  empty("ReduceLogSum", -kInf);
  empty("ReduceLogSumExp", -kInf);
  empty("ReduceMean", NAN);
  OpTester("ReduceMax").input(tensor<int8_t>({0}, {})).expect(tensor<int8_t>({1}, {-128})).run();
  OpTester("ReduceMean")
      .input(tensor<int32_t>({0}, {}))
      .expect_error(Code::kInvalidArgument, "mean of no integers")
      .run();
}

// Sanitizers see the sum of an offset and no address.
TEST(Reduce, AnEmptyInputWithoutAnAddress) {
  OpTester("ReduceSum")
      .input(Tensor::borrow(DType::kFloat32, {3, 0, 2}, static_cast<void*>(nullptr)))
      .input(tensor<int64_t>({1}, {1}))
      .expect(tensor<float>({3, 1, 2}, {0, 0, 0, 0, 0, 0}))
      .run();
}

TEST(Reduce, IntegersBoolsAndNaN) {
  OpTester("ReduceSum")
      .input(tensor<int32_t>({2}, {INT32_MAX, 1}))
      .expect(tensor<int32_t>({1}, {INT32_MIN}))
      .run();
  OpTester("ReduceMean")
      .input(tensor<int64_t>({2}, {-3, 0}))
      .expect(tensor<int64_t>({1}, {-1}))
      .run();
  OpTester("ReduceProd")
      .input(tensor<uint64_t>({2}, {3, 5}))
      .expect(tensor<uint64_t>({1}, {15}))
      .run();
  OpTester("ReduceL2").input(tensor<int32_t>({2}, {3, 4})).expect(tensor<int32_t>({1}, {5})).run();
  OpTester("ReduceMax")
      .input(tensor<bool>({2}, {false, true}))
      .expect(tensor<bool>({1}, {true}))
      .run();
  OpTester("ReduceMin")
      .input(tensor<bool>({2}, {false, true}))
      .expect(tensor<bool>({1}, {false}))
      .run();
  OpTester("ReduceMax")
      .input(tensor<float>({3}, {1, NAN, 2}))
      .expect(tensor<float>({1}, {NAN}))
      .run();
  OpTester("ReduceLogSumExp")
      .input(tensor<float>({2}, {1000, 1000}))
      .expect(tensor<float>({1}, {1000.6931f}))
      .run();
  OpTester("ReduceLogSumExp")
      .input(tensor<float>({2}, {kInf, 1}))
      .expect(tensor<float>({1}, {kInf}))
      .run();
  OpTester("ReduceLogSum")
      .input(tensor<int32_t>({1}, {1}))
      .expect_error(Code::kUnsupportedType, "element type i32")
      .run();
}

}  // namespace
}  // namespace ferry
