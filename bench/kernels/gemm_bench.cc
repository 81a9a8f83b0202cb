// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "kernels/gemm/gemm.h"
#include "roof.h"

namespace ferry {
namespace {

struct Shape {
  int64_t m, k, n;
};

void gemm(benchmark::State& state, Isa isa, Shape shape) {
  const GemmKernels& kernels = gemm_kernels(isa);
  const GemmBlocking blocking = gemm_blocking();
  const Buffer a(shape.m * shape.k), b(shape.k * shape.n), c(shape.m * shape.n), bias(shape.n);
  const Buffer packed(gemm_packed_size(kernels, shape.k, shape.n));
  gemm_pack_b(kernels, b.get(), shape.n, 1, shape.k, shape.n, packed.get());
  GemmArgs args;
  args.m = shape.m, args.n = shape.n, args.k = shape.k;
  args.a = a.get(), args.lda = shape.k;
  args.packed_b = packed.get();
  args.c = c.get(), args.ldc = shape.n;
  args.bias = bias.get();
  args.lo = 0;
  gemm_tile(kernels, blocking, args, 0, shape.m, 0, shape.n);
  const auto wanted = [&](int64_t at) {
    const int64_t i = at / shape.n, j = at % shape.n;
    double sum = bias.get()[j];
    for (int64_t k = 0; k < shape.k; ++k) {
      sum += static_cast<double>(a.get()[i * shape.k + k]) * b.get()[k * shape.n + j];
    }
    return std::max(sum, 0.0);
  };
  if (!is_right(
          state, shape.m * shape.n, [&](int64_t i) { return c.get()[i]; }, wanted))
    return;
  const double flops = 2.0 * static_cast<double>(shape.m * shape.k * shape.n);
  measure_flops(state, isa, flops,
                [&] { gemm_tile(kernels, blocking, args, 0, shape.m, 0, shape.n); });
  if (shape.m <= 4) {
    const int64_t bytes = shape.k * shape.n * 4;
    const double rate = state.counters["gflops"] / (2.0 * static_cast<double>(shape.m)) * 4;
    state.counters["gbytes"] = rate;
    state.counters["of_read"] = rate / read_roof(isa, bytes);
  }
}

}  // namespace

void register_gemm(Isa isa) {
  constexpr Shape kShapes[] = {{1024, 1024, 1024},
                               {128, 768, 3072},
                               {128, 3072, 768},
                               {197, 768, 768},
                               // 1x1 convolutions
                               {3136, 64, 256},
                               {3136, 256, 64},
                               {196, 1024, 256},
                               {196, 256, 1024},
                               {49, 512, 2048},
                               {49, 2048, 512},
                               {3136, 24, 144},
                               {3136, 144, 24},
                               {589824, 64, 32},
                               // few rows
                               {1, 768, 3072},
                               {2, 768, 3072},
                               {3, 768, 3072},
                               {4, 768, 3072},
                               {16, 768, 3072},
                               {1, 768, 50257},
                               {1, 1280, 1000},
                               // attention
                               {128, 64, 128},
                               {1500, 64, 1500}};
  for (const Shape& s : kShapes) {
    const std::string name = std::string(isa_name(isa)) + "/gemm/" + std::to_string(s.m) + "x" +
                             std::to_string(s.k) + "x" + std::to_string(s.n);
    add_benchmark(name, [=](benchmark::State& state) { gemm(state, isa, s); });
  }
}

}  // namespace ferry
