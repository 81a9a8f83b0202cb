// SPDX-License-Identifier: Apache-2.0
// ulp_sweep: the largest error of each operator of one float, as the engine runs it, against double
// precision.
//
//   ulp_sweep [--step N] [--op NAME] [--isa NAME|all] [--threads N]
//
// Every N-th of the 2^32 bit patterns (default 4099; 1 is all of them), with accuracy `exact` and
// `fast`. An error is counted in units in the last place of the true value; below the smallest
// normal number, in those of the subnormals. With `fast` a subnormal input may stand for zero, and
// a result within 2 ULP of the subnormals may be zero. Exits with 1 when an error is beyond 2 ULP.
// docs/accuracy.md has the figures.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/cpu.h"
#include "base/status.h"
#include "ir/infer.h"
#include "ops/math/unary.h"
#include "ops/registry.h"
#include "ops_cpu/kernels.h"
#include "runtime/engine.h"

// With gcc and glibc the loops below call the vector forms of these, which are within 4 units in
// the last place of double: nothing that a float could show.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define VECTOR_FORM(name) __attribute__((simd("notinbranch"))) double name(double) noexcept
extern "C" {
VECTOR_FORM(exp);
VECTOR_FORM(expm1);
VECTOR_FORM(log);
VECTOR_FORM(log1p);
VECTOR_FORM(sin);
VECTOR_FORM(cos);
VECTOR_FORM(tan);
VECTOR_FORM(asin);
VECTOR_FORM(acos);
VECTOR_FORM(atan);
VECTOR_FORM(sinh);
VECTOR_FORM(cosh);
VECTOR_FORM(tanh);
VECTOR_FORM(asinh);
VECTOR_FORM(acosh);
VECTOR_FORM(atanh);
VECTOR_FORM(erf);
VECTOR_FORM(erfc);
}
#endif

