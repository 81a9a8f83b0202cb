// SPDX-License-Identifier: Apache-2.0
// Elementwise steps of every type against the reference kernels.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "ops/math/unary.h"
#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

// Numbers of both signs, small ones, the extremes of the type, NaN and infinities.
template <class T>
Tensor values(const Dims& dims, uint32_t seed, bool zeros = true) {
  Tensor t = Tensor::allocate(dtype_of<T>(), dims).value();
  T* p = t.data<T>();
  for (int64_t i = 0; i < t.count(); ++i) {
    seed = seed * 1664525u + 1013904223u;
    const auto v = static_cast<int32_t>(seed >> 16) % 21 - 10;
    p[i] = static_cast<T>(!zeros && v == 0 ? 3 : v);
    if constexpr (std::is_floating_point_v<T>) {
      if (i % 23 == 5) p[i] = std::numeric_limits<T>::quiet_NaN();
      if (i % 29 == 7) p[i] = -std::numeric_limits<T>::infinity();
      p[i] *= T(0.75);
    } else if constexpr (sizeof(T) >= 4) {
      if (i % 19 == 4) p[i] = std::numeric_limits<T>::min();
      if (i % 31 == 8) p[i] = std::numeric_limits<T>::max();
      if (!zeros && i % 19 == 4) p[i] = -1;
    }
  }
  return t;
}

Tensor flags(const Dims& dims, uint32_t seed) {
  Tensor t = Tensor::allocate(DType::kBool, dims).value();
  for (int64_t i = 0; i < t.count(); ++i) {
    seed = seed * 1664525u + 1013904223u;
    t.data<bool>()[i] = (seed >> 20) % 2 != 0;
  }
  return t;
}

struct Shapes {
  Dims a, b;
};
const Shapes kShapes[] = {
    {{3, 67}, {3, 67}},
    {{2, 1, 33}, {1, 5, 1}},
    {{4, 19}, {}},
    {{}, {7}},
    {{1, 17}, {17, 1}},
    {{5, 40000}, {1}},
    {{2, 0}, {2, 1}},
    {{31, 1, 64}, {31, 9, 64}},
    // Rows that are laid out many at a time.
    {{300, 7}, {7}},
    {{40, 1, 6, 1, 2}, {1, 9, 1, 3, 1}},
    {{70, 1}, {1, 5}},
    {{3, 50, 2}, {3, 1, 2}},
};

template <class T>
void check_binaries(std::initializer_list<const char*> ops) {
  for (const char* op : ops) {
    const bool divides = std::string(op) == "Div" && std::is_integral_v<T>;
    for (const Shapes& s : kShapes) {
      StepTester(op)
          .input(values<T>(s.a, 1))
          .input(values<T>(s.b, 2, !divides))
          .kernel("elementwise_typed")
          .run();
    }
  }
}

TEST(Typed, Arithmetic) {
  check_binaries<int32_t>({"Add", "Sub", "Mul", "Div", "Max", "Min"});
  check_binaries<int64_t>({"Add", "Sub", "Mul", "Div", "Max", "Min"});
  check_binaries<double>({"Add", "Sub", "Mul", "Div", "Max", "Min"});
  check_binaries<float>({"Max", "Min"});
}

template <class T>
void check_powers() {
  for (const Shapes& s : kShapes) {
    Tensor exponents = values<T>(s.b, 2);
    for (int64_t i = 0; i < exponents.count(); ++i) exponents.data<T>()[i] &= 31;
    StepTester("Pow").input(values<T>(s.a, 1)).input(exponents).kernel("elementwise_typed").run();
  }
  for (T e : {T(0), T(2), T(3), T(6), T(63), T(-1), T(-2)}) {
    StepTester("Pow")
        .input(values<T>({3, 70}, 1, false))
        .constant(tensor<T>({}, {e}))
        .kernel("elementwise_typed")
        .run();
  }
  StepTester("Pow")
      .input(tensor<T>({2}, {1, 0}))
      .input(tensor<T>({1}, {-3}))
      .kernel("elementwise_typed")
      .run_error("zero is raised to the negative power -3");
}

