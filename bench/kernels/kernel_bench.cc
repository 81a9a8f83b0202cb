// SPDX-License-Identifier: Apache-2.0
// Kernel benchmarks, one core. `of_roof` is the share of the fp32 multiply-add rate measured in the
// same process; the fastest run counts, because other work on the machine only ever adds time.
//
//   kernel_bench --benchmark_filter=avx512/gemm
#include <array>
#include <vector>

#include "roof.h"

namespace ferry {

double fp32_roof(Isa isa) {
  static std::array<double, 3> best = {};
  const RoofKernels& roof = FERRY_SELECT_ISA_TABLE(isa, kRoof);
  double& seen = best[static_cast<size_t>(isa)];
  constexpr int64_t kSteps = 200'000;
  for (int run = 0; run < (seen == 0 ? 40 : 3); ++run) {
    const double start = seconds_now();
    roof.multiply_add(kSteps);
    const double rate =
        static_cast<double>(kSteps * roof.flops_per_step) / (seconds_now() - start) * 1e-9;
    seen = std::max(seen, rate);
  }
  return seen;
}

double read_roof(Isa isa, int64_t bytes) {
  const RoofKernels& roof = FERRY_SELECT_ISA_TABLE(isa, kRoof);
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
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  for (const ferry::Isa isa : ferry::supported_isas()) {
    benchmark::AddCustomContext("fp32_roof_gflops_" + std::string(ferry::isa_name(isa)),
                                std::to_string(ferry::fp32_roof(isa)));
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
