// SPDX-License-Identifier: Apache-2.0
#include "ferry/status.h"

#include <algorithm>
#include <cstdint>

#include "base/utf8.h"
#include "ferry/printable.h"

namespace ferry {
namespace {

// Controls; marks that turn the direction of writing; separators of lines and paragraphs.
bool is_hidden(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200e && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

std::string hex(uint32_t v, int digits) {
  std::string text;
  for (int d = digits - 1; d >= 0; --d) text += "0123456789abcdef"[v >> (4 * d) & 15];
  return text;
}

std::string escaped(uint32_t c) {
  if (c == '\n') return "\\n";
  if (c == '\r') return "\\r";
  if (c == '\t') return "\\t";
  return c < 0x80 ? "\\x" + hex(c, 2) : "\\u" + hex(c, 4);
}

}  // namespace

std::string printable(std::string text) {
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  if (plain) return text;
  std::string shown;
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_char_at(text, at);
    if (c.size == 0) {
      shown += "\\x" + hex(static_cast<uint8_t>(text[at++]), 2);
      continue;
    }
    shown += is_hidden(c.code) ? escaped(c.code) : text.substr(at, c.size);
    at += c.size;
  }
  return shown;
}

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
  return printable(std::move(text));
}

Status Status::with_context(std::string_view where) const& {
  return Status(*this).with_context(where);
}

Status Status::with_context(std::string_view where) && {
  if (!ok()) message_ = printable(std::string(where).append(": ").append(message_));
  return std::move(*this);
}

Error::Error(Status reason) : std::runtime_error(reason.to_string()), status_(std::move(reason)) {}

}  // namespace ferry