TEST(Typed, PowersOfFloats) {
  for (const Shapes& s : kShapes) {
    StepTester("Pow")
        .input(values<float>(s.a, 1))
        .input(values<float>(s.b, 2))
        .kernel("power_f32")
        .tolerance(1e-6, 1e-38)
        .run();
  }
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> special = {
      0,     1,     2,        3,    0.5f,  0.25f,     1e-40f,
      1e38f, 1e30f, 16777215, 2.5f, 1e-3f, kInfinity, std::numeric_limits<float>::quiet_NaN()};
  for (size_t i = 0, n = special.size(); i < n; ++i) special.push_back(-special[i]);
  const auto n = static_cast<int64_t>(special.size());
  StepTester("Pow")
      .input(tensor<float>({n, 1}, special))
      .input(tensor<float>({n}, special))
      .kernel("power_f32")
      .tolerance(1e-6, 1e-38)
      .run();
}

TEST(Typed, PowersOfFloatsByIntegers) {
  const Tensor x = values<float>({3, 70}, 1);
  for (int64_t e : {0, 2, 3, -1, 7, 16777216}) {
    StepTester("Pow")
        .input(x)
        .constant(tensor<int64_t>({}, {e}))
        .kernel("elementwise_f32")
        .tolerance(1e-6, 1e-38)
        .run();
  }
  StepTester("Pow")
      .input(x)
      .constant(tensor<int32_t>({1}, {2}))
      .kernel("elementwise_f32")
      .tolerance(1e-6, 1e-38)
      .run();
  StepTester("Pow").input(x).constant(tensor<int64_t>({}, {16777217})).kernel("reference").run();
}

TEST(Typed, Powers) {
  check_powers<int32_t>();
  check_powers<int64_t>();
}

Tensor spread_doubles(int64_t count) {
  Tensor t = Tensor::allocate(DType::kFloat64, {count}).value();
  uint64_t seed = 1;
  for (int64_t i = 0; i < count; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    // Half of them of all magnitudes, half in [-800, 800).
    const double small = static_cast<double>(seed >> 11) * 0x1p-53 * 1600 - 800;
    t.data<double>()[i] = i % 2 == 0 ? std::bit_cast<double>(seed) : small;
  }
  const double inf = std::numeric_limits<double>::infinity();
  const double edges[] = {0.0,      -0.0,      1,       inf,    -inf,      std::nan(""), 709.7827,
                          709.7828, -745.1332, -745.14, -708.4, 0x1p-1074, 0x1p-1022,    1e308};
  std::copy(std::begin(edges), std::end(edges), t.data<double>());
  return t;
}

TEST(Typed, FunctionsOfDoubles) {
  const double two_ulps = 0x1p-51;
  const auto check = [&](StepTester& t) {
    t.input(spread_doubles(70001)).kernel("function_f64").tolerance(two_ulps, 0x1p-1073).run();
  };
  for (const char* op : {"Exp",        "Log",         "Sqrt",      "Sin",
                         "Cos",        "Tan",         "Asin",      "Acos",
                         "Atan",       "Sinh",        "Cosh",      "Tanh",
                         "Atanh",      "Erf",         "Sigmoid",   "Softplus",
                         "Mish",       "Gelu",        "Swish",     "HardSwish",
                         "Softsign",   "Elu",         "Selu",      "Celu",
                         "Ceil",       "HardSigmoid", "LeakyRelu", "Shrink",
                         "Reciprocal", "Floor",       "Round",     "ThresholdedRelu"}) {
    StepTester t(op);
    check(t);
  }
  const auto with = [&](const char* op, const char* name, AttrValue value) {
    StepTester t(op);
    check(t.attr(name, std::move(value)));
  };
  with("Gelu", "approximate", std::string("tanh"));
  for (const float alpha : {0.3f, 1.7f, 1e-20f, 1e15f}) {
    for (const char* op : {"Elu", "Selu", "Celu", "Swish", "LeakyRelu", "ThresholdedRelu"}) {
      with(op, "alpha", alpha);
    }
  }
  for (const char* op : {"Elu", "Swish", "HardSigmoid", "LeakyRelu"}) with(op, "alpha", -1.5f);
  with("Shrink", "bias", 0.3f);
  for (const char* op : {"Asinh", "Acosh"}) {
    StepTester(op).input(spread_doubles(5001)).kernel("elementwise_threads").run();
  }
  StepTester("PRelu")
      .input(values<double>({3, 5, 67}, 1))
      .input(values<double>({5, 1}, 2))
      .kernel("elementwise_typed")
      .run();
  StepTester("Shrink").input(values<int64_t>({3, 70}, 1)).kernel("elementwise_threads").run();
}

