// SPDX-License-Identifier: Apache-2.0
#include "compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/status.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

bool close(double got, double want, double rtol, double atol) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got);
  if (std::isinf(want) || std::isinf(got)) return want == got;
  return std::fabs(got - want) <= atol + rtol * std::fabs(want);
}

template <class T>
std::string compare_elements(const T* got, const T* want, int64_t count, double rtol, double atol) {
  int64_t bad = 0, first = -1;
  double worst = 0;
  for (int64_t i = 0; i < count; ++i) {
    const auto g = static_cast<double>(static_cast<compute_t<T>>(got[i]));
    const auto w = static_cast<double>(static_cast<compute_t<T>>(want[i]));
    // Integers are compared exactly unless whole steps are allowed.
    if (is_floating_v<T> || atol >= 1 ? close(g, w, rtol, atol) : got[i] == want[i]) continue;
    if (++bad == 1) first = i;
    worst = std::max(worst, std::fabs(g - w));
  }
  if (bad == 0) return "";
  return fmt::format("{} of {} elements differ, first [{}] is {} wanted {}, largest error {}", bad,
                     count, first, static_cast<double>(static_cast<compute_t<T>>(got[first])),
                     static_cast<double>(static_cast<compute_t<T>>(want[first])), worst);
}

std::string compare_tensors(const Tensor& got, const Tensor& want, double rtol, double atol) {
  if (got.describe() != want.describe()) {
    return fmt::format("is {}, wanted {}", got.describe(), want.describe());
  }
  if (want.dtype() == DType::kString) {
    for (int64_t i = 0; i < want.count(); ++i) {
      const std::string &g = got.data<std::string>()[i], &w = want.data<std::string>()[i];
      if (g != w) return fmt::format("[{}] is '{}', wanted '{}'", i, g, w);
    }
    return "";
  }
  if (want.dtype() == DType::kComplex64) {
    return compare_elements(got.data<float>(), want.data<float>(), 2 * want.count(), rtol, atol);
  }
  if (want.dtype() == DType::kComplex128) {
    return compare_elements(got.data<double>(), want.data<double>(), 2 * want.count(), rtol, atol);
  }
  std::string text;
  const Status numbers = visit_numeric(want.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    text = compare_elements(got.data<T>(), want.data<T>(), want.count(), rtol, atol);
    return {};
  });
  if (numbers.ok()) return text;
  // bool, small floats and packed integers: by bytes.
  return compare_elements(static_cast<const uint8_t*>(got.raw()),
                          static_cast<const uint8_t*>(want.raw()),
                          static_cast<int64_t>(want.size_bytes()), rtol, atol);
}

std::string compare_lists(const std::vector<Value>& got, const std::vector<Value>& want,
                          double rtol, double atol) {
  if (got.size() != want.size()) {
    return fmt::format("has {} elements, wanted {}", got.size(), want.size());
  }
  for (size_t i = 0; i < want.size(); ++i) {
    const std::string text = difference(got[i], want[i], rtol, atol);
    if (!text.empty()) return fmt::format("element {}: {}", i, text);
  }
  return "";
}

}  // namespace

std::string difference(const Value& got, const Value& want, double rtol, double atol) {
  if (want.is_tensor() && got.is_tensor()) {
    return compare_tensors(got.tensor(), want.tensor(), rtol, atol);
  }
  if (want.is_sequence() && got.is_sequence()) {
    return compare_lists(got.sequence(), want.sequence(), rtol, atol);
  }
  if (want.is_map() && got.is_map()) {
    const std::string keys = compare_tensors(got.map().keys, want.map().keys, 0, 0);
    if (!keys.empty()) return "keys: " + keys;
    return compare_lists(got.map().values, want.map().values, rtol, atol);
  }
  if (want.is_none() && got.is_none()) return "";
  return fmt::format("is {}, wanted {}", got.describe(), want.describe());
}

}  // namespace ferry
