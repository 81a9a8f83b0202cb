// SPDX-License-Identifier: Apache-2.0
// The fp32 roof of one core at one instruction set, and timing by the fastest of many runs.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "kernels/roof/roof.h"

namespace ferry {

// Set by the first benchmark with wrong results.
bool& wrong_results();

// Multiply-adds per second right now (as 2 flops), in Gflop/s, from a run of some 100 us.
double fp32_rate(Isa isa);

// GB/s of reading `bytes` again and again.
double read_roof(Isa isa, int64_t bytes);

// Time that this thread has been running: a neighbour on the same core does not count.
inline double seconds_now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// The value that a tenth of `v` lies below: the fast runs, without the luckiest.
inline double tenth_percentile(std::vector<double>& v) {
  const auto at = v.begin() + static_cast<int64_t>(v.size()) / 10;
  std::nth_element(v.begin(), at, v.end());
  return *at;
}

// Runs `work` until the benchmark is satisfied, each time beside a short run of the multiply-add
// loop, because clocks and neighbours change. Reports the 10th percentile of time, and its rate as
// a fraction of the loop's.
template <class Work>
void measure_flops(benchmark::State& state, Isa isa, double flops, const Work& work) {
  work();
  std::vector<double> seconds, roof_seconds;
  for (auto _ : state) {
    roof_seconds.push_back(1 / fp32_rate(isa));
    const double start = seconds_now();
    work();
    seconds.push_back(seconds_now() - start);
  }
  const double time = tenth_percentile(seconds), rate = flops / time * 1e-9;
  state.counters["p10_us"] = time * 1e6;
  state.counters["gflops"] = rate;
  state.counters["of_roof"] = rate * tenth_percentile(roof_seconds);
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

// Compares `seen(i)` with `wanted(i)` at some of [0, count): a benchmark of wrong results is none.
// False, and the benchmark is an error, where they differ by more than 1e-3 of the largest.
template <class Seen, class Wanted>
bool is_right(benchmark::State& state, int64_t count, const Seen& seen, const Wanted& wanted) {
  constexpr int64_t kPoints = 101;  // a prime: the points meet all tails
  double largest = 0, difference = 0;
  for (int64_t p = 0; p < kPoints; ++p) {
    const int64_t i = p + 1 == kPoints ? count - 1 : p * (count / kPoints + 1) % count;
    const double w = wanted(i);
    largest = std::max(largest, std::abs(w));
    difference = std::max(difference, std::abs(static_cast<double>(seen(i)) - w));
  }
  if (difference <= 1e-3 * largest) return true;
  wrong_results() = true;
  state.SkipWithError("wrong result");
  return false;
}

// Each adds its benchmarks for one instruction set.
void register_gemm(Isa isa);
void register_conv(Isa isa);
void register_rows(Isa isa);
void register_threads();

// What all benchmarks share: unit and length, one iteration in a smoke run.
void add_benchmark(const std::string& name, std::function<void(benchmark::State&)> run);

}  // namespace ferry
