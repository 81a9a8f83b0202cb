// SPDX-License-Identifier: Apache-2.0
// Makers of Status with formatted messages, and the two macros that pass errors on.
#pragma once

#include <fmt/core.h>

#include <string>
#include <utility>

#include "ferry/status.h"

#define FERRY_CONCAT_INNER(a, b) a##b
#define FERRY_CONCAT(a, b) FERRY_CONCAT_INNER(a, b)

// FERRY_RETURN_IF_ERROR(f(x));
#define FERRY_RETURN_IF_ERROR(expr) \
  FERRY_RETURN_IF_ERROR_IMPL(FERRY_CONCAT(ferry_status_, __COUNTER__), expr)
#define FERRY_RETURN_IF_ERROR_IMPL(tmp, expr) \
  do {                                        \
    ::ferry::Status tmp = (expr);             \
    if (!tmp.ok()) [[unlikely]]               \
      return tmp;                             \
  } while (false)

// FERRY_ASSIGN_OR_RETURN(const Shape shape, shape_of(x));
#define FERRY_ASSIGN_OR_RETURN(lhs, expr) \
  FERRY_ASSIGN_OR_RETURN_IMPL(FERRY_CONCAT(ferry_result_, __COUNTER__), lhs, expr)
#define FERRY_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                                \
  if (!tmp.ok()) [[unlikely]]                       \
    return std::move(tmp).status();                 \
  lhs = *std::move(tmp)

// Our own bugs only: never reachable from user data. Compiled out in release builds.
#define FERRY_DCHECK(cond) assert(cond)

namespace ferry {

template <class... Args>
Status make_error(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return Status(code, fmt::format(format, std::forward<Args>(args)...));
}

#define FERRY_DEFINE_ERROR(name, code)                                     \
  template <class... Args>                                                 \
  Status name(fmt::format_string<Args...> format, Args&&... args) {        \
    return Status(code, fmt::format(format, std::forward<Args>(args)...)); \
  }
FERRY_DEFINE_ERROR(invalid_argument, Code::kInvalidArgument)
FERRY_DEFINE_ERROR(invalid_model, Code::kInvalidModel)
FERRY_DEFINE_ERROR(unsupported_op, Code::kUnsupportedOp)
FERRY_DEFINE_ERROR(unsupported_type, Code::kUnsupportedType)
FERRY_DEFINE_ERROR(shape_mismatch, Code::kShapeMismatch)
FERRY_DEFINE_ERROR(out_of_memory, Code::kOutOfMemory)
FERRY_DEFINE_ERROR(io_error, Code::kIoError)
FERRY_DEFINE_ERROR(limit_exceeded, Code::kLimitExceeded)
FERRY_DEFINE_ERROR(internal_error, Code::kInternal)
#undef FERRY_DEFINE_ERROR

}  // namespace ferry
