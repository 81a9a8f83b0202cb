// SPDX-License-Identifier: Apache-2.0
// read_image and write_image: whole files, read with a limit and replaced atomically.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "base/output_file.h"
#include "base/status.h"
#include "codec/formats.h"
#include "codec/image.h"

namespace ferry {
namespace codec {
namespace {

namespace fs = std::filesystem;

// Reads to the end, as pipes have no size.
Result<std::vector<uint8_t>> read_all(int fd, int64_t size_hint, int64_t max_bytes) {
  std::vector<uint8_t> bytes;
  size_t used = 0;
  bytes.resize(static_cast<size_t>(size_hint) + 1);
  for (;;) {
    const ssize_t n = ::read(fd, bytes.data() + used, bytes.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("cannot be read: {}", reason(errno));
    if (n == 0) break;
    used += static_cast<size_t>(n);
    if (static_cast<int64_t>(used) > max_bytes) {
      return limit_exceeded("the file is larger than the limit of {} bytes (max_file_bytes)",
                            max_bytes);
    }
    if (used == bytes.size()) bytes.resize(used * 2);
  }
  bytes.resize(used);
  return bytes;
}

Result<std::vector<uint8_t>> read_file(const fs::path& path, int64_t max_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0) return io_error("cannot be opened: {}", reason(errno));
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) return io_error("cannot be read: {}", reason(errno));
  if (S_ISDIR(info.st_mode)) return io_error("is a directory, wanted a picture file");
  const int64_t size = S_ISREG(info.st_mode) ? info.st_size : 65536;
  if (size > max_bytes && S_ISREG(info.st_mode)) {
    return limit_exceeded("the file has {} bytes, the limit is {} (max_file_bytes)", size,
                          max_bytes);
  }
  FERRY_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, read_all(file.fd, size, max_bytes));
  if (bytes.empty()) return io_error("the file is empty");
  return bytes;
}

}  // namespace

}  // namespace codec

Result<Image> read_image(const std::filesystem::path& path, const DecodeOptions& options) {
  const std::string where = fmt::format("'{}'", path.string());
  try {
    Result<std::vector<uint8_t>> bytes = codec::read_file(path, options.max_file_bytes);
    if (!bytes.ok()) return std::move(bytes).status().with_context(where);
    Result<Image> image = decode_image(*bytes, options);
    if (!image.ok()) return std::move(image).status().with_context(where);
    return image;
  } catch (const std::bad_alloc&) {
    return out_of_memory("{}: no memory left to read the file", where);
  }
}

Status write_image(const std::filesystem::path& path, const Image& image,
                   const WriteOptions& options) {
  const std::string where = fmt::format("'{}'", path.string());
  Result<codec::Encoded> bytes = codec::encode_for_path(path, image, options);
  if (!bytes.ok()) return std::move(bytes).status().with_context(where);
  return write_file(path, bytes->data(), bytes->size()).with_context(where);
}

}  // namespace ferry
