// SPDX-License-Identifier: Apache-2.0
// ulp_sweep: the largest error of each operator of one float, as the engine runs it, against double
// precision.
//
//   ulp_sweep [--step N] [--op NAME] [--type NAME] [--isa NAME|all] [--threads N]
//
// Every N-th of the 2^32 bit patterns (default 4099; 1 is all of them), or all 65,536 of --type
// float16 and bfloat16, with accuracy `exact` and `fast`. An error is counted in units in the last
// place of the true value; below the smallest normal number, in those of the subnormals. With
// `fast` a subnormal input may stand for zero, and a result within 2 ULP of the subnormals may be
// zero. Exits with 1 when an error is beyond 2 ULP, of 16-bit types 1. docs/accuracy.md has the
// figures.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/cpu.h"
#include "base/float16.h"
#include "base/status.h"
#include "ir/infer.h"
#include "ops/math/unary.h"
#include "ops/registry.h"
#include "ops_cpu/kernels.h"
#include "runtime/engine.h"
#include "ulp_functions.h"

namespace ferry {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int64_t kBlock = 32768;

// What numbers of a type are: digits of their mantissa, exponents of the smallest normal number and
// of the first power of two beyond the largest, and the error that is allowed.
struct Format {
  DType dtype;
  int digits, lowest, top;
  double limit;
  double normal() const { return std::ldexp(1.0, lowest); }
  double subnormal() const { return std::ldexp(1.0, lowest - digits + 1); }
};
constexpr Format kFloat = {DType::kFloat32, 24, -126, 128, 2};
constexpr Format kHalf = {DType::kFloat16, 11, -14, 16, 1};
constexpr Format kBfloat16 = {DType::kBFloat16, 8, -126, 128, 1};

struct Worst {
  double ulps = 0;
  float at = 0;
  uint64_t beyond = 0;  // inputs whose error is beyond the limit
};

// One operator as an engine runs it, and what it got wrong so far.
struct Subject {
  std::string isa;
  bool exact = true;
  std::unique_ptr<Engine> engine;
  Worst worst;
};

Result<std::unique_ptr<Engine>> make_engine(const Function& f, const Format& format,
                                            const std::string& isa, bool exact) {
  Graph graph;
  const ValueId x = graph.add_input("x", Type::tensor(format.dtype, Shape{Dim::symbol("N")}));
  Node node;
  node.op = make_op(f.op);
  Unary op = *node.op.as<Unary>();
  if (!std::isnan(f.alpha)) op.alpha = f.alpha;
  if (!std::isnan(f.beta)) op.beta = f.beta;
  if (f.approximate != nullptr) op.approximate = f.approximate;
  node.op = make_op(f.op, std::move(op));
  node.inputs = {x};
  node.outputs = {graph.add_value("y")};
  graph.set_outputs(node.outputs);
  graph.add_node(std::move(node));
  FERRY_RETURN_IF_ERROR(infer_graph(graph));
  SessionOptions options{.threads = 1, .optimize = false, .isa = isa};
  options.accuracy = exact ? Accuracy::kExact : Accuracy::kFast;
  return Engine::create(graph, options, cpu_kernels());
}

// Distance of `got` from `want` in units in the last place of `want`; infinity counts as the first
// power of two beyond the largest number. NaN when either is.
struct ErrorInUlps {
  explicit ErrorInUlps(const Format& f)
      : top(std::ldexp(1.0, f.top)),
        normal(f.normal()),
        largest_power(top / 2),
        inverse_ulp_of_one(1022 + f.digits) {}
  double operator()(float got, double want) const {
    const auto clamped = [this](double v) { return v > top ? top : v < -top ? -top : v; };
    const double g = clamped(static_cast<double>(got)), w = clamped(want);
    const double magnitude = std::fabs(w);
    const double in_range = magnitude < normal          ? normal
                            : magnitude < largest_power ? magnitude
                                                        : largest_power;
    const auto exponent = static_cast<int64_t>(std::bit_cast<uint64_t>(in_range) >> 52);
    const auto power = static_cast<uint64_t>(1023 + inverse_ulp_of_one - exponent) << 52;
    return std::fabs(g - w) * std::bit_cast<double>(power);
  }
  double top, normal, largest_power;
  int64_t inverse_ulp_of_one;
};

void compare(const Function& f, const Format& format, bool exact, const float* x,
             const double* want, const float* got, int64_t n, Worst& worst) {
  const ErrorInUlps error_in_ulps(format);
  const double limit = std::min(worst.ulps, format.limit);
  int64_t beyond = 0;
  for (int64_t i = 0; i < n; ++i) beyond += error_in_ulps(got[i], want[i]) <= limit ? 0 : 1;
  if (beyond == 0) return;
  const double normal = format.normal();
  double at_zero = 0;
  const float zero = 0;
  f.reference(f, &zero, &at_zero, 1);
  for (int64_t i = 0; i < n; ++i) {
    if (std::isnan(got[i]) && std::isnan(want[i])) continue;
    double error = error_in_ulps(got[i], want[i]);
    if (error <= limit) continue;
    if (std::isnan(error)) error = kInfinity;
    if (!f.infinite && std::isinf(x[i])) continue;
    if (!exact) {
      if (got[i] == 0 && std::fabs(want[i]) <= normal + 2 * format.subnormal()) continue;
      if (x[i] != 0 && std::fabs(static_cast<double>(x[i])) < normal) {
        const double from_zero =
            std::signbit(x[i]) && f.op == std::string_view("Reciprocal") ? -at_zero : at_zero;
        error = std::min(error, error_in_ulps(got[i], from_zero));
        if (std::fabs(static_cast<double>(got[i])) < normal) {
          error = std::min(error, error_in_ulps(0, from_zero));
        }
      }
    }
    worst.beyond += error > format.limit;
    if (error > worst.ulps) worst.ulps = error, worst.at = x[i];
  }
}

template <class T>
void widen(const void* from, float* to, int64_t n) {
  const T* p = static_cast<const T*>(from);
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<float>(p[i]);
}
const float* as_floats(DType type, const void* p, std::vector<float>& memory, int64_t n) {
  if (type == DType::kFloat32) return static_cast<const float*>(p);
  type == DType::kFloat16 ? widen<half>(p, memory.data(), n) : widen<bfloat16>(p, memory.data(), n);
  return memory.data();
}

bool same_bits(const std::vector<Value>& a, const std::vector<Value>& b) {
  const Tensor &x = a[0].tensor(), &y = b[0].tensor();
  return std::memcmp(x.raw(), y.raw(), static_cast<size_t>(y.size_bytes())) == 0;
}
// Whether `b`, with the same results as `a`, has nothing to learn from them: it forgives as much.
bool no_worse(const Subject& a, const Subject& b, const Format& format) {
  const bool forgives = !b.exact || a.exact;
  return forgives && a.worst.ulps <= format.limit && b.worst.ulps >= a.worst.ulps;
}

// Bit patterns `first`, first + step, ... up to `end`.
Status sweep(const Function& f, const Format& format, uint64_t first, uint64_t end, uint64_t step,
             std::vector<Subject>& subjects) {
  const bool narrow = format.dtype != DType::kFloat32;
  std::vector<uint32_t> words(kBlock);
  std::vector<uint16_t> halves(kBlock);
  std::vector<float> x_floats(kBlock), y_floats(kBlock);
  std::vector<double> want(kBlock);
  std::vector<std::vector<Value>> outs(subjects.size());
  for (uint64_t bits = first; bits < end; bits += step * kBlock) {
    const auto n = static_cast<int64_t>(std::min<uint64_t>(kBlock, (end - bits + step - 1) / step));
    for (int64_t i = 0; i < n; ++i) {
      const uint64_t b = bits + static_cast<uint64_t>(i) * step;
      words[static_cast<size_t>(i)] = static_cast<uint32_t>(b);
      halves[static_cast<size_t>(i)] = static_cast<uint16_t>(b);
    }
    void* memory = narrow ? static_cast<void*>(halves.data()) : static_cast<void*>(words.data());
    const float* x = as_floats(format.dtype, memory, x_floats, n);
    f.reference(f, x, want.data(), n);
    const std::vector<Value> in = {Tensor::borrow(format.dtype, {n}, memory)};
    for (size_t s = 0; s < subjects.size(); ++s) {
      FERRY_RETURN_IF_ERROR(subjects[s].engine->run(in, outs[s], {}));
      const void* got = outs[s][0].tensor().raw();
      if (s > 0 && same_bits(outs[s - 1], outs[s]) &&
          no_worse(subjects[s - 1], subjects[s], format))
        continue;
      compare(f, format, subjects[s].exact, x, want.data(),
              as_floats(format.dtype, got, y_floats, n), n, subjects[s].worst);
    }
  }
  return {};
}

Result<std::vector<Subject>> make_subjects(const Function& f, const Format& format,
                                           const std::vector<std::string>& isas) {
  std::vector<Subject> subjects;
  for (const bool exact : {true, false}) {
    for (const std::string& isa : isas) {
      FERRY_ASSIGN_OR_RETURN(auto engine, make_engine(f, format, isa, exact));
      subjects.push_back({isa, exact, std::move(engine), {}});
    }
  }
  return subjects;
}

// Prints a line per instruction set and accuracy. True when all errors are within the limit.
Result<bool> report(const Function& f, const Format& format, const std::vector<std::string>& isas,
                    uint64_t step, uint64_t threads) {
  const uint64_t all = format.dtype == DType::kFloat32 ? uint64_t{1} << 32 : 65536;
  std::vector<std::vector<Subject>> parts(threads);
  std::vector<Status> states(threads);
  std::vector<std::thread> team;
  for (uint64_t t = 0; t < threads; ++t) {
    FERRY_ASSIGN_OR_RETURN(parts[t], make_subjects(f, format, isas));
    const uint64_t from = all / step * t / threads * step;
    const uint64_t end = t + 1 == threads ? all : all / step * (t + 1) / threads * step;
    team.emplace_back(
        [&, t, from, end] { states[t] = sweep(f, format, from, end, step, parts[t]); });
  }
  for (std::thread& t : team) t.join();
  for (Status& s : states) FERRY_RETURN_IF_ERROR(std::move(s));
  bool good = true;
  for (size_t i = 0; i < parts[0].size(); ++i) {
    Worst worst;
    for (const auto& part : parts) {
      const Worst& w = part[i].worst;
      if (w.ulps > worst.ulps) worst.ulps = w.ulps, worst.at = w.at;
      worst.beyond += w.beyond;
    }
    good = good && worst.ulps <= format.limit;
    const Subject& s = parts[0][i];
    fmt::print("{:16} {:7} {:5} {:8.3f} ULP at {:.9g}, {} beyond {}\n", f.name, s.isa,
               s.exact ? "exact" : "fast", worst.ulps, worst.at, worst.beyond, format.limit);
  }
  std::fflush(stdout);
  return good;
}

}  // namespace
}  // namespace ferry

