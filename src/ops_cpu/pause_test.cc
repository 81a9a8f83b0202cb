// SPDX-License-Identifier: Apache-2.0
// In the middle of one long row kernels ask whether to go on: no bit depends on it, and they leave
// off when they are told to. Nothing here looks at a clock.
#include <climits>
#include <cmath>
#include <cstring>

#include "base/status.h"
#include "ir/infer.h"
#include "kernels/gemm/gemm_paused.h"
#include "kernels/product/product.h"
#include "kernels/reduce/reduce.h"
#include "kernels/rows/double_rows.h"
#include "ops/op_tester.h"

namespace ferry {
namespace {

// Counts questions, and says yes from number `last` on.
struct Asked {
  mutable int times = 0;
  int last = INT_MAX;
  Pause pause() {
    return {[](const void* of) {
              const auto* asked = static_cast<const Asked*>(of);
              return ++asked->times >= asked->last;
            },
            this};
  }
};

// The last piece is longer than a vector of any instruction set, and not a multiple of one.
constexpr int64_t kPieces = 5, kLong = kPieces * (64 << 10) + 77;

using Floats = std::vector<float>;

// `run(isa, pause)` returns its results, which it has asked for at least `least` times.
template <class Run>
void check(const char* name, int least, Run&& run) {
  for (Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (isa > active_isa()) continue;
    SCOPED_TRACE(std::string(name) + " " + std::string(isa_name(isa)));
    const auto whole = run(isa, Pause());
    Asked all;
    const auto pieces = run(isa, all.pause());
    ASSERT_EQ(pieces.size(), whole.size());
    EXPECT_EQ(0, std::memcmp(pieces.data(), whole.data(), whole.size() * sizeof(whole[0])));
    EXPECT_GE(all.times, least);
    // A kernel of several passes may ask in each; each leaves off at once.
    Asked some{.last = 2};
    run(isa, some.pause());
    EXPECT_LT(some.times, all.times);
    EXPECT_LE(some.times, 5);
  }
}

Floats numbers(int64_t n) {
  const Tensor t = random_tensor({n}, 7);
  return {t.data<float>(), t.data<float>() + n};
}

TEST(Pause, Rows) {
  const Floats x = numbers(kLong);
  for (const bool log : {false, true}) {
    check("softmax", 3 * kPieces, [&](Isa isa, const Pause& pause) {
      Floats y(x.size());
      row_kernels(isa).softmax(x.data(), y.data(), 1, kLong, log, pause);
      return y;
    });
    check("softmax_columns", 6, [&](Isa isa, const Pause& pause) {
      Floats y(x.size());
      row_kernels(isa).softmax_columns(x.data(), y.data(), kLong / 3, 3, 3, log, pause);
      return y;
    });
  }
  for (RowReduction kind : {RowReduction::kSum, RowReduction::kMax, RowReduction::kMin,
                            RowReduction::kSumSquare, RowReduction::kL1}) {
    check("reduce", kPieces, [&](Isa isa, const Pause& pause) {
      Floats y(1);
      row_kernels(isa).reduce(kind, x.data(), y.data(), 1, kLong, 1, pause);
      return y;
    });
    for (int64_t cols : {3, 65}) {
      check("reduce_columns", kPieces - 2, [&](Isa isa, const Pause& pause) {
        Floats y(static_cast<size_t>(cols));
        row_kernels(isa).reduce_columns(kind, x.data(), y.data(), kLong / cols, cols, cols, 1,
                                        pause);
        return y;
      });
    }
  }
  for (const bool centred : {false, true}) {
    check("normalize", 2 * kPieces, [&](Isa isa, const Pause& pause) {
      Floats y(x.size());
      NormArgs<float> args;
      args.scale = args.bias = x.data();
      args.centred = centred;
      args.pause = pause;
      row_kernels(isa).normalize(x.data(), y.data(), 1, kLong, args);
      return y;
    });
  }
}

TEST(Pause, RowsOfDoubles) {
  const Tensor t = random_doubles({kLong}, 7);
  const double* x = t.data<double>();
  const auto wanted = static_cast<size_t>(kLong);
  for (const bool log : {false, true}) {
    check("softmax", 3 * kPieces, [&](Isa isa, const Pause& pause) {
      std::vector<double> y(wanted);
      double_row_kernels(isa).softmax(x, y.data(), 1, kLong, log, pause);
      return y;
    });
    check("softmax_columns", 3 * kPieces, [&](Isa isa, const Pause& pause) {
      std::vector<double> y(wanted);
      double_row_kernels(isa).softmax_columns(x, y.data(), kLong / 3, 3, 3, log, pause);
      return y;
    });
  }
  for (const bool centred : {false, true}) {
    check("normalize", 2 * kPieces, [&](Isa isa, const Pause& pause) {
      std::vector<double> y(wanted);
      NormArgs<double> args;
      args.scale = args.bias = x;
      args.centred = centred;
      args.pause = pause;
      double_row_kernels(isa).normalize(x, y.data(), 1, kLong, args);
      return y;
    });
  }
}

TEST(Pause, Reductions) {
  const Floats x = numbers(kLong);
  check("log_sum_exp", 2 * kPieces, [&](Isa isa, const Pause& pause) {
    Floats y(1);
    reduce_kernels(isa).log_sum_exp(x.data(), y.data(), 1, kLong, pause);
    return y;
  });
  check("log_sum_exp_columns", 8, [&](Isa isa, const Pause& pause) {
    Floats y(3);
    reduce_kernels(isa).log_sum_exp_columns(x.data(), y.data(), kLong / 3, 3, 3, pause);
    return y;
  });
  const auto typed = [&]<class T>(T, TypedReduction kind, int64_t cols) {
    std::vector<T> values(static_cast<size_t>(kLong));
    for (size_t i = 0; i < values.size(); ++i) {
      // Less than 0 too, which unsigned numbers take around.
      if constexpr (std::is_integral_v<T>) {
        values[i] = static_cast<T>(std::lround(x[i] * 100));
      } else {
        values[i] = static_cast<T>(x[i] * 100);
      }
    }
    check("typed", kPieces - 1, [&](Isa isa, const Pause& pause) {
      std::vector<T> y(static_cast<size_t>(cols));
      reduce_kernels(isa).typed(kind, dtype_of<T>())(values.data(), y.data(), 1, kLong / cols, cols,
                                                     cols, pause);
      return y;
    });
  };
  for (int64_t cols : {1, 7}) {
    typed(double{}, TypedReduction::kSum, cols);
    typed(int64_t{}, TypedReduction::kMax, cols);
    typed(int32_t{}, TypedReduction::kL1, cols);
    typed(uint8_t{}, TypedReduction::kMin, cols);
    typed(float{}, TypedReduction::kProd, cols);
  }
}

TEST(Pause, LongProducts) {
  constexpr int64_t kDepth = 1 << 20, kRows = 6, kCols = 3;
  const Floats a = numbers(kRows * kDepth), b = numbers(kDepth * kCols);
  for (int64_t chain : {int64_t{0}, kExactChain}) {
    check("gemm", 3, [&](Isa isa, const Pause& pause) {
      const GemmKernels& kernels = gemm_kernels(isa);
      const auto floats = static_cast<size_t>(gemm_packed_size(kernels, kDepth, kCols));
      const auto packed = allocate_buffer(floats * sizeof(float), nullptr).value();
      gemm_pack_b(kernels, b.data(), kCols, 1, kDepth, kCols, static_cast<float*>(packed.get()));
      Floats c(kRows * kCols);
      GemmArgs args;
      args.m = kRows, args.n = args.ldc = kCols, args.k = args.lda = kDepth;
      args.a = a.data(), args.c = c.data();
      args.packed_b = static_cast<const float*>(packed.get());
      args.chain = chain;
      gemm_tile_paused(kernels, gemm_blocking(), args, 0, kRows, 0, kCols, pause);
      return c;
    });
  }
  check("product", 3, [&](Isa isa, const Pause& pause) {
    const std::vector<double> left(a.begin(), a.begin() + kDepth);
    const std::vector<double> right(b.begin(), b.begin() + kDepth);
    const auto scratch = allocate_buffer(kProductScratchBytes, nullptr).value();
    std::vector<double> c(1);
    ProductArgs args;
    args.a = left.data(), args.b = right.data(), args.c = c.data();
    args.m = args.n = 1;
    args.k = args.a_row = kDepth;
    args.a_col = args.b_row = args.b_col = args.c_row = 1;
    args.scratch = scratch.get();
    args.pause = pause;
    product_kernels(isa).of(DType::kFloat64)(args);
    return c;
  });
}

// Runs the reference kernel of an operator as it is by default; `last`: the question that is
// answered with an error. Returns how many there were.
int questions(const char* name, const std::vector<Value>& inputs, int last, Code wanted) {
  Graph graph;
  const OpDef* def = op_registry().find(name);
  Node node;
  node.op = Op(def, def->make());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& t = inputs[i].tensor();
    node.inputs.push_back(
        graph.add_input("i" + std::to_string(i), Type::tensor(t.dtype(), shape_of(t.dims()))));
  }
  node.outputs.push_back(graph.add_value("y"));
  const std::vector<ValueId> outputs = node.outputs;
  const NodeId id = graph.add_node(std::move(node));
  graph.set_outputs(outputs);
  EXPECT_TRUE(infer_node(graph, id).ok());
  int times = 0;
  std::vector<Value> results;
  InterpretOptions options;
  options.poll = [&] { return ++times >= last ? Status(Code::kCancelled, "stop") : Status(); };
  const Status status = interpret(graph, inputs, results, options);
  EXPECT_EQ(code_name(status.code()), code_name(wanted)) << status.to_string();
  return times;
}

TEST(Pause, ReferencesAskInOneRow) {
  const auto doubles = [](const Dims& dims) {
    const Tensor x = random_tensor(dims, 3);
    const std::vector<double> values(x.data<float>(), x.data<float>() + x.count());
    return Value(tensor<double>(dims, values));
  };
  constexpr int64_t kRow = 1 << 18, kPrime = 131071;
  const struct {
    const char* op;
    std::vector<Value> inputs;
    int least;
  } cases[] = {
      {"Softmax", {doubles({kRow})}, 64},
      {"LogSoftmax", {doubles({kRow})}, 64},
      {"LpNormalization", {doubles({kRow})}, 32},
      {"Hardmax", {doubles({kRow})}, 16},
      {"ArgMax", {doubles({kRow})}, 16},
      {"SoftmaxCrossEntropyLoss", {doubles({1, kRow}), ints({5})}, 128},
      {"DFT", {doubles({1, kPrime, 1})}, 1000},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.op);
    const bool endless = c.op == std::string_view("DFT");  // of a prime length: its square
    if (!endless) {
      EXPECT_GE(questions(c.op, c.inputs, INT_MAX, Code::kOk), c.least);
    }
    EXPECT_EQ(questions(c.op, c.inputs, c.least / 2, Code::kCancelled), c.least / 2);
  }
}

}  // namespace
}  // namespace ferry
