// SPDX-License-Identifier: Apache-2.0
// The fp32 roof of one core at one instruction set, and timing by the fastest of many runs.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <new>

#include "kernels/isa.h"

namespace ferry {

struct RoofKernels {
  int64_t flops_per_step;
  void (*multiply_add)(int64_t steps) noexcept;
  float (*read)(const float* x, int64_t n) noexcept;
};
FERRY_DECLARE_ISA_TABLE(RoofKernels, kRoof)

// Multiply-adds per second (as 2 flops), in Gflop/s: the best of what has been seen so far in this
// process.
double fp32_roof(Isa isa);

// GB/s of reading `bytes` again and again.
double read_roof(Isa isa, int64_t bytes);

// Time that this thread has been running: a neighbour on the same core does not count.
inline double seconds_now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// Runs `work` until the benchmark is satisfied; reports by its fastest run: Gflop/s and the
// fraction of the roof.
template <class Work>
void measure_flops(benchmark::State& state, Isa isa, double flops, const Work& work) {
  work();
  double best = 1e9;
  for (auto _ : state) {
    const double start = seconds_now();
    work();
    best = std::min(best, seconds_now() - start);
  }
  state.counters["best_us"] = best * 1e6;
  state.counters["gflops"] = flops / best * 1e-9;
  state.counters["of_roof"] = flops / best * 1e-9 / fp32_roof(isa);
}

// 64-byte aligned floats, filled with small numbers.
class Buffer {
 public:
  explicit Buffer(int64_t n)
      : data_(static_cast<float*>(
            std::aligned_alloc(64, static_cast<size_t>(n + 32) * 4 / 64 * 64))) {
    for (int64_t i = 0; i < n; ++i) data_[i] = static_cast<float>(i % 17) * 0.01f - 0.05f;
  }
  ~Buffer() { std::free(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  float* get() const { return data_; }

 private:
  float* data_;
};

// Each adds its benchmarks for one instruction set.
void register_gemm(Isa isa);

}  // namespace ferry