template <class T>
void check_halves(DType type, double rounding) {
  const auto narrow = [type](const Dims& dims, uint32_t seed) {
    const Tensor x = values<float>(dims, seed, false);
    Tensor t = Tensor::allocate(type, dims).value();
    for (int64_t i = 0; i < t.count(); ++i) t.data<T>()[i] = T(x.data<float>()[i]);
    return t;
  };
  for (const char* op : {"Add", "Sub", "Mul", "Div"}) {
    for (const Shapes& s : kShapes) {
      StepTester(op).input(narrow(s.a, 1)).input(narrow(s.b, 2)).kernel("elementwise_typed").run();
    }
  }
  // Every number of the type.
  Tensor all = Tensor::allocate(type, {65536}).value();
  for (int i = 0; i < 65536; ++i) {
    all.data<T>()[i] = std::bit_cast<T>(static_cast<uint16_t>(i));
  }
  for (const char* op : {"Relu", "Neg", "Abs"}) {
    StepTester(op).input(all).kernel("elementwise_typed").run();
  }
  Tensor x = narrow({3, 701}, 3);
  StepTester("PRelu").input(x).input(narrow({701}, 4)).kernel("elementwise_half").run();
  for (const char* op : {"Sign", "Floor", "LeakyRelu", "Sqrt"}) {
    StepTester(op).input(x).kernel("elementwise_half").run();
  }
  for (int64_t i = 0; i < x.count(); ++i) {
    if (std::isinf(static_cast<float>(x.data<T>()[i]))) x.data<T>()[i] = T(-9.0f);
  }
  for (const char* op : {"Exp", "Tanh", "Gelu", "Sigmoid", "Atan", "Elu", "Log", "Mish"}) {
    StepTester(op).input(x).kernel("elementwise_half").tolerance(rounding, 1e-7).run();
  }
}

TEST(Typed, Halves) {
  check_halves<half>(DType::kFloat16, 0x1p-10);
  check_halves<bfloat16>(DType::kBFloat16, 0x1p-7);
}

