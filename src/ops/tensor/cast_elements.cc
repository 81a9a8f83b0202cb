// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/cast_elements.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/float8.h"
#include "base/status.h"
#include "ops/convert.h"
#include "tensor/packed.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

bool is_small_float(DType t) {
  switch (t) {
    case DType::kFloat8E4M3FN:
    case DType::kFloat8E4M3FNUZ:
    case DType::kFloat8E5M2:
    case DType::kFloat8E5M2FNUZ:
    case DType::kFloat8E8M0:
    case DType::kFloat4E2M1:
      return true;
    default:
      return false;
  }
}

float small_float_value(DType t, uint8_t bits) {
  if (t == DType::kFloat8E8M0) return e8m0_to_float(bits);
  return t == DType::kFloat4E2M1 ? float4_to_float(bits) : float8_to_float(t, bits);
}

uint8_t small_float_bits(float f, const CastOptions& o) {
  if (o.to == DType::kFloat4E2M1) return float4_from_float(f);
  if (o.to != DType::kFloat8E8M0) return float8_from_float(o.to, f, o.saturate);
  return e8m0_from_float(f, o.saturate,
                         o.round_mode == "down"      ? E8M0Round::kDown
                         : o.round_mode == "nearest" ? E8M0Round::kNearest
                                                     : E8M0Round::kUp);
}

// Small types as ordinary ones: floats as f32, packed integers as i8.
Result<Tensor> widened(const Tensor& x, MemoryBudget* budget) {
  Tensor bytes = x;
  if (is_packed(x.dtype())) {
    FERRY_ASSIGN_OR_RETURN(bytes, unpack_bits(x, budget));
  }
  const uint8_t* from = bytes.data<uint8_t>();
  if (is_small_float(x.dtype())) {
    FERRY_ASSIGN_OR_RETURN(Tensor y, Tensor::allocate(DType::kFloat32, x.dims(), budget));
    for (int64_t i = 0; i < x.count(); ++i)
      y.data<float>()[i] = small_float_value(x.dtype(), from[i]);
    return y;
  }
  if (!is_packed(x.dtype())) return x;
  FERRY_ASSIGN_OR_RETURN(Tensor y, Tensor::allocate(DType::kInt8, x.dims(), budget));
  for (int64_t i = 0; i < x.count(); ++i) {
    y.data<int8_t>()[i] = static_cast<int8_t>(packed_int(x.dtype(), from[i]));
  }
  return y;
}

// Python's repr: the shortest digits that read back, scientific for very large and small ones.
template <class C>
std::string float_text(C v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v < 0 ? "-INF" : "INF";
  char text[64];
  const double size = std::fabs(static_cast<double>(v));
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto end = std::to_chars(text, text + sizeof(text), v,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific);
  std::string s(text, end.ptr);
  if (plain && s.find('.') == std::string::npos) s += ".0";
  return s;
}

std::string_view trimmed(std::string_view s) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = s.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(kSpace) - first + 1);
}

template <class N>
bool parse_all(std::string_view s, N& value) {
  if (!s.empty() && s[0] == '+') s.remove_prefix(1);
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  // Out of range leaves the value alone: the nearest is infinity or zero.
  if (error == std::errc::result_out_of_range && end == s.data() + s.size()) {
    if constexpr (std::is_floating_point_v<N>) {
      const bool tiny =
          s.find("e-") != std::string_view::npos || s.find("E-") != std::string_view::npos;
      value = tiny ? N(0) : std::numeric_limits<N>::infinity();
      if (s[0] == '-') value = -value;
      return true;
    }
  }
  return error == std::errc() && end == s.data() + s.size();
}

template <class T>
Status parse(const std::string& text, T& y) {
  const std::string_view s = trimmed(text);
  bool ok = false;
  if constexpr (is_floating_v<T>) {
    compute_t<T> v = 0;
    ok = parse_all(s, v);
    y = T(v);
  } else {
    int64_t v = 0;
    uint64_t u = 0;
    double d = 0;
    if (parse_all(s, v)) {
      y = static_cast<T>(v), ok = true;
    } else if (parse_all(s, u)) {
      y = static_cast<T>(u), ok = true;
    } else if (parse_all(s, d)) {
      y = clamp_to_int<T>(d), ok = true;
    }
  }
  if (ok) return {};
  return invalid_argument("the string '{}' is no number", text.substr(0, 64));
}

