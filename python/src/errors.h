// SPDX-License-Identifier: Apache-2.0
// Ferry's errors as Python exceptions: one class per code, defined in ferry/errors.py.
#pragma once

#include <string>
#include <utility>

#include "ferry/status.h"

namespace ferry::python {

// Raises the exception of `status`, which is not ok. Holds the GIL.
[[noreturn]] void raise(const Status& status);
[[noreturn]] void raise(Code code, const std::string& message);

inline void check(const Status& status) {
  if (!status.ok()) raise(status);
}

template <class T>
T check(Result<T>&& result) {
  if (!result.ok()) raise(result.status());
  return std::move(*result);
}

}  // namespace ferry::python