TEST(Typed, Comparisons) {
  const auto ops = {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"};
  check_binaries<int32_t>(ops);
  check_binaries<int64_t>(ops);
  check_binaries<double>(ops);
  check_binaries<float>(ops);
}

TEST(Typed, Logic) {
  for (const char* op : {"And", "Or", "Xor", "Equal"}) {
    for (const Shapes& s : kShapes) {
      StepTester(op).input(flags(s.a, 1)).input(flags(s.b, 2)).kernel("elementwise_typed").run();
    }
  }
  StepTester("Not").input(flags({3, 70}, 1)).kernel("elementwise_typed").run();
}

TEST(Typed, ExtremesOfSeveralInputs) {
  StepTester("Max")
      .input(values<float>({4, 1, 9}, 1))
      .input(values<float>({3, 1}, 2))
      .input(values<float>({9}, 3))
      .kernel("elementwise_typed")
      .run();
}

TEST(Typed, SumsOfSeveralInputs) {
  for (const char* op : {"Sum", "Mean", "Max", "Min"}) {
    for (size_t count : {2, 3, 4}) {
      StepTester floats(op), doubles(op);
      for (size_t i = 0; i < count; ++i) {
        const Dims dims = i % 2 == 0 ? Dims{4, 1, 9} : Dims{3, 1};
        floats.input(values<float>(dims, static_cast<uint32_t>(i)));
        doubles.input(values<double>(dims, static_cast<uint32_t>(i)));
      }
      floats.kernel("elementwise_typed").run();
      doubles.kernel("elementwise_typed").run();
    }
  }
}

template <class T>
void check_remainders() {
  for (int64_t fmod : {0, 1}) {
    for (const Shapes& s : kShapes) {
      StepTester("Mod")
          .attr("fmod", fmod)
          .input(values<T>(s.a, 1))
          .input(values<T>(s.b, 2, false))
          .kernel("elementwise_typed")
          .run();
    }
  }
  StepTester("Mod")
      .input(values<T>({7}, 1))
      .input(tensor<T>({1}, {0}))
      .kernel("elementwise_typed")
      .run_error("divided by zero");
}

// Quotients of every size, both signs of zero, what is no number, and every number of values.
template <class T>
void check_remainders_of_floats() {
  const T huge = std::numeric_limits<T>::max(), least = std::numeric_limits<T>::min();
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  for (int64_t fmod : {0, 1}) {
    for (const int64_t n : {1, 7, 63, 64, 65, 1000}) {
      for (const bool wild : {false, true}) {
        Tensor a = values<T>({n}, 3), b = values<T>({n}, 4, false);
        T *u = a.data<T>(), *v = b.data<T>();
        for (int64_t i = 0; i < n; ++i) {
          u[i] *= T(1.37), v[i] = v[i] * T(0.71) + T(0.01);
          if (i % 11 == 5) u[i] = v[i] * T(3);
          if (i % 13 == 6) u[i] *= T(1e6), v[i] *= T(1e-2);
          if (!wild) continue;
          if (i % 17 == 1) u[i] = T(-0.0);
          if (i % 19 == 2) v[i] = T(0);
          if (i % 23 == 3) u[i] = i % 2 == 0 ? huge : infinity;
          if (i % 29 == 4) v[i] = i % 2 == 0 ? infinity : -infinity;
          if (i % 31 == 5) u[i] = nan;
          if (i % 37 == 6) u[i] = huge, v[i] = least;
        }
        StepTester("Mod").attr("fmod", fmod).input(a).input(b).kernel("elementwise_typed").run();
      }
    }
  }
}

TEST(Typed, RemaindersOfFloats) {
  check_remainders_of_floats<float>();
  check_remainders_of_floats<double>();
}

template <class T>
void check_clip(const char* kernel) {
  for (const int64_t n : {1, 31, 1024, 1025, 40'000}) {
    for (const bool low : {false, true}) {
      for (const bool high : {false, true}) {
        StepTester t("Clip");
        t.input(values<T>({n}, 5));
        low ? t.input(tensor<T>({}, {-3})) : t.no_input();
        if (high) t.input(tensor<T>({1}, {4}));
        if (low || high) t.kernel(kernel).run();
      }
    }
  }
}

template <class T>
void check_bound_that_is_no_number(const char* kernel) {
  const T nan = std::numeric_limits<T>::quiet_NaN();
  StepTester("Clip")
      .input(tensor<T>({4}, {nan, T(-5), T(5), T(-0.0)}))
      .input(tensor<T>({}, {nan}))
      .input(tensor<T>({}, {2}))
      .kernel(kernel)
      .run();
}

TEST(Typed, Clip) {
  check_clip<int32_t>("elementwise_typed");
  check_clip<int64_t>("elementwise_typed");
  check_clip<float>("elementwise_typed");
  check_clip<double>("function_f64");
  check_bound_that_is_no_number<float>("elementwise_typed");
  check_bound_that_is_no_number<double>("function_f64");
}

TEST(Typed, Remainders) {
  check_remainders<int32_t>();
  check_remainders<int64_t>();
}

template <class T>
void check_bits() {
  for (const char* op : {"BitwiseAnd", "BitwiseOr", "BitwiseXor"}) {
    for (const Shapes& s : kShapes) {
      StepTester(op)
          .input(values<T>(s.a, 1))
          .input(values<T>(s.b, 2))
          .kernel("elementwise_typed")
          .run();
    }
  }
  StepTester("BitwiseNot").input(values<T>({3, 67}, 1)).kernel("elementwise_typed").run();
}

TEST(Typed, Bits) {
  check_bits<int8_t>();
  check_bits<uint16_t>();
  check_bits<int32_t>();
  check_bits<uint64_t>();
}

template <class T>
void check_shifts() {
  for (const char* direction : {"LEFT", "RIGHT"}) {
    for (const Shapes& s : kShapes) {
      Tensor by = values<T>(s.b, 2);
      for (int64_t i = 0; i < by.count(); ++i) by.data<T>()[i] = static_cast<T>(i * 7 % 80 - 5);
      StepTester("BitShift")
          .attr("direction", std::string(direction))
          .input(values<T>(s.a, 1))
          .input(by)
          .kernel("elementwise_typed")
          .run();
    }
  }
}

TEST(Typed, Shifts) {
  check_shifts<int32_t>();
  check_shifts<uint32_t>();
  check_shifts<int64_t>();
  check_shifts<uint64_t>();
}

TEST(Typed, Unary) {
  for (const char* op : {"Abs", "Neg", "Sign", "Relu"}) {
    for (const Dims& dims : {Dims{}, Dims{0}, Dims{3, 67}, Dims{40000}}) {
      StepTester(op).input(values<int32_t>(dims, 1)).kernel("elementwise_typed").run();
      StepTester(op).input(values<int64_t>(dims, 1)).kernel("elementwise_typed").run();
      StepTester(op).input(values<double>(dims, 1)).kernel("elementwise_typed").run();
    }
  }
  for (const char* op : {"IsNaN", "IsInf"}) {
    StepTester(op).input(values<float>({3, 67}, 1)).kernel("elementwise_typed").run();
    StepTester(op).input(values<double>({3, 67}, 1)).kernel("elementwise_typed").run();
  }
}

template <class T>
void check_where() {
  for (const Dims& condition : {Dims{4, 66}, Dims{4, 1}, Dims{}}) {
    for (const Dims& a : {Dims{4, 66}, Dims{66}, Dims{4, 1}, Dims{1}}) {
      StepTester("Where")
          .input(flags(condition, 1))
          .input(values<T>(a, 2))
          .input(values<T>({4, 66}, 3))
          .kernel("where")
          .run();
      StepTester("Where")
          .input(flags(condition, 1))
          .input(values<T>({1, 66}, 2))
          .input(values<T>(a, 3))
          .kernel("where")
          .run();
    }
  }
  for (const Dims& a : {Dims{9, 1, 2}, Dims{1, 70, 1}, Dims{2}}) {
    StepTester("Where")
        .input(flags({70, 1}, 1))
        .input(values<T>(a, 2))
        .input(values<T>({9, 70, 2}, 3))
        .kernel("where")
        .run();
  }
}

TEST(Typed, Where) {
  check_where<uint8_t>();
  check_where<int16_t>();
  check_where<float>();
  check_where<int64_t>();
}

template <class T>
void check_casts(std::initializer_list<DType> to) {
  for (const DType type : to) {
    for (const Dims& dims : {Dims{}, Dims{3, 67}, Dims{40000}}) {
      StepTester("Cast")
          .attr("to", static_cast<int64_t>(type))
          .input(values<T>(dims, 1))
          .kernel("cast")
          .run();
    }
  }
}

TEST(Typed, Casts) {
  constexpr auto kBool = DType::kBool, kF64 = DType::kFloat64, kI8 = DType::kInt8,
                 kU8 = DType::kUInt8, kI32 = DType::kInt32, kI64 = DType::kInt64,
                 kF32 = DType::kFloat32;
  check_casts<float>({kF64, kI8, kU8, kI32, kI64, kBool, DType::kFloat16});
  check_casts<double>({kF32, kI8, kU8, kI32, kI64, kBool});
  check_casts<int32_t>({kF32, kF64, kI8, kU8, kI64, kBool});
  check_casts<int64_t>({kF32, kF64, kI8, kU8, kI32, kBool});
  check_casts<int8_t>({kF32, kF64, kI32, kI64, kBool});
  check_casts<uint8_t>({kF32, kF64, kI32, kI64, kBool});
}

TEST(Typed, FloatsBeyondTheIntegersAreClamped) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const Tensor x = tensor<float>(
      {12}, {3e9f, -3e9f, 1e19f, -1e19f, kInf, -kInf, NAN, 255.5f, 256, -0.9f, 127.9f, -128.9f});
  for (const DType to : {DType::kInt8, DType::kUInt8, DType::kInt32, DType::kInt64}) {
    StepTester("Cast").attr("to", static_cast<int64_t>(to)).input(x).kernel("cast").run();
  }
}

TEST(Typed, BrainFloats) {
  for (int64_t n : {1, 7, 8, 16, 33, 40000}) {
    Tensor x = random_tensor({n}, 3);
    for (int64_t i = 0; i < n; i += 7) x.data<float>()[i] = i % 2 == 0 ? INFINITY : std::nanf("");
    const auto to = static_cast<int64_t>(DType::kBFloat16);
    StepTester("Cast").attr("to", to).input(x).kernel("cast").run();
    Tensor narrow = Tensor::allocate(DType::kBFloat16, {n}).value();
    for (int64_t i = 0; i < n; ++i) narrow.data<uint16_t>()[i] = static_cast<uint16_t>(i * 41);
    const auto wide = static_cast<int64_t>(DType::kFloat32);
    StepTester("Cast").attr("to", wide).input(narrow).kernel("cast").run();
  }
}

TEST(Typed, HalvesBecomeFloats) {
  std::vector<half> halves;
  for (int i = 0; i < 200; ++i) halves.push_back(half(static_cast<float>(i - 100) * 0.37f));
  StepTester("Cast")
      .attr("to", static_cast<int64_t>(DType::kFloat32))
      .input(tensor<half>({200}, halves))
      .kernel("cast")
      .run();
}

TEST(Typed, FunctionsOfTheTileVm) {
  for (const char* op : {"Sin", "Cos", "Softplus", "Mish", "Selu", "Celu"}) {
    Tensor x = random_tensor({5, 67}, 3);
    for (int64_t i = 0; i < x.count(); ++i) x.data<float>()[i] *= 40;
    StepTester(op).input(x).kernel("elementwise_f32").tolerance(2e-6, 3e-7).run();
  }
  Tensor x = random_tensor({5, 67}, 3);
  for (int64_t i = 0; i < x.count(); ++i) x.data<float>()[i] = std::exp(20 * x.data<float>()[i]);
  StepTester("Log").input(x).kernel("elementwise_f32").tolerance(1e-6, 1e-7).run();
}

// One scale, one per position of an axis (the last too), blocks along each.
struct Grain {
  Dims scale;
  int64_t axis, block_size;
};
template <class T>
void check_quantization() {
  const Dims dims = {3, 5, 67};
  Tensor x = random_tensor(dims, 1);
  for (int64_t i = 0; i < x.count(); ++i) x.data<float>()[i] *= sizeof(T) == 1 ? 200 : 50000;
  const std::vector<float> special = {NAN, INFINITY, -INFINITY, -1e30f, 0.25f, -0.0f};
  std::copy(special.begin(), special.end(), x.data<float>() + 3);
  const Tensor q = values<T>(dims, 2);
  for (const Grain& g : {Grain{{}, 1, 0}, Grain{{1}, 0, 0}, Grain{{3}, 0, 0}, Grain{{5}, 1, 0},
                         Grain{{67}, 2, 0}, Grain{{67}, -1, 0}, Grain{{3, 5, 3}, 2, 32},
                         Grain{{3, 2, 67}, 1, 3}, Grain{{2, 5, 67}, 0, 2}}) {
    Tensor scale = Tensor::allocate(DType::kFloat32, g.scale).value();
    for (int64_t i = 0; i < scale.count(); ++i) {
      scale.data<float>()[i] = i % 7 == 0 ? 0.5f : 0.01f * float(1 + i % 90);
    }
    for (bool with_zero : {false, true}) {
      for (bool quantize : {false, true}) {
        if (quantize && !with_zero && !std::is_same_v<T, uint8_t>) continue;
        StepTester t(quantize ? "QuantizeLinear" : "DequantizeLinear");
        t.attr("axis", g.axis).attr("block_size", g.block_size);
        t.input(quantize ? x : q).input(scale);
        if (with_zero) t.input(values<T>(g.scale, 4));
        t.kernel(quantize ? "quantize" : "dequantize").run();
      }
    }
  }
}

TEST(Typed, FakeQuantization) {
  Tensor x = random_tensor({5, 67}, 1);
  for (int64_t i = 0; i < x.count(); ++i) x.data<float>()[i] *= 40;
  const std::vector<float> special = {NAN,   INFINITY, -INFINITY, 0.0f,
                                      -0.0f, 0.125f,   -0.125f,   3e38f};
  std::copy(special.begin(), special.end(), x.data<float>());
  for (float low : {0.0f, -128.0f, -3.0f}) {
    Unary op = *make_op("ferry.FakeQuantize").as<Unary>();
    op.alpha = 0.25f;
    op.beta = low;
    StepTester(make_op("ferry.FakeQuantize", op)).input(x).kernel("elementwise_f32").run();
  }
}

TEST(Typed, Quantization) {
  check_quantization<uint8_t>();
  check_quantization<int8_t>();
  check_quantization<uint16_t>();
  check_quantization<int16_t>();
  for (bool zero : {false, true}) {
    StepTester t("DequantizeLinear");
    t.input(values<int32_t>({3, 67}, 1)).constant(tensor<float>({}, {0.5f}));
    if (zero) t.constant(tensor<int32_t>({}, {INT32_MIN}));
    t.kernel("dequantize").run();
  }
  StepTester("DequantizeLinear")
      .input(values<int32_t>({3, 67}, 1))
      .constant(tensor<float>({}, {0.5f}))
      .kernel("dequantize")
      .run();
}

}  // namespace
}  // namespace ferry
