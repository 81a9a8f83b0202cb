// SPDX-License-Identifier: Apache-2.0
// Kernel benchmarks, one core. `of_roof` is the share of the fp32 multiply-add rate measured in the
// same process; the fastest run counts, because other work on the machine only ever adds time.
//
//   kernel_bench --benchmark_filter=avx512/gemm
#include "roof.h"

namespace ferry {

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
  for (const ferry::Isa isa : ferry::supported_isas()) {
    ferry::register_gemm(isa);
    ferry::register_conv(isa);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
