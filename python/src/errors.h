// SPDX-License-Identifier: Apache-2.0
// Ferry's errors as Python exceptions: one class per code, defined in ferry/errors.py.
#pragma once

#include <nanobind/nanobind.h>

#include <string>
#include <utility>

#include "ferry/status.h"

namespace ferry::python {

// Raises the exception of `status`, which is not ok. Holds the GIL.
[[noreturn]] void raise(const Status& status);
[[noreturn]] void raise(Code code, const std::string& message);

// Raises InvalidArgument: what the argument is and what was wanted.
[[noreturn]] void refuse(const char* argument, nanobind::handle value, const char* wanted);

inline void check(const Status& status) {
  if (!status.ok()) raise(status);
}

template <class T>
T check(Result<T>&& result) {
  if (!result.ok()) raise(result.status());
  return std::move(*result);
}

}  // namespace ferry::python
