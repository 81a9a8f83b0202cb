// SPDX-License-Identifier: Apache-2.0
// Convolutions as planned, layout changes included.
#include "ops/nn/conv.h"

#include <gtest/gtest.h>

#include "ir/infer.h"
#include "ops/nn/conv_transpose.h"
#include "ops/registry.h"
#include "ops_cpu/kernels.h"
#include "ops_cpu/step_test.h"
#include "plan/program.h"
#include "runtime/run_context.h"

namespace ferry {
namespace {

using Ints = std::vector<int64_t>;

struct Case {
  Dims x, w;
  const char* kernel;
  Ints strides, pads, dilations;
  int64_t group = 1;
  double tolerance = 2e-5;
};

void check(const Case& t) {
  for (const bool symbolic : {false, true}) {
    SCOPED_TRACE(t.x.to_string() + t.w.to_string() + (symbolic ? " symbolic" : ""));
    StepTester s("Conv");
    s.attr("group", t.group).input(random_tensor(t.x, 1)).constant(random_tensor(t.w, 2));
    s.constant(random_tensor({t.w[0]}, 3));
    if (!t.strides.empty()) s.attr("strides", t.strides);
    if (!t.pads.empty()) s.attr("pads", t.pads);
    if (!t.dilations.empty()) s.attr("dilations", t.dilations);
    if (symbolic) s.symbolic();
    s.kernel(t.kernel).tolerance(t.tolerance, 10 * t.tolerance).run();
  }
}

TEST(Conv, FewInputChannels) {
  check({{2, 3, 21, 18}, {20, 3, 3, 3}, "thin_input_f32", {2, 2}, {1, 1, 1, 1}, {}});
  check({{1, 1, 30, 33}, {17, 1, 7, 7}, "thin_input_f32", {2, 3}, {3, 2, 1, 3}, {}});
  check({{1, 4, 9, 40}, {16, 4, 1, 1}, "gemm_planes_f32", {}, {}, {}});
  check({{1, 2, 20, 25}, {16, 2, 3, 2}, "thin_input_f32", {}, {2, 2, 2, 2}, {2, 3}});
}

TEST(Conv, LargeKernelsOnFewChannels) {
  check({{2, 3, 37, 50}, {64, 3, 9, 9}, "shifted_winograd_f32", {}, {4, 4, 4, 4}, {}, 1, 1e-4});
  check({{1, 3, 20, 19}, {16, 3, 7, 7}, "shifted_winograd_f32", {}, {3, 3, 3, 3}, {}, 1, 1e-4});
  check({{1, 4, 17, 70}, {33, 4, 5, 6}, "shifted_winograd_f32", {}, {0, 2, 1, 5}, {}, 1, 1e-4});
  check({{1, 3, 9, 9}, {16, 3, 9, 9}, "shifted_winograd_f32", {}, {}, {}, 1, 1e-4});
}

// A large convolution, and a 1x1 one that may be taken into its step.
struct Pair {
  std::unique_ptr<Graph> graph = std::make_unique<Graph>();
  Tensor x = random_tensor({2, 3, 30, 41}, 1);

  ValueId add(const char* op, std::vector<ValueId> inputs) {
    Node node;
    node.op = make_op(op);
    node.inputs = std::move(inputs);
    node.outputs = {graph->add_value(op)};
    const ValueId y = node.outputs[0];
    const NodeId id = graph->add_node(std::move(node));
    EXPECT_TRUE(infer_node(*graph, id).ok());
    return y;
  }

  Pair(bool bounds, bool shared) {
    ValueId v = graph->add_input("x", Type::tensor(DType::kFloat32, shape_of(x.dims())));
    v = add("Conv", {v, graph->add_constant(random_tensor({20, 3, 7, 9}, 2)),
                     graph->add_constant(random_tensor({20}, 3))});
    if (bounds) v = add("Relu", {v});
    const ValueId between = v;
    v = add("Conv", {v, graph->add_constant(random_tensor({9, 20, 1, 1}, 4)),
                     graph->add_constant(random_tensor({9}, 5))});
    if (bounds) v = add("Relu", {v});
    graph->set_outputs(shared ? std::vector<ValueId>{v, between} : std::vector<ValueId>{v});
  }

