// SPDX-License-Identifier: Apache-2.0
#include "ferry/inspect.h"

#include <gtest/gtest.h>

#include "api/test_model.h"
#include "ferry/session.h"

namespace ferry {
namespace {

Model test_model() { return Model::from_memory(std::as_bytes(std::span(kTestModel))).value(); }

TEST(Inspect, ListsNodes) {
  const std::vector<NodeInfo> nodes = list_nodes(test_model());
  ASSERT_EQ(nodes.size(), 2U);
  EXPECT_EQ(nodes[0].name, "add");
  EXPECT_EQ(nodes[0].op, "Add");
  EXPECT_EQ(nodes[0].inputs[0].type, "f32[N,2]");
  EXPECT_TRUE(nodes[0].inputs[1].constant);
  EXPECT_EQ(nodes[1].outputs[0].name, "y");
}

TEST(Inspect, CountsParametersAndFlops) {
  const Model model = test_model();
  EXPECT_EQ(measure_size(model).parameters, 1U);
  EXPECT_EQ(measure_size(model).parameter_bytes, 4U);
  EXPECT_EQ(count_flops(model, {{"N", 5}}).value().total, 20);
  EXPECT_EQ(count_flops(model, {{"N", 0}}).value().total, 1);  // the constant of the sum
}

TEST(Inspect, SizesMustBeComplete) {
  const Model model = test_model();
  EXPECT_EQ(input_symbols(model), std::vector<std::string>{"N"});
  EXPECT_EQ(count_flops(model, {}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(count_flops(model, {{"N", 1}, {"M", 1}}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(count_flops(model, {{"N", -1}}).status().code(), Code::kInvalidArgument);
}

TEST(Inspect, SessionsTellStepsAndMemory) {
  const Session session = Session::create(test_model()).value();
  const SessionReport report = session.report();
  EXPECT_EQ(session.flops_at({{"N", 1}}).value().size(), report.steps.size());
  EXPECT_TRUE(session.arena_bytes_at({{"N", 7}}).ok());
  EXPECT_EQ(session.arena_bytes_at({}).status().code(), Code::kInvalidArgument);
  const float x[] = {1, 2};
  const Value input(Tensor::borrow(DType::kFloat32, {1, 2}, x));
  EXPECT_EQ(session.profile(std::span(&input, 1)).value().size(), report.steps.size());
}

TEST(Inspect, ReadsValuesOfFiles) {
  const Model model = test_model();
  EXPECT_EQ(read_value(model, 0, "/nowhere/x.pb").status().code(), Code::kIoError);
  EXPECT_EQ(read_value(model, 1, "x.pb").status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace ferry
