// SPDX-License-Identifier: Apache-2.0
// A model with weights of every kind, and a folder to keep its program in.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "ops/math/gemm.h"
#include "ops/nn/conv.h"
#include "ops/nn/conv_transpose.h"
#include "ops/registry.h"
#include "ops/rnn/recurrent.h"
#include "ops/tensor/gather.h"
#include "ops/tensor/transpose.h"
#include "ops_cpu/kernels.h"
#include "runtime/run_tester.h"

namespace ferry {

class ProgramCacheTester : public RunTester {
 public:
  ProgramCacheTester() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ferry-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "no folder for the test";
    folder_ = pattern;
  }
  ~ProgramCacheTester() { std::filesystem::remove_all(folder_); }

  // Winograd, direct, depthwise, 1x1 and transposed convolutions with tails; products; an embedding
  // that is read as it is, and packed too; a recurrent layer; a body; an internal field.
  void build_model() {
    const ValueId image = input({Dim::symbol("N"), 8, 16, 16});
    const auto conv = [&](ValueId x, int64_t stride, const Dims& dims) {
      Conv op;
      op.strides = {stride, stride};
      op.pads = std::vector<int64_t>(4, dims[2] / 2);
      op.group = dims[1] == 1 ? dims[0] : 1;
      const ValueId b = weights({dims[0]});
      return unary("Relu", node(make_op("Conv", op), {x, weights(dims), b}));
    };
    ValueId x = conv(image, 1, {48, 8, 3, 3});
    x = conv(x, 1, {48, 48, 3, 3});
    x = conv(x, 1, {48, 1, 3, 3});
    x = conv(x, 2, {16, 48, 5, 5});
    x = binary("Add", conv(x, 1, {16, 16, 1, 1}), x);
    ConvTranspose up;
    up.strides = {2, 2};
    output(node(make_op("ConvTranspose", up), {x, weights({16, 4, 2, 2}), weights({4})}));

    const ValueId words = input({5}, DType::kInt64), table = weights({300, 64});
    ValueId rows = node(make_op("Gather", Gather{}), {table, words});
    rows = node(make_op("Gemm", Gemm{.alpha = 0.5f, .trans_b = true}),
                {rows, weights({64, 64}), weights({64})});
    rows = unary("Tanh", binary("Add", rows, weights({64})));
    Transpose swap;
    swap.perm = {1, 0};
    output(node(make_op("MatMul"), {rows, node(make_op("Transpose", swap), {table})}));

    const ValueId sequence = input({Dim::symbol("T"), 1, 12});
    Recurrent gru;
    gru.kind = RecurrentKind::kGru;
    gru.hidden_size = 20;
    Op op(op_registry().find("GRU"), std::make_shared<const Recurrent>(gru));
    output(
        node(op, {sequence, weights({1, 60, 12}), weights({1, 60, 20}), weights({1, 120})}, 1)[0]);
  }

  SessionOptions options() const { return {.threads = 1, .cache = folder_, .verify_cache = true}; }

  std::unique_ptr<Engine> make(const SessionOptions& o) {
    auto made = Engine::create(graph, o, cpu_kernels());
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    return made.ok() ? *std::move(made) : nullptr;
  }
  // The outputs' bytes, one after the other.
  std::string results(Engine& e) {
    std::vector<Value> out;
    const Status s = e.run(inputs({{"N", 2}, {"T", 7}}), out, {});
    EXPECT_TRUE(s.ok()) << s.to_string();
    std::string all;
    for (const Value& v : out) {
      all.append(static_cast<const char*>(v.tensor().raw()), v.tensor().size_bytes());
    }
    return all;
  }
  static std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write(const std::string& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      names.push_back(entry.path().string());
    }
    return names;
  }

  // Those that are finished.
  void remove_programs() const {
    std::error_code gone;
    for (const std::string& f : files()) {
      if (f.find("unfinished") == f.npos) std::filesystem::remove(f, gone);
    }
  }

  std::string folder_;
};

}  // namespace ferry
