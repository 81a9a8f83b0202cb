// SPDX-License-Identifier: Apache-2.0
// Status and Result: how every function of Ferry reports failure.
//
// Errors are values. A message names who failed, what was seen, what was wanted and what to try.
// The library never prints, aborts or exits.
//
//   ferry::Result<ferry::Model> model = ferry::Model::load("net.onnx");
//   if (!model.ok()) std::cerr << model.status().to_string() << "\n";
//
// Threads: values of these types may be read from several threads at once.
#pragma once

#include <cassert>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "ferry/export.h"

namespace ferry {

enum class Code : int {
  kOk = 0,
  kInvalidArgument = 1,    // a call's own argument is wrong: a name, a count, an option
  kInvalidModel = 2,       // the file breaks the ONNX specification or is damaged
  kUnsupportedOp = 3,      // an operator, domain or opset that this build does not know
  kUnsupportedType = 4,    // an element type that the operator or this build does not take
  kShapeMismatch = 5,      // dimensions contradict the model or each other
  kOutOfMemory = 6,        // the memory budget or the machine's memory is used up
  kIoError = 7,            // a file could not be read or written
  kDeviceError = 8,        // the device reported a fault
  kCancelled = 9,          // the caller's cancellation token was set
  kDeadlineExceeded = 10,  // the caller's deadline passed
  kLimitExceeded = 11,     // a limit on loaded files was met; see Limits
  kInternal = 12,          // a defect of Ferry; please report it
};

// The stable name of a code, e.g. "ShapeMismatch".
FERRY_API std::string_view code_name(Code code) noexcept;

class [[nodiscard]] FERRY_API Status {
 public:
  Status() noexcept = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const noexcept { return code_ == Code::kOk; }
  Code code() const noexcept { return code_; }
  // What happened, outermost context first: "model.onnx: node 'conv1' (Conv): ...".
  const std::string& message() const noexcept { return message_; }
  // Code name and message: "ShapeMismatch: ...", or "Ok".
  std::string to_string() const;
  // The same error with `where` in front of the message. Leaves ok unchanged.
  Status with_context(std::string_view where) const&;
  Status with_context(std::string_view where) &&;

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

// What Result::value() throws when there is no value.
class FERRY_API Error : public std::runtime_error {
 public:
  explicit Error(Status reason);
  const Status& status() const noexcept { return status_; }

 private:
  Status status_;
};

// A value or the Status that says why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT: implicit by design
  Result(Status status) : status_(std::move(status)) {  // NOLINT: implicit by design
    assert(!status_.ok());
  }

  bool ok() const noexcept { return value_.has_value(); }
  const Status& status() const& noexcept { return status_; }
  Status&& status() && noexcept { return std::move(status_); }

  // The value; throws Error when there is none.
  T& value() & { return check(), *value_; }
  const T& value() const& { return check(), *value_; }
  T&& value() && { return check(), std::move(*value_); }

  // The value; the caller has looked at ok().
  T& operator*() & noexcept { return *value_; }
  const T& operator*() const& noexcept { return *value_; }
  T&& operator*() && noexcept { return std::move(*value_); }
  T* operator->() noexcept { return &*value_; }
  const T* operator->() const noexcept { return &*value_; }

 private:
  void check() const {
    if (!ok()) throw Error(status_);
  }
  std::optional<T> value_;
  Status status_;
};

}  // namespace ferry