int main(int argc, char** argv) {
  uint64_t step = 4099, threads = 1;
  std::string only;
  ferry::Format format = ferry::kFloat;
  std::vector<std::string> isas = {std::string(ferry::isa_name(ferry::active_isa()))};
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view key = argv[i];
    const std::string value = argv[i + 1];
    if (key == "--step") step = std::stoull(value);
    if (key == "--threads") threads = std::stoull(value);
    if (key == "--op") only = value;
    if (key == "--isa") isas = {value};
    if (key == "--type" && value == "float16") format = ferry::kHalf;
    if (key == "--type" && value == "bfloat16") format = ferry::kBfloat16;
  }
  if (isas[0] == "all") {
    isas.clear();
    for (const ferry::Isa isa : ferry::supported_isas()) isas.emplace_back(ferry::isa_name(isa));
  }
  if (format.dtype != ferry::DType::kFloat32) step = 1;
  if (step == 0 || threads == 0) return 2;
  bool good = true, found = false;
  for (const ferry::Function& f : ferry::functions()) {
    if (!only.empty() && only != f.name) continue;
    found = true;
    const auto done = ferry::report(f, format, isas, step, threads);
    if (!done.ok()) {
      fmt::print("{}: {}\n", f.name, done.status().to_string());
      return 2;
    }
    good = good && *done;
  }
  if (!found) fmt::print("no operator is called '{}'\n", only);
  return !found ? 2 : good ? 0 : 1;
}
