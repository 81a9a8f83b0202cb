// SPDX-License-Identifier: Apache-2.0
// prefer = memory: fewer bytes, the same results within rounding.
#include <gtest/gtest.h>

#include <cstring>

#include "ops/nn/conv.h"
#include "ops_cpu/kernels.h"
#include "runtime/run_tester.h"

namespace ferry {
namespace {

const SessionOptions kMemory{.threads = 1, .prefer = Prefer::kMemory};

struct Network : RunTester {
  ValueId x = input({Dim::symbol("N"), 32, 24, 24});

  ValueId conv(ValueId v, int64_t from, int64_t to, int64_t kernel = 3) {
    Conv op;
    op.pads.assign(4, kernel / 2);
    return node(make_op("Conv", op), {v, weights({to, from, kernel, kernel}), weights({to})});
  }

  std::unique_ptr<Engine> made(const SessionOptions& options) {
    auto e = Engine::create(graph, options, cpu_kernels());
    EXPECT_TRUE(e.ok()) << e.status().to_string();
    return e.ok() ? *std::move(e) : nullptr;
  }

  // Bytes that the session has held at most by the end of its second run.
  uint64_t peak_after_runs(Engine& engine) {
    const std::vector<Value> in = inputs({{"N", 1}});
    for (int i = 0; i < 2; ++i) {
      std::vector<Value> out;
      EXPECT_TRUE(engine.run(in, out, {}).ok());
    }
    return engine.report().peak_bytes;
  }
};

struct Convolutions : Network {
  Convolutions() {
    ValueId v = x;
    for (int i = 0; i < 4; ++i) v = conv(v, i == 0 ? 32 : 96, 96);
    output(conv(v, 96, 8, 1));
  }
};

TEST(PreferMemory, WeightsAreNotTransformed) {
  Convolutions t;
  const auto speed = t.made({.threads = 1}), memory = t.made(kMemory);
  const SessionReport fast = speed->report(), small = memory->report();
  EXPECT_GT(fast.packed_bytes, 3 * small.packed_bytes);
  int said = 0;
  for (const auto& step : small.steps) {
    EXPECT_EQ(step.kernel.find("winograd"), std::string::npos) << step.kernel;
    said += step.tactic.find("memory is preferred") != std::string::npos;
  }
  EXPECT_EQ(said, 4);
  EXPECT_LT(2 * t.peak_after_runs(*memory), t.peak_after_runs(*speed));
}

TEST(PreferMemory, ResultsAreRight) {
  Network t;
  t.output(t.conv(t.conv(t.x, 32, 48), 48, 8, 1));
  t.engine(kMemory);
  t.check({{"N", 2}}, 1e-4);
}

// Sources go as soon as they are packed: they and the packed weights are never all there.
TEST(PreferMemory, PeakWhileLoadingIsThatOfTheWeights) {
  Convolutions t;
  for (const Prefer prefer : {Prefer::kSpeed, Prefer::kMemory}) {
    const auto engine = t.made({.threads = 1, .prefer = prefer});
    const SessionReport report = engine->report();
    EXPECT_LE(static_cast<double>(report.peak_bytes),
              1.15 * static_cast<double>(report.packed_bytes));
    EXPECT_LE(report.used_bytes, report.peak_bytes);
  }
}

TEST(PreferMemory, ExactResultsAreTheSameBits) {
  Convolutions t;
  const std::vector<Value> in = t.inputs({{"N", 1}});
  std::vector<Value> speed, memory;
  ASSERT_TRUE(t.made({.threads = 1, .accuracy = Accuracy::kExact})->run(in, speed, {}).ok());
  ASSERT_TRUE(t.made({.threads = 1, .accuracy = Accuracy::kExact, .prefer = Prefer::kMemory})
                  ->run(in, memory, {})
                  .ok());
  const Tensor &a = speed[0].tensor(), &b = memory[0].tensor();
  ASSERT_EQ(a.describe(), b.describe());
  EXPECT_EQ(std::memcmp(a.raw(), b.raw(), a.size_bytes()), 0);
}

TEST(PreferMemory, BetweenRunsNoBuffersAreKept) {
  Convolutions t;
  const std::vector<Value> in = t.inputs({{"N", 1}});
  for (const bool memory : {false, true}) {
    const auto engine = t.made(memory ? kMemory : SessionOptions{.threads = 1});
    std::vector<Value> out;
    ASSERT_TRUE(engine->run(in, out, {}).ok());
    const uint64_t output = out[0].tensor().size_bytes();
    const uint64_t held = engine->report().used_bytes;
    out.clear();
    if (memory)
      EXPECT_LE(engine->report().used_bytes + output, held);
    else
      EXPECT_EQ(engine->report().used_bytes, held);
  }
}

TEST(PreferMemory, UnknownValuesAreRefused) {
  Convolutions t;
  const auto made = Engine::create(t.graph, {.prefer = static_cast<Prefer>(2)}, cpu_kernels());
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.status().code(), Code::kInvalidArgument);
  EXPECT_NE(made.status().message().find("prefer is 2"), std::string::npos);
}

// Outputs that are not the model's own are planned from the source again.
TEST(PreferMemory, InnerValuesCanBeAskedForAfterWeightsAreGone) {
  Convolutions t;
  const auto engine = t.made(kMemory);
  const std::string name = t.graph.value(t.graph.node(t.graph.first()).outputs[0]).name;
  std::vector<Value> out;
  const Status s = engine->run_for(t.inputs({{"N", 1}}), {name}, out, {});
  ASSERT_TRUE(s.ok()) << s.to_string();
  EXPECT_EQ(out[0].tensor().describe(), "f32[1,96,24,24]");
}

}  // namespace
}  // namespace ferry
