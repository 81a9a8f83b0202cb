// SPDX-License-Identifier: Apache-2.0
#include "fill.h"

#include <bit>
#include <cstring>

#include "verb.h"

namespace ferry::cli {
namespace {

// SplitMix64: one multiplication chain per number, the same on every machine.
struct Random {
  uint64_t state;
  uint64_t next() {
    uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  float unit() { return static_cast<float>(next() >> 40) * 0x1p-24F; }
};

template <class T, class Make>
Tensor fill(Tensor tensor, const Make& make) {
  for (int64_t i = 0; i < tensor.count(); ++i) tensor.data<T>()[i] = make();
  return tensor;
}

// A multiple of 1/256 in [0, 1): exact in half precision.
uint16_t random_half(Random& random) {
  const auto n = static_cast<unsigned>(random.next() >> 56);
  if (n == 0) return 0;
  const int top = std::bit_width(n) - 1;
  return static_cast<uint16_t>((top - 8 + 15) << 10 | ((n << (10 - top)) & 0x3FF));
}

}  // namespace

Tensor random_tensor(DType type, const Dims& dims, uint64_t seed) {
  Random random{seed};
  Tensor t = Tensor::allocate(type, dims).value();
  const auto bit = [&] { return random.next() >> 63; };
  switch (type) {
    case DType::kFloat32:
      return fill<float>(t, [&] { return random.unit(); });
    case DType::kFloat64:
      return fill<double>(t, [&] { return double{random.unit()}; });
    case DType::kFloat16:
      return fill<uint16_t>(t, [&] { return random_half(random); });
    case DType::kBFloat16:
      return fill<uint16_t>(
          t, [&] { return static_cast<uint16_t>(std::bit_cast<uint32_t>(random.unit()) >> 16); });
    case DType::kUInt8:
    case DType::kInt8:
    case DType::kBool:
      return fill<uint8_t>(t, [&] { return static_cast<uint8_t>(bit()); });
    case DType::kUInt16:
    case DType::kInt16:
      return fill<uint16_t>(t, [&] { return static_cast<uint16_t>(bit()); });
    case DType::kUInt32:
    case DType::kInt32:
      return fill<uint32_t>(t, [&] { return static_cast<uint32_t>(bit()); });
    case DType::kUInt64:
    case DType::kInt64:
      return fill<uint64_t>(t, [&] { return bit(); });
    case DType::kString:
      return t;
    default:
      fail(Code::kUnsupportedType, "no random numbers of type {}; give the input with --input",
           dtype_name(type));
  }
}

}  // namespace ferry::cli
