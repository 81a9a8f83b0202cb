// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "ops/op_tester.h"

namespace ferry {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

struct Case {
  const char* op;
  std::vector<float> x, y;
};

TEST(Unary, GoldenFloats) {
  const std::vector<Case> cases = {
      {"Abs", {-1.5f, 0, kNaN, -kInf}, {1.5f, 0, kNaN, kInf}},
      {"Neg", {1, -2, kInf}, {-1, 2, -kInf}},
      {"Sign", {-3, 0, 2, kNaN}, {-1, 0, 1, kNaN}},
      {"Relu", {-1, 2, kNaN}, {0, 2, kNaN}},
      {"Shrink", {-2, -0.25f, 0.5f, 3}, {-2, 0, 0, 3}},
      {"Exp", {0, 1, -kInf}, {1, 2.7182818f, 0}},
      {"Log", {1, 0, -1}, {0, -kInf, kNaN}},
      {"Sqrt", {4, 2, -1}, {2, 1.4142135f, kNaN}},
      {"Reciprocal", {2, -4, 0}, {0.5f, -0.25f, kInf}},
      {"Floor", {1.5f, -1.5f}, {1, -2}},
      {"Ceil", {1.5f, -1.5f}, {2, -1}},
      {"Round", {0.5f, 1.5f, 2.5f, -0.5f, -2.7f}, {0, 2, 2, 0, -3}},
      {"Sin", {0, 1.5707964f}, {0, 1}},
      {"Cos", {0, 3.1415927f}, {1, -1}},
      {"Tan", {0.7853982f}, {1}},
      {"Asin", {1, 2}, {1.5707964f, kNaN}},
      {"Acos", {1, 0}, {0, 1.5707964f}},
      {"Atan", {kInf, 1}, {1.5707964f, 0.7853982f}},
      {"Sinh", {1}, {1.1752012f}},
      {"Cosh", {1}, {1.5430806f}},
      {"Tanh", {0.5f, kInf}, {0.46211716f, 1}},
      {"Asinh", {1}, {0.8813736f}},
      {"Acosh", {2, 0}, {1.3169579f, kNaN}},
      {"Atanh", {0.5f, 1}, {0.54930615f, kInf}},
      {"Erf", {0.5f, kInf}, {0.5204999f, 1}},
      {"Sigmoid", {0, -kInf, 100, -100}, {0.5f, 0, 1, 3.78e-44f}},
      {"Softplus", {0, 100, -100}, {0.6931472f, 100, 3.78e-44f}},
      {"Softsign", {1, -3}, {0.5f, -0.75f}},
      {"HardSigmoid", {0, 1, 10, -10, kNaN}, {0.5f, 0.7f, 1, 0, kNaN}},
      {"HardSwish", {0, 1, 4, -4}, {0, 0.6666667f, 4, 0}},
      {"Elu", {-1, 2}, {-0.6321206f, 2}},
      {"Selu", {-1, 2}, {-1.1113307f, 2.101402f}},
      {"Celu", {-1, 2, 0}, {-0.6321206f, 2, 0}},
      {"LeakyRelu", {-100, 2}, {-1, 2}},
      {"ThresholdedRelu", {1, 1.5f, -2}, {0, 1.5f, 0}},
      {"Gelu", {-1, 0, 1}, {-0.15865526f, 0, 0.8413447f}},
      {"Mish", {1, -20}, {0.8650984f, -4.1223e-8f}},
      {"Swish", {1, -1}, {0.7310586f, -0.26894143f}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.op);
    const Dims dims = {static_cast<int64_t>(c.x.size())};
    OpTester(c.op).input(tensor<float>(dims, c.x)).expect(tensor<float>(dims, c.y)).run();
    OpTester(c.op).input(tensor<float>({2, 0}, {})).expect(tensor<float>({2, 0}, {})).run();
    OpTester(c.op).input(tensor<float>({}, {c.x[0]})).expect(tensor<float>({}, {c.y[0]})).run();
    OpTester(c.op)
        .input(tensor<half>({1}, {c.x[0]}))
        .expect(tensor<half>({1}, {c.y[0]}), 2e-3)
        .run();
    OpTester(c.op)
        .input(tensor<double>({1}, {double{c.x[0]}}))
        .expect(tensor<double>({1}, {double{c.y[0]}}), 1e-4, 1e-6)
        .run();
  }
}

// Where formulas that cancel or overflow would lose all digits.
TEST(Unary, FarEndsKeepTheirDigits) {
  const auto run = [](const char* op, double x, double y) {
    OpTester(op).input(tensor<double>({1}, {x})).expect(tensor<double>({1}, {y}), 4e-16).run();
    OpTester(op)
        .input(tensor<bfloat16>({1}, {static_cast<float>(x)}))
        .expect(tensor<bfloat16>({1}, {static_cast<float>(y)}))
        .run();
  };
  run("Gelu", -8, -4.9767684594174273e-15);
  run("Sigmoid", -80, 1.8048513878454152e-35);
  run("Swish", -80, -1.4438811102763321e-33);
  run("Mish", -80, -1.4438811102763321e-33);
  run("Softplus", -80, 1.8048513878454152e-35);
  OpTester("Sigmoid")
      .input(tensor<double>({1}, {-740}))
      .expect(tensor<double>({1}, {4.18873988e-322}))
      .run();
}

TEST(Unary, Attributes) {
  const auto run = [](const char* op, std::vector<std::pair<const char*, float>> attrs, float x,
                      float y) {
    OpTester t(op);
    for (const auto& [name, value] : attrs) t.attr(name, value);
    t.input(tensor<float>({1}, {x})).expect(tensor<float>({1}, {y})).run();
  };
  run("Shrink", {{"lambd", 1.5f}, {"bias", 1.5f}}, -2, -0.5f);
  run("HardSigmoid", {{"alpha", 0.5f}, {"beta", 0.6f}}, -1, 0.1f);
  run("Elu", {{"alpha", 2.0f}}, -1, -1.2642411f);
  run("Selu", {{"alpha", 2.0f}, {"gamma", 3.0f}}, -1, -3.7927234f);
  run("Celu", {{"alpha", 2.0f}}, -1, -0.7869387f);
  run("LeakyRelu", {{"alpha", 0.1f}}, -1, -0.1f);
  run("ThresholdedRelu", {{"alpha", 2.0f}}, 1.5f, 0);
  run("Swish", {{"alpha", 2.0f}}, 1, 0.880797f);
  OpTester("Gelu")
      .attr("approximate", std::string("tanh"))
      .input(tensor<float>({2}, {-1, 1}))
      .expect(tensor<float>({2}, {-0.15880801f, 0.841192f}))
      .run();
  OpTester("Gelu")
      .attr("approximate", std::string("fast"))
      .input(tensor<float>({1}, {1}))
      .expect_error(Code::kInvalidModel, "approximate is 'fast'")
      .run();
}

TEST(Unary, IntegersWrap) {
  OpTester("Abs")
      .input(tensor<int8_t>({3}, {-128, -1, 5}))
      .expect(tensor<int8_t>({3}, {-128, 1, 5}))
      .run();
  OpTester("Neg")
      .input(tensor<int32_t>({2}, {INT32_MIN, 3}))
      .expect(tensor<int32_t>({2}, {INT32_MIN, -3}))
      .run();
  OpTester("Abs")
      .input(tensor<int64_t>({2}, {INT64_MIN, -3}))
      .expect(tensor<int64_t>({2}, {INT64_MIN, 3}))
      .run();
  OpTester("Sign").input(tensor<uint8_t>({2}, {0, 200})).expect(tensor<uint8_t>({2}, {0, 1})).run();
  OpTester("Relu").input(tensor<int16_t>({2}, {-5, 5})).expect(tensor<int16_t>({2}, {0, 5})).run();
  OpTester("Shrink")
      .input(tensor<int64_t>({3}, {INT64_MAX, 0, -2}))
      .expect(tensor<int64_t>({3}, {INT64_MAX, 0, -2}))
      .run();
  OpTester("BitwiseNot")
      .input(tensor<uint16_t>({2}, {0, 1}))
      .expect(tensor<uint16_t>({2}, {65535, 65534}))
      .run();
  OpTester("Not")
      .input(tensor<bool>({2}, {true, false}))
      .expect(tensor<bool>({2}, {false, true}))
      .run();
}

TEST(Unary, RefusesOtherTypes) {
  OpTester("Exp")
      .input(tensor<int32_t>({1}, {1}))
      .expect_error(Code::kUnsupportedType, "element type i32")
      .run();
  OpTester("Neg")
      .input(tensor<uint8_t>({1}, {1}))
      .expect_error(Code::kUnsupportedType, "element type u8")
      .run();
  OpTester("Not")
      .input(tensor<float>({1}, {1}))
      .expect_error(Code::kUnsupportedType, "element type f32")
      .run();
}

}  // namespace
}  // namespace ferry
