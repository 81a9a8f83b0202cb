// SPDX-License-Identifier: Apache-2.0
// Row and elementwise kernels on data that stays in the cache, in elements per second; and what a
// team of threads costs.
#include "base/thread_pool.h"
#include "kernels/eltwise/eltwise.h"
#include "kernels/rows/rows.h"
#include "roof.h"

namespace ferry {
namespace {

template <class Work>
void measure_elements(benchmark::State& state, int64_t n, const Work& work) {
  constexpr int kRepeats = 20;  // above the clock's resolution
  std::vector<double> seconds;
  for (auto _ : state) {
    const double start = seconds_now();
    for (int i = 0; i < kRepeats; ++i) work();
    seconds.push_back((seconds_now() - start) / kRepeats);
  }
  const double time = tenth_percentile(seconds);
  state.counters["p10_us"] = time * 1e6;
  state.counters["Gel/s"] = static_cast<double>(n) / time * 1e-9;
}

constexpr int64_t kRows = 16;

void softmax(benchmark::State& state, Isa isa, int64_t n) {
  const Buffer x(kRows * n), y(kRows * n);
  const auto work = [&] { row_kernels(isa).softmax(x.get(), y.get(), kRows, n, false, {}); };
  work();
  const auto wanted = [&](int64_t at) {
    const float* row = x.get() + at / n * n;
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(row[i]));
    return std::exp(static_cast<double>(row[at % n])) / sum;
  };
  if (!is_right(
          state, kRows * n, [&](int64_t i) { return y.get()[i]; }, wanted))
    return;
  measure_elements(state, kRows * n, work);
}

void layer_norm(benchmark::State& state, Isa isa, int64_t n) {
  const Buffer x(kRows * n), y(kRows * n), scale(n), bias(n);
  NormArgs<float> args;
  args.scale = scale.get(), args.bias = bias.get(), args.epsilon = 1e-5f;
  const auto work = [&] { row_kernels(isa).normalize(x.get(), y.get(), kRows, n, args); };
  work();
  const auto wanted = [&](int64_t at) {
    const float* row = x.get() + at / n * n;
    double mean = 0, square = 0;
    for (int64_t i = 0; i < n; ++i) mean += row[i];
    mean /= static_cast<double>(n);
    for (int64_t i = 0; i < n; ++i) square += (row[i] - mean) * (row[i] - mean);
    const double deviation = std::sqrt(square / static_cast<double>(n) + 1e-5);
    return (row[at % n] - mean) / deviation * scale.get()[at % n] + bias.get()[at % n];
  };
  if (!is_right(
          state, kRows * n, [&](int64_t i) { return y.get()[i]; }, wanted))
    return;
  measure_elements(state, kRows * n, work);
}

double silu(double x) { return x / (1 + std::exp(-x)); }
double gelu(double x) { return 0.5 * x * (1 + std::erf(x * 0.70710678118654752)); }
double gelu_tanh(double x) {
  return 0.5 * x * (1 + std::tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)));
}

void eltwise(benchmark::State& state, Isa isa, EltOp op, double (*definition)(double)) {
  constexpr int64_t kTile = 4096;
  const Buffer x(kTile), y(kTile);
  const auto work = [&] { elt_kernels(isa).apply(op, x.get(), nullptr, y.get(), kTile, 1, 0); };
  work();
  const auto wanted = [&](int64_t i) { return definition(x.get()[i]); };
  if (!is_right(
          state, kTile, [&](int64_t i) { return y.get()[i]; }, wanted))
    return;
  measure_elements(state, kTile, work);
}

// The cost of handing an empty job to all threads and waiting for them, in wall time.
void fork_join(benchmark::State& state, int threads) {
  Team team(threads);
  if (team.size() < threads) {
    state.SkipWithError("fewer CPUs than threads");
    return;
  }
  int64_t done[64] = {};
  for (auto _ : state) {
    team.parallel(threads, [&](int part, int) { done[part * 8] += 1; });
  }
  for (int part = 1; part < threads; ++part) {
    if (done[part * 8] != done[0]) state.SkipWithError("a part was not run");
  }
}

}  // namespace

void register_rows(Isa isa) {
  const std::string prefix = std::string(isa_name(isa)) + "/";
  for (const int64_t n : {128, 197, 1500}) {
    add_benchmark(prefix + "softmax/" + std::to_string(n),
                  [=](benchmark::State& state) { softmax(state, isa, n); });
  }
  for (const int64_t n : {96, 768}) {
    add_benchmark(prefix + "layer_norm/" + std::to_string(n),
                  [=](benchmark::State& state) { layer_norm(state, isa, n); });
  }
  add_benchmark(prefix + "silu",
                [=](benchmark::State& state) { eltwise(state, isa, EltOp::kSwish, silu); });
  add_benchmark(prefix + "gelu",
                [=](benchmark::State& state) { eltwise(state, isa, EltOp::kGelu, gelu); });
  add_benchmark(prefix + "gelu_tanh",
                [=](benchmark::State& state) { eltwise(state, isa, EltOp::kGeluTanh, gelu_tanh); });
}

void register_threads() {
  add_benchmark("fork_join/2", [](benchmark::State& state) { fork_join(state, 2); });
}

}  // namespace ferry