  // Runs the plan and compares with the graph as it stands.
  void check(bool exact, size_t fused_steps) {
    std::vector<Value> want, inputs = {x};
    ASSERT_TRUE(interpret(*graph, inputs, want).ok());
    PlanOptions options;
    options.isa = active_isa();
    options.exact = exact;
    options.kernels = &cpu_kernels();
    auto program = make_program(std::move(graph), options);
    ASSERT_TRUE(program.ok()) << program.status().message();
    size_t fused = 0;
    for (const Step& s : (*program)->steps)
      fused += s.kernel->tactic().find("then 1x1") != std::string::npos;
    EXPECT_EQ(fused, fused_steps);
    Team team(2);
    RunControl control;
    control.team = &team;
    RunContext context(**program, std::make_shared<BufferPool>(nullptr));
    std::vector<Value> seen;
    const Status status = context.run(inputs, seen, control);
    ASSERT_TRUE(status.ok()) << status.message();
    for (size_t i = 0; i < want.size(); ++i) expect_equal(seen[i], want[i], 1e-4, 2e-3, "output");
  }
};

TEST(Conv, PointwiseAfterALargeKernel) {
  for (const bool bounds : {false, true}) {
    Pair(bounds, false).check(false, 1);
    Pair(bounds, false).check(true, 0);
    Pair(bounds, true).check(false, 0);
  }
}

TEST(Conv, FewOutputChannels) {
  check({{2, 32, 21, 18}, {3, 32, 5, 5}, "thin_output_f32", {}, {2, 2, 2, 2}, {}});
  check({{1, 16, 12, 40}, {1, 16, 3, 3}, "thin_output_f32", {}, {1, 0, 2, 1}, {}});
  check({{1, 3, 25, 30}, {3, 3, 3, 5}, "thin_output_f32", {}, {2, 2, 2, 2}, {2, 1}});
}

TEST(Conv, DepthwiseInPlanes) {
  const char* kernel = "depthwise_planes_f32";
  check({{1, 24, 15, 16}, {24, 1, 3, 3}, kernel, {}, {1, 1, 1, 1}, {}, 24});
  check({{2, 6, 33, 70}, {18, 1, 5, 4}, kernel, {2, 1}, {0, 3, 1, 2}, {}, 6});
  check({{1, 5, 40, 39}, {5, 1, 7, 7}, kernel, {}, {9, 9, 9, 9}, {3, 3}, 5});
  check({{3, 10, 33, 63}, {10, 1, 3, 3}, kernel, {3, 3}, {1, 1, 1, 1}, {}, 10});
  check({{2, 24, 500}, {48, 1, 31}, kernel, {}, {15, 15}, {}, 24});
  check({{1, 7, 6, 7, 60}, {7, 1, 3, 3, 2}, kernel, {}, {1, 1, 1, 1, 1, 0}, {1, 2, 1}, 7});
}

TEST(Conv, ProductsInPlanes) {
  const char* kernel = "gemm_planes_f32";
  check({{2, 20, 21, 18}, {24, 20, 1, 1}, kernel, {}, {}, {}});
  check({{1, 6, 5, 7}, {40, 6, 1, 1}, kernel, {}, {0, 0, 0, 0}, {}});
  check({{2, 32, 19, 5}, {12, 8, 1, 1}, kernel, {}, {}, {}, 4});
  check({{2, 300, 65}, {70, 300, 1}, kernel, {}, {}, {}});
  check({{1, 900, 4, 30}, {5, 900, 1, 1}, kernel, {}, {}, {}});
  check({{2, 9, 3, 4, 5}, {8, 9, 1, 1, 1}, kernel, {}, {}, {}});
}

// As they are between other convolutions.
TEST(Conv, ChannelsLast) {
  const auto last = [](const Dims& x, const Dims& w, const char* kernel, int64_t group) {
    ferry::Conv op;
    op.channels_last = true, op.group = group;
    op.planar_input = w[1] < 4 && group == 1;
    if (w[2] == 3) op.pads = {1, 1, 1, 1};
    StepTester s(make_op("Conv", op));
    s.input(random_tensor(x, 1)).constant(random_tensor(w, 2)).constant(random_tensor({w[0]}, 3));
    s.kernel(kernel).tolerance(2e-5, 2e-4).run();
  };
  last({2, 3, 21, 18}, {20, 3, 3, 3}, "thin_input_f32", 1);
  last({2, 21, 18, 20}, {24, 20, 1, 1}, "gemm_f32", 1);
  last({1, 15, 16, 24}, {24, 1, 3, 3}, "depthwise_f32", 24);
}

// Few rows: threads share out the columns.
TEST(Conv, LongLines) {
  check({{1, 24, 700}, {20, 24, 11}, "conv_f32", {2}, {5, 4}, {}});
  check({{1, 24, 300}, {40, 24, 3}, "conv_f32", {3}, {2, 2}, {4}});
  check({{2, 24, 3, 130}, {40, 24, 3, 5}, "conv_f32", {1, 3}, {1, 2, 1, 2}, {}});
  check({{1, 64, 400}, {96, 16, 2}, "conv_f32", {2}, {}, {}, 4});
  check({{1, 16, 400}, {32, 16, 5}, "conv_f32", {}, {3, 6}, {3}});
  check({{1, 2, 1000}, {24, 2, 10}, "thin_input_f32", {5}, {3, 0}, {}});
  check({{1, 3, 4, 500}, {16, 3, 3, 5}, "thin_input_f32", {1, 2}, {1, 2, 1, 2}, {}});
  check({{1, 32, 900}, {2, 32, 7}, "thin_output_f32", {}, {3, 3}, {}});
  check({{1, 3, 12, 500}, {40, 3, 3, 5}, "thin_input_f32", {1, 2}, {1, 2, 1, 2}, {}});
  check({{1, 2, 900}, {24, 2, 3}, "conv_f32", {65}, {1, 1}, {}});
  check({{1, 2, 9000}, {24, 2, 3}, "conv_f32", {}, {}, {2000}});
  check({{1, 16, 9000}, {2, 16, 3}, "conv_f32", {}, {}, {2000}});
  const auto along = [](const char* name, auto op, const Dims& x, const Dims& w,
                        const Ints& strides, const Ints& pads, const char* kernel) {
    op.channels_last = true, op.strides = strides, op.pads = pads;
    StepTester s(make_op(name, op));
    const int64_t outputs = std::string(name) == "Conv" ? w[0] : w[1] * op.group;
    s.input(random_tensor(x, 1)).constant(random_tensor(w, 2));
    s.constant(random_tensor({outputs}, 3)).kernel(kernel).tolerance(2e-5, 2e-4).run();
  };
  ferry::Conv conv;
  along("Conv", conv, {1, 500, 48}, {40, 48, 1}, {}, {}, "gemm_f32");
  conv.group = 4;
  along("Conv", conv, {1, 150, 192}, {256, 48, 1}, {}, {}, "conv_f32");  // as many groups each
  along("Conv", conv, {1, 900, 48}, {40, 12, 1}, {}, {}, "conv_f32");
  conv.group = 24;
  along("Conv", conv, {1, 400, 24}, {24, 1, 31}, {}, {15, 15}, "depthwise_f32");
  along("Conv", conv, {1, 401, 24}, {48, 1, 5}, {2}, {7, 1}, "depthwise_f32");
  ferry::ConvTranspose transposed;
  along("ConvTranspose", transposed, {1, 300, 24}, {24, 16, 8}, {4}, {2, 1}, "conv_transpose_f32");
  transposed.group = 2;
  along("ConvTranspose", transposed, {1, 150, 8}, {8, 6, 5}, {}, {0, 3}, "conv_transpose_f32");
}

// Weights, bias or both are inputs of the model.
TEST(Conv, ComputedWeights) {
  struct Layer {
    Dims x, w;
    Ints strides, pads, dilations;
    int64_t group;
    const char *op, *kernel;
  };
  const Layer layers[] = {
      {{2, 5, 14, 11}, {21, 5, 3, 3}, {2, 1}, {1, 0, 1, 2}, {}, 1, "Conv", "conv_f32"},
      {{1, 40, 9, 8}, {36, 40, 1, 1}, {}, {}, {}, 1, "Conv", "conv_f32"},
      {{1, 3, 12, 12}, {16, 3, 5, 5}, {}, {}, {2, 2}, 1, "Conv", "conv_f32"},
      {{2, 24, 7, 9}, {36, 12, 3, 3}, {}, {1, 1, 1, 1}, {}, 2, "Conv", "conv_f32"},
      {{1, 19, 10, 13}, {19, 1, 5, 4}, {}, {}, {}, 19, "Conv", "depthwise_f32"},
      {{2, 6, 31}, {17, 6, 4}, {3}, {}, {}, 1, "Conv", "conv_f32"},
      {{1, 4, 5, 6, 7}, {9, 4, 2, 3, 2}, {}, {}, {}, 1, "Conv", "conv_f32"},
      {{2, 6, 9, 7},
       {6, 20, 3, 4},
       {2, 2},
       {1, 0, 0, 1},
       {},
       1,
       "ConvTranspose",
       "conv_transpose_f32"},
      {{1, 8, 13}, {8, 3, 5}, {3}, {}, {2}, 2, "ConvTranspose", "conv_transpose_f32"},
  };
  for (const Layer& t : layers) {
    for (int computed = 0; computed < 4; ++computed) {
      SCOPED_TRACE(t.x.to_string() + t.w.to_string() + std::to_string(computed));
      const bool transposed = std::string(t.op) == "ConvTranspose";
      StepTester s(t.op);
      s.attr("group", t.group).input(random_tensor(t.x, 1));
      if (!t.strides.empty()) s.attr("strides", t.strides);
      if (!t.pads.empty()) s.attr("pads", t.pads);
      if (!t.dilations.empty()) s.attr("dilations", t.dilations);
      const Tensor w = random_tensor(t.w, 2);
      const Tensor bias = random_tensor({transposed ? t.w[1] * t.group : t.w[0]}, 3);
      computed == 1 ? s.constant(w) : s.input(w);
      if (computed < 2) s.input(bias);
      if (computed == 2) s.constant(bias);
      s.kernel(t.kernel).tolerance(2e-5, 2e-4).run();
    }
  }
}

TEST(Conv, OtherKernels) {
  check({{1, 24, 20, 22}, {40, 24, 3, 3}, "winograd_f32", {}, {1, 1, 1, 1}, {}, 1, 1e-4});
  check({{1, 96, 60, 58}, {80, 96, 3, 3}, "winograd_f32", {2, 2}, {1, 1, 1, 1}, {}, 1, 1e-4});
  check({{2, 96, 39, 59}, {134, 96, 3, 3}, "winograd_f32", {2, 2}, {0, 1, 1, 0}, {}, 1, 1e-4});
  check({{1, 192, 60, 58}, {192, 96, 3, 3}, "winograd_f32", {2, 2}, {1, 1, 1, 1}, {}, 2, 1e-4});
  check({{2, 96, 300}, {80, 96, 3}, "winograd_f32", {}, {1, 1}, {}, 1, 1e-4});
  check({{1, 96, 301}, {80, 96, 5}, "winograd_f32", {2}, {2, 1}, {}, 1, 1e-4});
  check({{1, 64, 34, 33}, {96, 64, 1, 7}, "winograd_f32", {}, {0, 3, 0, 3}, {}, 1, 1e-4});
  check({{1, 192, 33, 34}, {192, 96, 3, 1}, "winograd_f32", {}, {2, 0, 2, 0}, {2, 1}, 2, 1e-4});
  check(
      {{2, 64, 16, 9, 12}, {64, 64, 3, 1, 1}, "winograd_f32", {}, {1, 0, 0, 1, 0, 0}, {}, 1, 1e-4});
  // Padded where the kernel has no extent.
  check({{1, 64, 34, 33}, {96, 64, 1, 7}, "conv_f32", {}, {1, 3, 1, 3}, {}});
  check({{1, 24, 20, 22}, {40, 24, 3, 3}, "conv_f32", {3, 3}, {1, 1, 1, 1}, {}});
  check({{1, 24, 20, 22}, {40, 24, 3, 3}, "conv_f32", {2, 2}, {2, 2, 2, 2}, {2, 2}});
  // More weights than pixels: threads share out the output channels.
  check({{1, 48, 5, 6}, {200, 48, 3, 3}, "conv_f32", {2, 3}, {1, 1, 1, 1}, {}});
  check({{2, 96, 8, 8}, {200, 96, 3, 3}, "winograd_f32", {}, {1, 1, 1, 1}, {}, 1, 1e-4});
  check({{1, 64, 9, 10}, {64, 32, 3, 3}, "conv_f32", {2, 1}, {1, 1, 1, 1}, {}, 2});
  check({{1, 64, 16, 20}, {64, 32, 3, 3}, "winograd_f32", {}, {1, 1, 1, 1}, {}, 2, 1e-4});
  check({{2, 75, 33, 30}, {120, 25, 3, 3}, "winograd_f32", {}, {1, 0, 1, 2}, {}, 3, 1e-4});
  check({{1, 64, 24, 25}, {64, 64, 3, 3}, "winograd_f32", {}, {2, 3, 2, 3}, {2, 3}, 1, 1e-4});
  check({{2, 24, 6, 12, 9},
         {40, 24, 3, 3, 3},
         "winograd_f32",
         {2, 1, 1},
         {1, 1, 1, 0, 1, 1},
         {},
         1,
         1e-4});
  check({{2, 24, 50}, {20, 24, 5}, "conv_f32", {2}, {2, 2}, {}});
  check({{1, 8, 6, 7, 8}, {20, 8, 3, 3, 2}, "conv_f32", {}, {1, 1, 1, 1, 1, 0}, {}});
}

}  // namespace
}  // namespace ferry
