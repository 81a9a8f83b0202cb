// SPDX-License-Identifier: Apache-2.0
// Chains of layers that run strip by strip give the bits of the same layers one after the other.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "ir/infer.h"
#include "ops/nn/conv.h"
#include "ops/registry.h"
#include "ops_cpu/kernels.h"
#include "ops_cpu/step_test.h"
#include "plan/program.h"
#include "runtime/run_context.h"

namespace ferry {
namespace {

// A graph that grows at `y`, one node at a time.
struct Chain {
  std::unique_ptr<Graph> graph = std::make_unique<Graph>();
  Tensor x;
  ValueId input = kNone, y = kNone;
  uint64_t seed = 2;

  explicit Chain(const Dims& dims, bool symbolic = false) : x(random_tensor(dims, 1)) {
    Shape shape = shape_of(dims);
    const size_t channel = dims.size() == 4 ? 1 : dims.size() - 1;
    for (size_t a = 0; symbolic && a < shape.size(); ++a) {
      if (a != channel) shape[a] = Dim::symbol("d" + std::to_string(a));
    }
    input = y = graph->add_input("x", Type::tensor(DType::kFloat32, shape));
  }

  Chain& add(Op op, std::vector<ValueId> more = {}) {
    Node node;
    node.name = "n" + std::to_string(seed++);
    node.op = std::move(op);
    node.inputs = {y};
    node.inputs.insert(node.inputs.end(), more.begin(), more.end());
    node.outputs = {graph->add_value()};
    y = node.outputs[0];
    const NodeId id = graph->add_node(std::move(node));
    const Status inferred = infer_node(*graph, id);
    EXPECT_TRUE(inferred.ok()) << inferred.message();
    return *this;
  }
  ValueId constant(const Dims& dims) { return graph->add_constant(random_tensor(dims, seed++)); }

  int64_t channels() const {
    const Shape& s = *graph->value(y).type.shape;
    return (s.size() == 4 ? s[1] : s.back()).constant();
  }
  Chain& conv(int64_t out, Dims kernel = {1, 1}, Conv op = {}) {
    const Dims w = {out, channels() / op.group, kernel[0], kernel[1]};
    return add(make_op("Conv", op), {constant(w), constant({out})});
  }
  Chain& depthwise(Dims kernel, Conv op = {}, int64_t multiplier = 1) {
    op.group = channels();
    return conv(op.group * multiplier, kernel, op);
  }
  Chain& product(int64_t out) {
    return add(make_op("MatMul"), {constant({channels(), out})})
        .add(make_op("Add"), {constant({out})});
  }
  Chain& activation(const char* name) {
    if (name == std::string("Clip")) {
      const ValueId lo = graph->add_constant(tensor<float>({}, {0}));
      return add(make_op("Clip"), {lo, graph->add_constant(tensor<float>({}, {6}))});
    }
    return *name == 0 ? *this : add(make_op(name));
  }
  Chain& residual() { return add(make_op("Add"), {input}); }

  struct Result {
    std::vector<Value> values;
    size_t strips = 0;
  };
  Result run(StripUse use, int64_t height, int threads, Isa isa, bool exact = false) const {
    PlanOptions options;
    options.isa = isa;
    options.exact = exact;
    options.threads = threads;
    options.kernels = &cpu_kernels();
    options.strips = use;
    options.strip_height = height;
    std::unique_ptr<Graph> copy = graph->clone();
    if (copy->outputs().empty()) copy->set_outputs({y});
    auto program = make_program(std::move(copy), options);
    EXPECT_TRUE(program.ok()) << program.status().message();
    Result result;
    for (const Step& s : (*program)->steps) result.strips += s.kernel->name() == "strips_f32";
    EXPECT_EQ(result.strips, (*program)->strips);
    Team team(threads);
    RunControl control;
    control.team = &team;
    RunContext context(**program, std::make_shared<BufferPool>(nullptr));
    std::vector<Value> inputs = {x};
    const Status status = context.run(inputs, result.values, control);
    EXPECT_TRUE(status.ok()) << status.message();
    return result;
  }