template <class T>
Status from_strings(const Tensor& x, Tensor& y) {
  for (int64_t i = 0; i < x.count(); ++i) {
    FERRY_RETURN_IF_ERROR(parse(x.data<std::string>()[i], y.data<T>()[i]));
  }
  return {};
}

Status bools_from_strings(const Tensor& x, Tensor& y) {
  for (int64_t i = 0; i < x.count(); ++i) {
    const std::string& s = x.data<std::string>()[i];
    double v = 0;
    if (s == "True" || s == "true" || s == "False" || s == "false") {
      v = s[0] == 'T' || s[0] == 't' ? 1 : 0;
    } else {
      FERRY_RETURN_IF_ERROR(parse(s, v));
    }
    y.data<bool>()[i] = v != 0;
  }
  return {};
}

// Numbers and bools.
template <class F>
Status visit_ordinary(DType t, F&& f) {
  if (t == DType::kBool) return f(TypeTag<bool>{});
  return visit_numeric(t, f);
}

template <class T>
void to_strings(const Tensor& x, Tensor& y) {
  for (int64_t i = 0; i < x.count(); ++i) {
    const auto v = static_cast<compute_t<T>>(x.data<T>()[i]);
    std::string& s = y.data<std::string>()[i];
    if constexpr (std::is_same_v<T, bool>)
      s = v ? "True" : "False";
    else if constexpr (std::is_integral_v<T>)
      s = std::to_string(v);
    else
      s = float_text(v);
  }
}

template <class From, class To>
void convert(const From* x, To* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const auto v = static_cast<compute_t<From>>(x[i]);
    if constexpr (std::is_same_v<To, bool>)
      y[i] = v != 0;
    else
      y[i] = static_cast<To>(convert_number<compute_t<To>>(v));
  }
}

// Both sides numbers, bools or strings.
Status cast_ordinary(const Tensor& x, Tensor& y) {
  if (x.dtype() == y.dtype()) {
    if (x.dtype() == DType::kString) {
      std::copy_n(x.data<std::string>(), x.count(), y.data<std::string>());
      return {};
    }
    std::memcpy(y.raw(), x.raw(), x.size_bytes());
    return {};
  }
  if (x.dtype() == DType::kString) {
    if (y.dtype() == DType::kBool) return bools_from_strings(x, y);
    return visit_numeric(y.dtype(), [&]<class T>(TypeTag<T>) { return from_strings<T>(x, y); });
  }
  return visit_ordinary(x.dtype(), [&]<class From>(TypeTag<From>) -> Status {
    if (y.dtype() == DType::kString) {
      to_strings<From>(x, y);
      return {};
    }
    return visit_ordinary(y.dtype(), [&]<class To>(TypeTag<To>) -> Status {
      convert(x.data<From>(), y.data<To>(), x.count());
      return {};
    });
  });
}

}  // namespace

Status cast_elements(const Tensor& given, Tensor& y, const CastOptions& options,
                     MemoryBudget* budget) {
  if (y.count() == 0) return {};
  FERRY_ASSIGN_OR_RETURN(const Tensor x, widened(given, budget));
  const bool small = is_small_float(y.dtype());
  if (!small && !is_packed(y.dtype())) return cast_ordinary(x, y);
  // Through floats to small floats; through integers, which wrap, to packed integers.
  FERRY_ASSIGN_OR_RETURN(
      Tensor wide, Tensor::allocate(small ? DType::kFloat32 : DType::kInt64, x.dims(), budget));
  FERRY_RETURN_IF_ERROR(cast_ordinary(x, wide));
  Tensor bytes = y;
  if (is_packed(y.dtype())) {
    FERRY_ASSIGN_OR_RETURN(bytes, Tensor::allocate(DType::kUInt8, x.dims(), budget));
  }
  const auto mask = static_cast<uint8_t>((1 << std::min(8, dtype_bits(y.dtype()))) - 1);
  for (int64_t i = 0; i < x.count(); ++i) {
    bytes.data<uint8_t>()[i] = small ? small_float_bits(wide.data<float>()[i], options)
                                     : static_cast<uint8_t>(wide.data<int64_t>()[i] & mask);
  }
  if (is_packed(y.dtype())) pack_bits(bytes, y);
  return {};
}

}  // namespace ferry