namespace ferry {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int64_t kBlock = 32768;

using Reference = void (*)(const float* x, double* y, int64_t n);

template <class F>
constexpr Reference each(F) {
  return [](const float* x, double* y, int64_t n) {
    for (int64_t i = 0; i < n; ++i) y[i] = F{}(static_cast<double>(x[i]));
  };
}

// From e^-|x|, so that neither end loses digits.
double sigmoid(double x) {
  const double e = ::exp(-std::fabs(x));
  return (x < 0 ? e : 1.0) / (1 + e);
}
double clamped(double x) { return x < 0 ? 0.0 : x > 1 ? 1.0 : x; }

struct Function {
  const char* name;
  const char* op;
  Reference reference;
  bool infinite = true;  // false: at the infinities the formula is infinity times zero
  const char* approximate = nullptr;
};

// The attributes' defaults, as floats.
constexpr double kSeluAlpha = 1.67326319217681884765625, kSeluGamma = 1.05070102214813232421875;
constexpr double kPoint2 = 0.2f, kPoint01 = 0.01f, kSixth = 1.0f / 6;

const Function kFunctions[] = {
    {"Abs", "Abs", each([](double x) { return std::fabs(x); })},
    {"Neg", "Neg", each([](double x) { return -x; })},
    {"Sign", "Sign", each([](double x) { return x > 0   ? 1.0
                                                : x < 0 ? -1.0
                                                        : x; })},
    {"Relu", "Relu", each([](double x) { return x < 0 ? 0.0 : x; })},
    {"Shrink", "Shrink", each([](double x) { return x < -0.5 || x > 0.5 ? x : 0.0; })},
    {"Exp", "Exp", each([](double x) { return ::exp(x); })},
    {"Log", "Log", each([](double x) { return ::log(x); })},
    {"Sqrt", "Sqrt", each([](double x) { return std::sqrt(x); })},
    {"Reciprocal", "Reciprocal", each([](double x) { return 1 / x; })},
    {"Floor", "Floor", each([](double x) { return std::floor(x); })},
    {"Ceil", "Ceil", each([](double x) { return std::ceil(x); })},
    {"Round", "Round", each([](double x) { return std::nearbyint(x); })},
    {"Sin", "Sin", each([](double x) { return ::sin(x); })},
    {"Cos", "Cos", each([](double x) { return ::cos(x); })},
    {"Tan", "Tan", each([](double x) { return ::tan(x); })},
    {"Asin", "Asin", each([](double x) { return ::asin(x); })},
    {"Acos", "Acos", each([](double x) { return ::acos(x); })},
    {"Atan", "Atan", each([](double x) { return ::atan(x); })},
    {"Sinh", "Sinh", each([](double x) { return ::sinh(x); })},
    {"Cosh", "Cosh", each([](double x) { return ::cosh(x); })},
    {"Tanh", "Tanh", each([](double x) { return ::tanh(x); })},
    {"Asinh", "Asinh", each([](double x) { return ::asinh(x); })},
    {"Acosh", "Acosh", each([](double x) { return ::acosh(x); })},
    {"Atanh", "Atanh", each([](double x) { return ::atanh(x); })},
    {"Erf", "Erf", each([](double x) { return ::erf(x); })},
    {"Sigmoid", "Sigmoid", each([](double x) { return sigmoid(x); })},
    {"Softplus", "Softplus",
     each([](double x) { return (x > 0 ? x : 0.0) + ::log1p(::exp(-std::fabs(x))); })},
    {"Softsign", "Softsign", each([](double x) { return x / (1 + std::fabs(x)); })},
    {"HardSigmoid", "HardSigmoid", each([](double x) { return clamped(kPoint2 * x + 0.5); })},
    {"HardSwish", "HardSwish", each([](double x) { return x * clamped(x * kSixth + 0.5); })},
    {"Elu", "Elu", each([](double x) {
       const double y = ::expm1(x);
       return x < 0 ? y : x;
     })},
    {"Selu", "Selu", each([](double x) {
       const double y = kSeluGamma * kSeluAlpha * ::expm1(x);
       return x < 0 ? y : kSeluGamma * x;
     })},
    {"Celu", "Celu", each([](double x) {
       const double y = ::expm1(x);
       return x < 0 ? y : x;
     })},
    {"LeakyRelu", "LeakyRelu", each([](double x) { return x < 0 ? kPoint01 * x : x; })},
    {"ThresholdedRelu", "ThresholdedRelu", each([](double x) { return x > 1 ? x : 0.0; })},
    {"Gelu", "Gelu", each([](double x) { return 0.5 * x * ::erfc(-x * std::sqrt(0.5)); }), false},
    {"Gelu (tanh)", "Gelu", each([](double x) {
       return x * sigmoid(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
     }),
     false, "tanh"},
    {"Mish", "Mish", each([](double x) {
       const double e = ::exp(x < 30 ? x : 30.0), n = e * (e + 2);
       return x * (n / (n + 2));
     }),
     false},
    {"Swish", "Swish", each([](double x) { return x * sigmoid(x); }), false},
};

struct Worst {
  double ulps = 0;
  float at = 0;
  uint64_t beyond = 0;  // inputs whose error is more than 2 ULP
};

// One operator as an engine runs it, and what it got wrong so far.
struct Subject {
  std::string isa;
  bool exact = true;
  std::unique_ptr<Engine> engine;
  Worst worst;
};

Result<std::unique_ptr<Engine>> make_engine(const Function& f, const std::string& isa, bool exact) {
  Graph graph;
  const ValueId x = graph.add_input("x", Type::tensor(DType::kFloat32, Shape{Dim::symbol("N")}));
  Node node;
  if (f.approximate == nullptr) {
    node.op = make_op(f.op);
  } else {
    Unary op{.kind = UnaryKind::kGelu, .approximate = f.approximate};
    node.op = make_op(f.op, std::move(op));
  }
  node.inputs = {x};
  node.outputs = {graph.add_value("y")};
  graph.set_outputs(node.outputs);
  graph.add_node(std::move(node));
  FERRY_RETURN_IF_ERROR(infer_graph(graph));
  SessionOptions options{.threads = 1, .optimize = false, .isa = isa};
  options.accuracy = exact ? Accuracy::kExact : Accuracy::kFast;
  return Engine::create(graph, options, cpu_kernels());
}

// Distance of `got` from `want` in units in the last place of `want`; infinity counts as 2^128. NaN
// when either is.
inline double error_in_ulps(float got, double want) {
  constexpr double kTop = 0x1p128;
  const auto clamped_to_top = [](double v) { return v > kTop ? kTop : v < -kTop ? -kTop : v; };
  const double g = clamped_to_top(static_cast<double>(got)), w = clamped_to_top(want);
  // The exponent, between those of the smallest and the largest normal number.
  const double magnitude = std::fabs(w);
  const double in_range = magnitude < 0x1p-126  ? 0x1p-126
                          : magnitude < 0x1p127 ? magnitude
                                                : 0x1p127;
  const auto exponent = static_cast<int64_t>(std::bit_cast<uint64_t>(in_range) >> 52);
  return std::fabs(g - w) * std::bit_cast<double>((2046 + 23 - exponent) << 52);
}

void compare(const Function& f, bool exact, const float* x, const double* want, const float* got,
             int64_t n, Worst& worst) {
  constexpr double kNormal = 0x1p-126;
  const double limit = std::min(worst.ulps, 2.0);
  int64_t beyond = 0;
  for (int64_t i = 0; i < n; ++i) beyond += error_in_ulps(got[i], want[i]) <= limit ? 0 : 1;
  if (beyond == 0) return;
  double at_zero = 0;
  const float zero = 0;
  f.reference(&zero, &at_zero, 1);
  for (int64_t i = 0; i < n; ++i) {
    if (std::isnan(got[i]) && std::isnan(want[i])) continue;
    double error = error_in_ulps(got[i], want[i]);
    if (error <= limit) continue;
    if (std::isnan(error)) error = kInfinity;
    if (!f.infinite && std::isinf(x[i])) continue;
    if (!exact) {
      if (got[i] == 0 && std::fabs(want[i]) <= kNormal + 2 * 0x1p-149) continue;
      if (std::fpclassify(x[i]) == FP_SUBNORMAL) {
        const double from_zero =
            std::signbit(x[i]) && f.op == std::string_view("Reciprocal") ? -at_zero : at_zero;
        error = std::min(error, error_in_ulps(got[i], from_zero));
        if (std::fabs(got[i]) < static_cast<float>(kNormal)) {
          error = std::min(error, error_in_ulps(0, from_zero));
        }
      }
    }
    worst.beyond += error > 2;
    if (error > worst.ulps) worst.ulps = error, worst.at = x[i];
  }
}

Status sweep(const Function& f, uint64_t first, uint64_t end, uint64_t step,
             std::vector<Subject>& subjects) {
  FERRY_ASSIGN_OR_RETURN(Tensor input, Tensor::allocate(DType::kFloat32, {kBlock}));
  std::vector<double> want(kBlock);
  for (uint64_t bits = first; bits < end; bits += step * kBlock) {
    const auto n = static_cast<int64_t>(std::min<uint64_t>(kBlock, (end - bits + step - 1) / step));
    auto* x = input.data<float>();
    for (int64_t i = 0; i < n; ++i) {
      const auto b = static_cast<uint32_t>(bits + static_cast<uint64_t>(i) * step);
      std::memcpy(x + i, &b, sizeof(b));
    }
    f.reference(x, want.data(), n);
    const std::vector<Value> in = {Tensor::borrow(DType::kFloat32, {n}, static_cast<void*>(x))};
    for (Subject& s : subjects) {
      std::vector<Value> out;
      FERRY_RETURN_IF_ERROR(s.engine->run(in, out, {}));
      compare(f, s.exact, x, want.data(), out[0].tensor().data<float>(), n, s.worst);
    }
  }
  return {};
}

Result<std::vector<Subject>> make_subjects(const Function& f,
                                           const std::vector<std::string>& isas) {
  std::vector<Subject> subjects;
  for (const std::string& isa : isas) {
    for (const bool exact : {true, false}) {
      FERRY_ASSIGN_OR_RETURN(auto engine, make_engine(f, isa, exact));
      subjects.push_back({isa, exact, std::move(engine), {}});
    }
  }
  return subjects;
}

// Prints a line per instruction set and accuracy. True when all errors are within 2 ULP.
Result<bool> report(const Function& f, const std::vector<std::string>& isas, uint64_t step,
                    uint64_t threads) {
  constexpr uint64_t kAll = uint64_t{1} << 32;
  std::vector<std::vector<Subject>> parts(threads);
  std::vector<Status> states(threads);
  std::vector<std::thread> team;
  for (uint64_t t = 0; t < threads; ++t) {
    FERRY_ASSIGN_OR_RETURN(parts[t], make_subjects(f, isas));
    const uint64_t from = kAll / step * t / threads * step;
    const uint64_t end = t + 1 == threads ? kAll : kAll / step * (t + 1) / threads * step;
    team.emplace_back([&, t, from, end] { states[t] = sweep(f, from, end, step, parts[t]); });
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
    good = good && worst.ulps <= 2;
    const Subject& s = parts[0][i];
    fmt::print("{:16} {:7} {:5} {:8.3f} ULP at {:.9g}, {} beyond 2\n", f.name, s.isa,
               s.exact ? "exact" : "fast", worst.ulps, worst.at, worst.beyond);
  }
  std::fflush(stdout);
  return good;
}

}  // namespace
}  // namespace ferry

int main(int argc, char** argv) {
  uint64_t step = 4099, threads = 1;
  std::string only;
  std::vector<std::string> isas = {std::string(ferry::isa_name(ferry::active_isa()))};
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view key = argv[i];
    const std::string value = argv[i + 1];
    if (key == "--step") step = std::stoull(value);
    if (key == "--threads") threads = std::stoull(value);
    if (key == "--op") only = value;
    if (key == "--isa") isas = {value};
  }
  if (isas[0] == "all") {
    isas.clear();
    for (const ferry::Isa isa : ferry::supported_isas()) isas.emplace_back(ferry::isa_name(isa));
  }
  if (step == 0 || threads == 0) return 2;
  bool good = true;
  for (const ferry::Function& f : ferry::kFunctions) {
    if (!only.empty() && only != f.name) continue;
    const auto done = ferry::report(f, isas, step, threads);
    if (!done.ok()) {
      fmt::print("{}: {}\n", f.name, done.status().to_string());
      return 2;
    }
    good = good && *done;
  }
  return good ? 0 : 1;
}
