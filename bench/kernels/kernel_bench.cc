// SPDX-License-Identifier: Apache-2.0
// Kernel benchmarks, one core. `of_roof` is the share of the fp32 multiply-add rate measured in the
// same process; the fastest run counts, because other work on the machine only ever adds time.
//
//   kernel_bench --benchmark_filter=avx512/gemm
//   kernel_bench --smoke                           every one once: it runs, and its results are
//   right
#include <algorithm>
#include <cstring>

#include "roof.h"

namespace ferry {
namespace {
bool smoke = false;
}

bool& wrong_results() {
  static bool wrong = false;
  return wrong;
}

void add_benchmark(const std::string& name, std::function<void(benchmark::State&)> run) {
  auto* b = benchmark::RegisterBenchmark(
      name.c_str(), [run = std::move(run)](benchmark::State& state) { run(state); });
  b->Unit(benchmark::kMicrosecond);
  if (smoke)
    b->Iterations(1);
  else
    b->MinTime(0.2);
}

double fp32_rate(Isa isa) {
  const RoofKernels& roof = roof_kernels(isa);
  constexpr int64_t kSteps = 20'000;
  const double start = seconds_now();
  roof.multiply_add(kSteps);
  return static_cast<double>(kSteps * roof.flops_per_step) / (seconds_now() - start) * 1e-9;
}

double read_roof(Isa isa, int64_t bytes) {
  const RoofKernels& roof = roof_kernels(isa);
  const Buffer data(bytes / 4);
  double best = 0;
  for (int run = 0; run < 20; ++run) {
    const double start = seconds_now();
    benchmark::DoNotOptimize(roof.read(data.get(), bytes / 4));
    best = std::max(best, static_cast<double>(bytes) / (seconds_now() - start) * 1e-9);
  }
  return best;
}

}  // namespace ferry

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--smoke") == 0) {
    ferry::smoke = true;
    argv[1] = argv[0];
    --argc, ++argv;
  }
  for (const ferry::Isa isa : ferry::supported_isas()) {
    ferry::register_gemm(isa);
    ferry::register_conv(isa);
    ferry::register_rows(isa);
  }
  ferry::register_threads();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return ferry::wrong_results() ? 1 : 0;
}
