// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "ops/known.h"
#include "ops/op_tester.h"

namespace ferry {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(Binary, Broadcasts) {
  OpTester("Add")
      .input(tensor<float>({2, 1}, {1, 2}))
      .input(tensor<float>({3}, {10, 20, 30}))
      .expect(tensor<float>({2, 3}, {11, 21, 31, 12, 22, 32}))
      .run();
  OpTester("Sub")
      .input(tensor<float>({}, {1}))
      .input(tensor<float>({2, 0}, {}))
      .expect(tensor<float>({2, 0}, {}))
      .run();
  OpTester("Mul")
      .input(tensor<int32_t>({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}))
      .input(tensor<int32_t>({2, 1, 1}, {1, 10}))
      .expect(tensor<int32_t>({2, 2, 2}, {1, 2, 3, 4, 50, 60, 70, 80}))
      .run();
  OpTester("Add")
      .input(tensor<float>({2}, {1, 2}))
      .input(tensor<float>({3}, {1, 2, 3}))
      .expect_error(Code::kShapeMismatch, "do not broadcast: 2 against 3")
      .run();
  OpTester("Add")
      .input(tensor<float>({1}, {1}))
      .input(tensor<double>({1}, {1}))
      .expect_error(Code::kInvalidModel, "element types f32 and f64")
      .run();
}

TEST(Binary, IntegersWrapAndDivide) {
  OpTester("Add")
      .input(tensor<int8_t>({1}, {127}))
      .input(tensor<int8_t>({1}, {1}))
      .expect(tensor<int8_t>({1}, {-128}))
      .run();
  OpTester("Mul")
      .input(tensor<int64_t>({1}, {INT64_MAX}))
      .input(tensor<int64_t>({1}, {2}))
      .expect(tensor<int64_t>({1}, {-2}))
      .run();
  OpTester("Div")
      .input(tensor<int32_t>({3}, {INT32_MIN, -7, 7}))
      .input(tensor<int32_t>({3}, {-1, 2, -2}))
      .expect(tensor<int32_t>({3}, {INT32_MIN, -3, -3}))
      .run();
  OpTester("Mod")
      .input(tensor<int64_t>({4}, {INT64_MIN, -7, 7, 7}))
      .input(tensor<int64_t>({4}, {-1, 3, -3, 3}))
      .expect(tensor<int64_t>({4}, {0, 2, -2, 1}))
      .run();
  OpTester("Mod")
      .attr("fmod", int64_t{1})
      .input(tensor<int64_t>({2}, {-7, 7}))
      .input(tensor<int64_t>({2}, {3, -3}))
      .expect(tensor<int64_t>({2}, {-1, 1}))
      .run();
  for (const char* op : {"Div", "Mod"}) {
    OpTester(op)
        .input(tensor<int32_t>({2}, {1, 2}))
        .input(tensor<int32_t>({}, {0}))
        .expect_error(Code::kInvalidArgument, "divided by zero")
        .run();
  }
}

TEST(Binary, FloatMod) {
  OpTester("Mod")
      .input(tensor<float>({6}, {-4.3f, 7.2f, 5, 1, 0, kInf}))
      .input(tensor<float>({6}, {2.1f, -3.4f, kInf, -kInf, -2, 1}))
      .expect(tensor<float>({6}, {2.0f, -3.0f, 5, -kInf, -0.0f, kNaN}), 1e-5, 1e-5)
      .run();
  OpTester("Mod")
      .attr("fmod", int64_t{1})
      .input(tensor<half>({2}, {-4.5f, 7.0f}))
      .input(tensor<half>({2}, {2.0f, -3.0f}))
      .expect(tensor<half>({2}, {-0.5f, 1.0f}))
      .run();
}

TEST(Binary, Shifts) {
  const auto shift = [](const char* direction, int8_t x, int8_t by, int8_t want) {
    OpTester("BitShift")
        .attr("direction", std::string(direction))
        .input(tensor<int8_t>({1}, {x}))
        .input(tensor<int8_t>({1}, {by}))
        .expect(tensor<int8_t>({1}, {want}))
        .run();
  };
  shift("LEFT", 3, 2, 12);
  shift("LEFT", 127, 1, -2);
  shift("LEFT", 1, 8, 0);
  shift("LEFT", 1, -1, 0);
  shift("RIGHT", -8, 1, -4);
  shift("RIGHT", -8, 100, -1);
  shift("RIGHT", 8, -1, 0);
  OpTester("BitShift")
      .attr("direction", std::string("UP"))
      .input(tensor<uint8_t>({1}, {1}))
      .input(tensor<uint8_t>({1}, {1}))
      .expect_error(Code::kInvalidModel, "direction is 'UP'")
      .run();
}

TEST(Binary, LogicAndComparisons) {
  const Tensor a = tensor<bool>({4}, {false, false, true, true});
  const Tensor b = tensor<bool>({4}, {false, true, false, true});
  OpTester("And").input(a).input(b).expect(tensor<bool>({4}, {false, false, false, true})).run();
  OpTester("Or").input(a).input(b).expect(tensor<bool>({4}, {false, true, true, true})).run();
  OpTester("Xor").input(a).input(b).expect(tensor<bool>({4}, {false, true, true, false})).run();
  OpTester("Equal").input(a).input(b).expect(tensor<bool>({4}, {true, false, false, true})).run();
  OpTester("Equal")
      .input(tensor<std::string>({2}, {"a", "b"}))
      .input(tensor<std::string>({}, {"b"}))
      .expect(tensor<bool>({2}, {false, true}))
      .run();
  const Tensor x = tensor<float>({3}, {1, 2, kNaN}), y = tensor<float>({3}, {2, 2, 2});
  OpTester("Less").input(x).input(y).expect(tensor<bool>({3}, {true, false, false})).run();
  OpTester("LessOrEqual").input(x).input(y).expect(tensor<bool>({3}, {true, true, false})).run();
  OpTester("Greater").input(x).input(y).expect(tensor<bool>({3}, {false, false, false})).run();
  OpTester("GreaterOrEqual")
      .input(x)
      .input(y)
      .expect(tensor<bool>({3}, {false, true, false}))
      .run();
  OpTester("BitwiseAnd")
      .input(tensor<uint8_t>({1}, {6}))
      .input(tensor<uint8_t>({1}, {3}))
      .expect(tensor<uint8_t>({1}, {2}))
      .run();
  OpTester("BitwiseOr")
      .input(tensor<int8_t>({1}, {6}))
      .input(tensor<int8_t>({1}, {-128}))
      .expect(tensor<int8_t>({1}, {-122}))
      .run();
  OpTester("BitwiseXor")
      .input(tensor<int64_t>({1}, {6}))
      .input(tensor<int64_t>({1}, {3}))
      .expect(tensor<int64_t>({1}, {5}))
      .run();
}

TEST(Binary, PReluBroadcastsOneWay) {
  OpTester("PRelu")
      .input(tensor<float>({2, 2}, {-1, 2, -3, 4}))
      .input(tensor<float>({2}, {0.5f, 2}))
      .expect(tensor<float>({2, 2}, {-0.5f, 2, -1.5f, 4}))
      .run();
  OpTester("PRelu")
      .input(tensor<float>({2}, {-1, 2}))
      .input(tensor<float>({2, 1}, {1, 1}))
      .expect_error(Code::kShapeMismatch, "does not broadcast to x")
      .run();
}

TEST(Binary, QuotientsOfSizesRoundTowardsZeroWhateverTheSign) {
  const Dim a = Dim::symbol("n") - 7;
  for (int64_t b : {1, 2, 3, 4}) {
    const auto quotient = truncated_div(a, b), rest = truncated_mod(a, b);
    ASSERT_TRUE(quotient && rest);
    for (int64_t n = 0; n < 20; ++n) {
      const auto lookup = [&](std::string_view) { return &n; };
      EXPECT_EQ(*quotient->eval(lookup), (n - 7) / b) << n << " " << b;
      EXPECT_EQ(*rest->eval(lookup), (n - 7) % b) << n << " " << b;
    }
  }
  // By a size, which is 0 only where the division fails; by what may be negative.
  const Dim n = Dim::symbol("n"), m = Dim::symbol("m");
  EXPECT_EQ(truncated_div(m * n * 6, m * 2), n * 3);
  EXPECT_EQ(truncated_mod(m, m), Dim(0));
  EXPECT_FALSE(truncated_div(n, m - 7));
  EXPECT_FALSE(truncated_mod(n, m - 7));
}

}  // namespace
}  // namespace ferry