  // With strips of every height the bits are those without, and near the reference's.
  void check(size_t strips) {
    if (graph->outputs().empty()) graph->set_outputs({y});
    std::vector<Value> want, inputs = {x};
    ASSERT_TRUE(interpret(*graph, inputs, want).ok());
    for (Isa isa : supported_isas()) {
      SCOPED_TRACE(isa_name(isa));
      const Result fast = run(StripUse::kNever, 0, 1, isa);
      const Result exact = run(StripUse::kNever, 0, 1, isa, true);
      EXPECT_EQ(fast.strips, 0U);
      for (size_t i = 0; i < want.size(); ++i)
        expect_equal(fast.values[i], want[i], 1e-4, 1e-3, "layers one after the other");
      for (int threads = 1; threads <= 4; ++threads) {
        for (const int64_t height : {0, 1, 2, 3, 5}) {
          const Result r = run(StripUse::kAlways, height, threads, isa, threads == 3);
          EXPECT_EQ(r.strips, strips);
          for (size_t i = 0; i < want.size(); ++i) {
            const Tensor& a = r.values[i].tensor();
            const Tensor& b = (threads == 3 ? exact : fast).values[i].tensor();
            ASSERT_EQ(a.size_bytes(), b.size_bytes());
            ASSERT_EQ(std::memcmp(a.raw(), b.raw(), a.size_bytes()), 0)
                << threads << " threads, strips of " << height;
          }
        }
      }
    }
  }
};

Conv window(int64_t stride, int64_t pad, int64_t dilation = 1) {
  Conv c;
  c.strides = {stride, stride};
  c.pads = {pad, pad, pad, pad};
  c.dilations = {dilation, dilation};
  return c;
}

TEST(Strips, InvertedResidual) {
  for (const bool symbolic : {false, true}) {
    Chain c({2, 16, 13, 11}, symbolic);
    c.conv(40).activation("Clip").depthwise({3, 3}, window(1, 1)).activation("Clip").conv(16);
    c.residual().check(1);
    Chain strided({1, 12, 14, 9}, symbolic);
    strided.conv(36).activation("Swish").depthwise({5, 5}, window(2, 2)).activation("Swish");
    strided.conv(20).check(1);
  }
}

// Layers one after the other write over it, strips cannot.
TEST(Strips, ResidualThatDies) {
  for (const int64_t wide : {40, 2000}) {  // also a sum that is cut into chunks
    Chain c({2, 16, 9, 7});
    c.activation("Relu");
    c.input = c.y;
    c.conv(wide).activation("Clip").depthwise({3, 3}, window(1, 1)).activation("Clip").conv(16);
    c.residual().activation("Relu").check(1);
  }
}

TEST(Strips, AnyChain) {
  Chain({1, 24, 9, 10}).depthwise({3, 3}, window(1, 1)).activation("Relu").conv(18).check(1);
  Chain({1, 16, 9, 10}).conv(24).depthwise({7, 7}, window(1, 3)).check(1);
  Chain({3, 16, 8, 7}).conv(48).activation("Gelu").conv(16).residual().check(1);
  Chain({1, 16, 12, 6}).conv(24).depthwise({3, 3}).depthwise({3, 2}, window(2, 0)).conv(8).check(1);
  // Rows that no window reads, windows that reach over the border, dilation, channels per group.
  Chain({1, 16, 17, 9}).conv(20).depthwise({1, 1}, window(3, 0)).conv(10).check(1);
  Chain({1, 16, 5, 5}).conv(20).depthwise({3, 3}, window(1, 4, 3)).conv(10).check(1);
  Chain({2, 16, 11, 8}).conv(20).depthwise({3, 3}, window(2, 1), 2).conv(10).check(1);
  // The fifth stage stays outside.
  Chain({1, 16, 9, 9}).conv(20).conv(24).conv(20).conv(24).conv(20).check(1);
}

TEST(Strips, Products) {
  Chain({50, 24}).product(60).activation("Gelu").product(24).residual().check(1);
  Chain({2, 17, 20}, true).product(64).activation("Relu").product(20).check(1);
  Chain({1, 1, 16}).product(33).product(7).check(1);
}

TEST(Strips, EveryTail) {
  for (const char* first : {"", "Relu", "HardSwish", "Tanh"}) {
    for (const char* second : {"", "Clip", "Swish"}) {
      Chain c({1, 16, 7, 6});
      c.conv(32).activation(first).depthwise({3, 3}, window(1, 1)).activation(second);
      c.add(make_op("Mul"), {c.constant({1, 32, 1, 1})}).conv(16).activation(first).check(1);
    }
  }
}

TEST(Strips, FirstLayerOfANetwork) {
  Chain c({2, 3, 19, 22});
  c.conv(24, {3, 3}, window(2, 1)).activation("Clip").depthwise({3, 3}, window(1, 1));
  c.activation("HardSwish").conv(12).check(1);
}

// The gate comes from the pixels that it scales.
TEST(Strips, SqueezeExcite) {
  for (const bool symbolic : {false, true}) {
    for (const bool gate_first : {false, true}) {
      Chain c({2, 16, 9, 11}, symbolic);
      c.conv(40).activation("Swish").depthwise({3, 3}, window(1, 1)).activation("Swish");
      const ValueId wide = c.y;
      c.add(make_op("GlobalAveragePool")).conv(6).activation("Relu").conv(40).activation("Sigmoid");
      if (gate_first) {
        c.add(make_op("Mul"), {wide});
      } else {
        const ValueId gate = c.y;
        c.y = wide;
        c.add(make_op("Mul"), {gate});
      }
      c.conv(16).residual().check(3);
    }
  }
}

TEST(Strips, GatePerPixel) {
  Chain c({2, 16, 7, 6});
  c.conv(24).add(make_op("Mul"), {c.constant({1, 1, 7, 6})}).conv(12).check(1);
}

// A value that someone else reads ends a chain.
TEST(Strips, SharedValues) {
  Chain c({1, 16, 9, 8});
  c.conv(40).activation("Relu");
  const ValueId shared = c.y;
  c.depthwise({3, 3}, window(1, 1)).conv(16);
  c.graph->set_outputs({c.y, shared});
  c.check(1);
  Chain d({1, 16, 9, 8});
  d.conv(40);
  const ValueId twice = d.y;
  d.depthwise({3, 3}, window(1, 1)).add(make_op("Mul"), {twice}).conv(16).check(1);
}

// The rule looks at sizes: the wide value does not fit the cache, the halo is small.
TEST(Strips, WhereItPays) {
  const auto formed = [](int64_t side, int64_t wide, int threads) {
    Chain c({1, 16, side, side});
    c.conv(wide).activation("Clip").depthwise({3, 3}, window(1, 1)).activation("Clip").conv(16);
    return c.run(StripUse::kWhereItPays, 0, threads, active_isa()).strips;
  };
  const auto l2 = static_cast<int64_t>(cpu_info().l2_bytes);
  const int64_t wide = 96, side = static_cast<int64_t>(std::sqrt(double(4 * l2) / (4 * wide)));
  EXPECT_EQ(formed(side, wide, 1), 1U);
  EXPECT_EQ(formed(8, wide, 1), 0U);      // fits the cache
  EXPECT_EQ(formed(side, wide, 64), 0U);  // rows of a border would be made too often
}

TEST(Strips, RandomChains) {
  std::mt19937 random(7);
  const auto pick = [&](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
  };
  const char* activations[] = {"", "Relu", "Clip", "HardSwish", "Swish", "LeakyRelu", "Gelu"};
  for (int round = 0; round < 30; ++round) {
    SCOPED_TRACE(round);
    const Dims x = {pick(1, 3), pick(8, 24), pick(6, 20), pick(6, 20)};
    Chain c(x, pick(0, 1) == 1);
    size_t stages = 0;
    if (pick(0, 2) > 0) c.conv(pick(8, 50)).activation(activations[pick(0, 6)]), ++stages;
    Conv op;
    op.strides = {pick(1, 3), pick(1, 3)};
    op.dilations = {pick(1, 2), pick(1, 2)};
    op.pads = {pick(0, 2), pick(0, 2), pick(0, 2), pick(0, 2)};
    c.depthwise({pick(1, 3), pick(1, 3)}, op, pick(1, 2)).activation(activations[pick(0, 6)]);
    ++stages;
    if (stages == 1 || pick(0, 3) > 0) {
      c.conv(pick(8, 30)).activation(activations[pick(0, 6)]), ++stages;
    }
    c.check(1);
  }
}

}  // namespace
}  // namespace ferry
