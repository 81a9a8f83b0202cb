// SPDX-License-Identifier: Apache-2.0
// A run ends soon after its deadline, or after it is cancelled, in the middle of one long step too.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>

#include "onnx/import.h"
#include "onnx/test_model.h"
#include "ops_cpu/kernels.h"
#include "runtime/engine.h"

namespace ferry {
namespace {

using namespace onnx::proto;  // NOLINT: the vocabulary of these tests
using Clock = std::chrono::steady_clock;

std::unique_ptr<Engine> engine_of(const std::string& model_bytes, bool reference, int threads) {
  auto imported = onnx::import_bytes(bytes(model_bytes), nullptr);
  EXPECT_TRUE(imported.ok()) << imported.status().to_string();
  if (!imported.ok()) return nullptr;
  auto engine = Engine::create(*imported->graph,
                               {.threads = threads, .reference_kernels = reference}, cpu_kernels());
  EXPECT_TRUE(engine.ok()) << engine.status().to_string();
  return engine.ok() ? *std::move(engine) : nullptr;
}

Value ones(const Dims& dims) {
  Tensor t = Tensor::allocate(DType::kFloat32, dims).value();
  std::fill_n(t.data<float>(), t.count(), 1.0f);
  return Value(std::move(t));
}

std::string chain(const Messages& nodes, const Names& dims, const Names& second = {}) {
  Messages inputs = {value("x", dims)};
  if (!second.empty()) inputs.push_back(value("w", second));
  return model(graph({.nodes = nodes, .inputs = inputs, .outputs = {value("y", {})}}));
}

struct Case {
  const char* name;
  std::string model;
  std::vector<Dims> dims;
  bool reference;
};

std::vector<Case> cases() {
  const Names matrix = {"N", "K"}, image = {"N", "C", "H", "W"};
  std::vector<float> data(64 * 64 * 3 * 3, 0.01f);
  const std::string conv =
      model(graph({.nodes = {node("Conv", {"x", "w"}, {"y"}, {ints_attr("pads", {1, 1, 1, 1})})},
                   .inputs = {value("x", image)},
                   .outputs = {value("y", {"", "", "", ""})},
                   .initializers = {tensor("w", {64, 64, 3, 3}, data)}}));
  const std::string relu_chain = chain({node("Exp", {"x"}, {"a"}), node("Tanh", {"a"}, {"b"}),
                                        node("Erf", {"b"}, {"c"}), node("Exp", {"c"}, {"y"})},
                                       matrix);
  const std::string product = chain({node("MatMul", {"x", "w"}, {"y"})}, matrix, {"K2", "M"});
  const std::string einsum = chain(
      {node("Einsum", {"x", "x", "x"}, {"y"}, {string_attr("equation", "ab,cd,ef->a")})}, matrix);
  const std::string random = chain({node("RandomNormalLike", {"x"}, {"y"})}, matrix);
  const std::string pool =
      chain({node("MaxPool", {"x"}, {"y"},
                  {ints_attr("kernel_shape", {31, 31}), ints_attr("pads", {15, 15, 15, 15})})},
            image);
  return {{"matrix product", product, {{2200, 2200}, {2200, 2200}}, false},
          {"matrix product, reference", product, {{700, 700}, {700, 700}}, true},
          {"convolution", conv, {{1, 64, 700, 700}}, false},
          {"convolution, reference", conv, {{1, 64, 120, 120}}, true},
          {"elementwise", relu_chain, {{4000, 8000}}, false},
          {"elementwise, reference", relu_chain, {{1000, 8000}}, true},
          {"einsum", einsum, {{100, 100}}, false},
          {"random numbers", random, {{2000, 8000}}, false},
          {"pool", pool, {{1, 64, 400, 400}}, false},
          {"pool, reference", pool, {{1, 8, 200, 200}}, true}};
}

TEST(Deadline, ANegativeOneHasPassed) {
  const auto engine = engine_of(chain({node("Exp", {"x"}, {"y"})}, {"N", "K"}), false, 1);
  ASSERT_NE(engine, nullptr);
  const Value x = ones({2000, 2000});
  std::vector<Value> y;
  RunOptions options;
  options.timeout = std::chrono::nanoseconds(-1);
  const Status status = engine->run(std::span(&x, 1), y, options);
  EXPECT_EQ(status.code(), Code::kDeadlineExceeded) << status.to_string();
}

TEST(Deadline, EndsOneLongStep) {
  constexpr std::chrono::milliseconds kTimeout{20};
  double worst = 0;
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    std::vector<Value> inputs;
    for (const Dims& dims : c.dims) inputs.push_back(ones(dims));
    for (int threads : {1, 2}) {
      const auto engine = engine_of(c.model, c.reference, threads);
      ASSERT_NE(engine, nullptr);
      std::vector<Value> outputs;
      const auto start = Clock::now();
      const Status status = engine->run(inputs, outputs, {.timeout = kTimeout});
      const std::chrono::duration<double, std::milli> late = Clock::now() - start - kTimeout;
      // A machine that is fast enough to finish has not missed its deadline.
      if (status.ok()) {
        EXPECT_LT(late.count(), 1000);
        continue;
      }
      EXPECT_EQ(status.code(), Code::kDeadlineExceeded) << status.to_string();
      EXPECT_LT(late.count(), 1000);
      std::printf("%-28s %d threads: %.1f ms late\n", c.name, threads, late.count());
      worst = std::max(worst, late.count());
    }
  }
  std::printf("worst: %.1f ms late\n", worst);
}

TEST(Deadline, CancellingEndsOneLongStepAndTheNextRunIsRight) {
  const std::string product = chain({node("MatMul", {"x", "w"}, {"y"})}, {"N", "K"}, {"K2", "M"});
  const auto engine = engine_of(product, true, 1);
  ASSERT_NE(engine, nullptr);
  const std::vector<Value> large = {ones({1500, 1500}), ones({1500, 1500})};
  std::atomic<bool> cancel{false};
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    cancel = true;
  });
  std::vector<Value> outputs;
  const auto start = Clock::now();
  const Status status = engine->run(large, outputs, {.cancel = &cancel});
  canceller.join();
  EXPECT_EQ(status.code(), Code::kCancelled) << status.to_string();
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(2));
  const std::vector<Value> small = {ones({2, 3}), ones({3, 4})};
  ASSERT_TRUE(engine->run(small, outputs, {}).ok());
  EXPECT_EQ(outputs[0].tensor().data<float>()[7], 3.0f);
}

TEST(Deadline, LongTimeoutsDoNotOverflow) {
  const auto engine = engine_of(chain({node("Relu", {"x"}, {"y"})}, {"N", "K"}), false, 1);
  ASSERT_NE(engine, nullptr);
  const std::vector<Value> inputs = {ones({2, 3})};
  std::vector<Value> outputs;
  EXPECT_TRUE(engine->run(inputs, outputs, {.timeout = std::chrono::nanoseconds::max()}).ok());
}

}  // namespace
}  // namespace ferry
