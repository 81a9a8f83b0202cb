// SPDX-License-Identifier: Apache-2.0
#include "ferry/optimize.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "api/test_model.h"
#include "ferry/inspect.h"

namespace ferry {
namespace {

Model test_model() { return Model::from_memory(std::as_bytes(std::span(kTestModel))).value(); }

Result<Model> read(const std::string& bytes) {
  return Model::from_memory(std::as_bytes(std::span(bytes)), {.map = false});
}

TEST(Optimize, RoundTrip) {
  const Model model = test_model();
  for (const OptimizeLevel level :
       {OptimizeLevel::kNone, OptimizeLevel::kBasic, OptimizeLevel::kAll}) {
    const auto bytes = optimize_to_bytes(model, {.level = level});
    ASSERT_TRUE(bytes.ok()) << bytes.status().to_string();
    const auto again = read(*bytes);
    ASSERT_TRUE(again.ok()) << again.status().to_string();
    EXPECT_EQ(list_nodes(*again).size(), 2U);
    EXPECT_EQ(again->metadata().opsets.at(""), 20);
    EXPECT_EQ(again->inputs()[0].type, "f32[N,2]");
  }
}

TEST(Optimize, WritesTheOpsetAskedFor) {
  const Model model = test_model();
  for (const int64_t opset : {7, 13, 28}) {
    const auto bytes = optimize_to_bytes(model, {.level = OptimizeLevel::kNone, .opset = opset});
    ASSERT_TRUE(bytes.ok()) << bytes.status().to_string();
    EXPECT_EQ(read(*bytes).value().metadata().opsets.at(""), opset);
  }
  // Add broadcast by other rules before.
  const auto status = optimize_to_bytes(model, {.opset = 6}).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_EQ(status.message(), "node 'add' (Add) needs opset 7: opset 6 does not have this meaning");
  EXPECT_EQ(optimize_to_bytes(model, {.opset = 29}).status().code(), Code::kInvalidArgument);
}

TEST(Optimize, WrongOptions) {
  const Model model = test_model();
  EXPECT_EQ(optimize_to_bytes(model, {.passes_off = {"nothing"}}).status().message(),
            "passes_off: there is no pass 'nothing'");
  EXPECT_EQ(optimize_to_bytes(model, {.passes_off = {"fold_constant"}}).status().message(),
            "passes_off: there is no pass 'fold_constant'; did you mean 'fold_constants'?");
  EXPECT_EQ(optimize_to_bytes(model, {.external_data = true}).status().code(),
            Code::kLimitExceeded);
  EXPECT_EQ(optimize(model, "/nowhere/x.onnx").status().code(), Code::kIoError);
}

TEST(Inspect, ListsValuesAndOperators) {
  const std::vector<ValueInfo> values = list_values(test_model());
  ASSERT_EQ(values.size(), 4U);
  const auto sum = std::find_if(values.begin(), values.end(),
                                [](const ValueInfo& v) { return v.name == "sum"; });
  ASSERT_NE(sum, values.end());
  EXPECT_EQ(sum->type, "f32[N,2]");

  const std::vector<OperatorInfo> ops = list_operators();
  const auto find = [&](const std::string& name) {
    return *std::find_if(ops.begin(), ops.end(),
                         [&](const OperatorInfo& o) { return o.name == name; });
  };
  EXPECT_EQ(find("Add").versions, (std::vector<int>{1, 6, 7, 13, 14}));
  EXPECT_EQ(find("Softmax").types, (std::vector<std::string>{"f32", "f16", "f64", "bf16"}));
  EXPECT_TRUE(find("com.microsoft.FastGelu").rewritten);
  EXPECT_FALSE(find("Gelu").rewritten);
}

}  // namespace
}  // namespace ferry
