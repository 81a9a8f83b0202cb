// SPDX-License-Identifier: Apache-2.0
#include "onnx/external_data.h"

#include <charconv>

#include "base/status.h"

namespace ferry::onnx {
namespace {

Result<uint64_t> parse_u64(std::string_view key, std::string_view text) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end) {
    return invalid_model("external data: '{}' is '{}', wanted is a number of bytes", key, text);
  }
  return value;
}

}  // namespace

Result<OwnedBytes> ExternalData::file(const std::string& location) {
  if (const auto it = files_.find(location); it != files_.end()) return it->second;
  if (folder_.empty()) {
    return invalid_model(
        "external data '{}': the model was given as bytes; name the folder or the buffer that "
        "holds it",
        location);
  }
  if (!directory_) {
    FERRY_ASSIGN_OR_RETURN(directory_, Directory::open(folder_));
  }
  auto opened = directory_->open_beneath(location, options_);
  if (!opened.ok()) return std::move(opened).status().with_context("external data");
  const OwnedBytes bytes{(*opened)->bytes(), *opened};
  files_.emplace(location, bytes);
  return bytes;
}

Result<OwnedBytes> ExternalData::read(const StringPairs& entries) {
  std::string location;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
  for (const auto& [key, value] : entries) {
    if (key == "location") {
      location = value;
    } else if (key == "offset") {
      FERRY_ASSIGN_OR_RETURN(offset, parse_u64(key, value));
    } else if (key == "length") {
      FERRY_ASSIGN_OR_RETURN(length, parse_u64(key, value));
    } else if (key != "checksum") {
      return invalid_model(
          "external data: key '{}' is not known; known are location, offset, length, checksum",
          key);
    }
  }
  FERRY_ASSIGN_OR_RETURN(OwnedBytes whole, file(location));
  const uint64_t size = whole.bytes.size();
  const uint64_t wanted = length.value_or(offset <= size ? size - offset : 0);
  if (wanted > size || offset > size - wanted) {
    return invalid_model("external data '{}': {} bytes at offset {} wanted, the file has {} bytes",
                         location, wanted, offset, size);
  }
  whole.bytes = whole.bytes.subspan(offset, wanted);
  return whole;
}

}  // namespace ferry::onnx
