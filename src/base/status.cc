// SPDX-License-Identifier: Apache-2.0
#include "ferry/status.h"

namespace ferry {

std::string_view code_name(Code code) noexcept {
  switch (code) {
    case Code::kOk:
      return "Ok";
    case Code::kInvalidArgument:
      return "InvalidArgument";
    case Code::kInvalidModel:
      return "InvalidModel";
    case Code::kUnsupportedOp:
      return "UnsupportedOp";
    case Code::kUnsupportedType:
      return "UnsupportedType";
    case Code::kShapeMismatch:
      return "ShapeMismatch";
    case Code::kOutOfMemory:
      return "OutOfMemory";
    case Code::kIoError:
      return "IoError";
    case Code::kDeviceError:
      return "DeviceError";
    case Code::kCancelled:
      return "Cancelled";
    case Code::kDeadlineExceeded:
      return "DeadlineExceeded";
    case Code::kLimitExceeded:
      return "LimitExceeded";
    case Code::kInternal:
      return "Internal";
  }
  return "Unknown";
}

std::string Status::to_string() const {
  std::string text(code_name(code_));
  if (!message_.empty()) text.append(": ").append(message_);
  return text;
}

Status Status::with_context(std::string_view where) const& {
  return Status(*this).with_context(where);
}

Status Status::with_context(std::string_view where) && {
  if (!ok()) message_ = std::string(where).append(": ").append(message_);
  return std::move(*this);
}

Error::Error(Status reason) : std::runtime_error(reason.to_string()), status_(std::move(reason)) {}

}  // namespace ferry
