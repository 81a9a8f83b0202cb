// SPDX-License-Identifier: Apache-2.0
// ulp_sweep: the largest error of each vector function of one float against double precision.
//
//   ulp_sweep [--step N] [--op NAME] [--isa NAME] [--threads N]
//
// Every N-th of the 2^32 bit patterns (1: all). Per function and instruction set: the largest error
// in units in the last place where |result| is normal, and where it was. What is subnormal, as an
// input or as a result, may count as zero.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/cpu.h"
#include "kernels/eltwise/eltwise.h"

namespace ferry {
namespace {

double sigmoid(double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }

struct Function {
  const char* name;
  EltOp op;
  double (*exact)(double);
  float p = 0, q = 0;
};

const Function kFunctions[] = {
    {"Abs", EltOp::kAbs, [](double x) { return std::fabs(x); }},
    {"Neg", EltOp::kNeg, [](double x) { return -x; }},
    {"Relu", EltOp::kRelu, [](double x) { return x < 0 ? 0 : x; }},
    {"Floor", EltOp::kFloor, [](double x) { return std::floor(x); }},
    {"Ceil", EltOp::kCeil, [](double x) { return std::ceil(x); }},
    {"Round", EltOp::kRound, [](double x) { return std::nearbyint(x); }},
    {"Sqrt", EltOp::kSqrt, [](double x) { return std::sqrt(x); }},
    {"Reciprocal", EltOp::kReciprocal, [](double x) { return 1 / x; }},
    {"Softsign", EltOp::kSoftsign, [](double x) { return x / (1 + std::fabs(x)); }},
    {"Exp", EltOp::kExp, [](double x) { return std::exp(x); }},
    {"Tanh", EltOp::kTanh, [](double x) { return std::tanh(x); }},
    {"Erf", EltOp::kErf, [](double x) { return std::erf(x); }},
    {"Sigmoid", EltOp::kSigmoid, sigmoid},
    {"Swish", EltOp::kSwish, [](double x) { return x * sigmoid(x); }, 1},
    {"Elu", EltOp::kElu, [](double x) { return x < 0 ? std::expm1(x) : x; }, 1},
    {"Gelu", EltOp::kGelu, [](double x) { return 0.5 * x * std::erfc(-x * std::sqrt(0.5)); }},
    {"Gelu(tanh)", EltOp::kGeluTanh,
     [](double x) {
       return x * sigmoid(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
     }},
};

struct Worst {
  double ulps = 0;
  float at = 0;
  uint64_t over_two = 0, counted = 0;
};

float from_bits(uint64_t bits) {
  const auto b = static_cast<uint32_t>(bits);
  float f;
  std::memcpy(&f, &b, sizeof(f));
  return f;
}

double error_in_ulps(float got, double want) {
  const double normal = static_cast<double>(std::numeric_limits<float>::min());
  if (std::isnan(want)) return std::isnan(got) ? 0 : std::numeric_limits<double>::infinity();
  const auto rounded = static_cast<float>(want);
  if (std::isinf(rounded)) return got == rounded || std::fabs(got) >= 3.4e38f ? 0 : INFINITY;
  if (std::fabs(want) < normal) return std::fabs(got) <= 2 * normal ? 0 : INFINITY;
  const double ulp = std::ldexp(1.0, std::ilogb(rounded) - 23);
  return std::fabs(static_cast<double>(got) - want) / ulp;
}

void sweep(const Function& f, Isa isa, uint64_t first, uint64_t end, uint64_t step, Worst& worst) {
  constexpr int64_t kBlock = 1024;
  std::vector<float> x(kBlock), y(kBlock);
  for (uint64_t bits = first; bits < end; bits += step * kBlock) {
    int64_t n = 0;
    for (; n < kBlock && bits + static_cast<uint64_t>(n) * step < end; ++n) {
      x[static_cast<size_t>(n)] = from_bits(bits + static_cast<uint64_t>(n) * step);
    }
    elt_kernels(isa).apply(f.op, x.data(), x.data(), y.data(), n, f.p, f.q);
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
      if (!std::isnormal(x[i])) continue;  // subnormals may count as zero; the rest in the tests
      const double ulps = error_in_ulps(y[i], f.exact(static_cast<double>(x[i])));
      ++worst.counted;
      worst.over_two += ulps > 2;
      if (ulps > worst.ulps) worst.ulps = ulps, worst.at = x[i];
    }
  }
}

void report(const Function& f, Isa isa, uint64_t step, uint64_t threads) {
  constexpr uint64_t kAll = uint64_t{1} << 32;
  std::vector<Worst> parts(threads);
  std::vector<std::thread> team;
  for (uint64_t t = 0; t < threads; ++t) {
    const uint64_t from = kAll / step * t / threads * step;
    const uint64_t end = t + 1 == threads ? kAll : kAll / step * (t + 1) / threads * step;
    team.emplace_back([&, t, from, end] { sweep(f, isa, from, end, step, parts[t]); });
  }
  for (std::thread& t : team) t.join();
  Worst worst;
  for (const Worst& w : parts) {
    if (w.ulps > worst.ulps) worst.ulps = w.ulps, worst.at = w.at;
    worst.over_two += w.over_two;
    worst.counted += w.counted;
  }
  fmt::print("{:12} {:7} {:10.2f} ULP at {:<15.9g} beyond 2 ULP: {} of {}\n", f.name, isa_name(isa),
             worst.ulps, worst.at, worst.over_two, worst.counted);
  std::fflush(stdout);
}

}  // namespace
}  // namespace ferry

int main(int argc, char** argv) {
  uint64_t step = 4099, threads = 2;
  std::string op, isa;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view key = argv[i], value = argv[i + 1];
    if (key == "--step")
      step = std::stoull(std::string(value));
    else if (key == "--threads")
      threads = std::stoull(std::string(value));
    else if (key == "--op")
      op = value;
    else if (key == "--isa")
      isa = value;
  }
  if (step == 0 || threads == 0) return 2;
  for (const ferry::Function& f : ferry::kFunctions) {
    if (!op.empty() && op != f.name) continue;
    for (const ferry::Isa i : ferry::supported_isas()) {
      if (isa.empty() || isa == ferry::isa_name(i)) ferry::report(f, i, step, threads);
    }
  }
  return 0;
}
