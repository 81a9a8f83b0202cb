// SPDX-License-Identifier: Apache-2.0
#include "onnx/external_data.h"

#include <algorithm>
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

Result<OwnedBytes> ExternalData::read(const StringPairs& entries, uint64_t size_bytes) {
  std::string location;
  uint64_t offset = 0;
  uint64_t length = size_bytes;
  for (const auto& [key, value] : entries) {
    if (key == "location") {
      location = value;
    } else if (key == "offset") {
      FERRY_ASSIGN_OR_RETURN(offset, parse_u64(key, value));
    } else if (key == "length") {
      FERRY_ASSIGN_OR_RETURN(length, parse_u64(key, value));
    } else if (key != "checksum" && key != "basepath") {
      return invalid_model(
          "external data: key '{}' is not known; known are location, offset, length, checksum, "
          "basepath",
          key);
    }
  }
  FERRY_ASSIGN_OR_RETURN(OwnedBytes whole, file(location));
  const uint64_t size = whole.bytes.size();
  if (length > size || offset > size - length) {
    return invalid_model("external data '{}': {} bytes at offset {} wanted, the file has {} bytes",
                         location, length, offset, size);
  }
  whole.bytes = whole.bytes.subspan(offset, length);
  read_ = std::min(UINT64_MAX - length, read_) + length;
  return whole;
}

uint64_t ExternalData::bytes_read() const {
  uint64_t in_files = 0;
  for (const auto& [location, bytes] : files_) in_files += bytes.bytes.size();
  return std::min(read_, in_files);
}

}  // namespace ferry::onnx
