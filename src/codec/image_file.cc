// SPDX-License-Identifier: Apache-2.0
// read_image and write_image: whole files, read with a limit and replaced atomically.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/status.h"
#include "codec/formats.h"
#include "codec/image.h"

namespace ferry {
namespace codec {
namespace {

namespace fs = std::filesystem;

std::string errno_text(int error) { return std::generic_category().message(error); }

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { close(); }

  int fd() const { return fd_; }
  // 0 or errno. Some file systems report a failed write only here.
  int close() {
    const int fd = std::exchange(fd_, -1);
    return fd >= 0 && ::close(fd) != 0 ? errno : 0;
  }

 private:
  int fd_;
};

// Reads to the end, as pipes have no size.
Result<std::vector<uint8_t>> read_all(int fd, int64_t size_hint, int64_t max_bytes) {
  std::vector<uint8_t> bytes;
  size_t used = 0;
  bytes.resize(static_cast<size_t>(size_hint) + 1);
  for (;;) {
    const ssize_t n = ::read(fd, bytes.data() + used, bytes.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("cannot be read: {}", errno_text(errno));
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
  File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd() < 0) return io_error("cannot be opened: {}", errno_text(errno));
  struct stat info {};
  if (::fstat(file.fd(), &info) != 0) return io_error("cannot be read: {}", errno_text(errno));
  if (S_ISDIR(info.st_mode)) return io_error("is a directory, wanted a picture file");
  const int64_t size = S_ISREG(info.st_mode) ? info.st_size : 65536;
  if (size > max_bytes && S_ISREG(info.st_mode)) {
    return limit_exceeded("the file has {} bytes, the limit is {} (max_file_bytes)", size,
                          max_bytes);
  }
  FERRY_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, read_all(file.fd(), size, max_bytes));
  if (bytes.empty()) return io_error("the file is empty");
  return bytes;
}

Status write_all(File& file, const std::vector<uint8_t>& bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(file.fd(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("cannot be written: {}", errno_text(errno));
    done += static_cast<size_t>(n);
  }
  if (const int error = file.close(); error != 0) {
    return io_error("cannot be written: {}", errno_text(error));
  }
  return {};
}

// Pipes and devices cannot be renamed over; they are written in place.
Status write_in_place(const fs::path& path, const std::vector<uint8_t>& bytes) {
  File file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.fd() < 0) return io_error("cannot be opened: {}", errno_text(errno));
  return write_all(file, bytes);
}

Status replace_file(const fs::path& path, const std::vector<uint8_t>& bytes) {
  static std::atomic<unsigned> counter{0};
  fs::path temporary;
  int fd = -1;
  do {
    temporary = path;
    temporary += fmt::format(".{}-{}.tmp", ::getpid(), counter++);
    fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (fd < 0 && errno == EEXIST);
  File file(fd);
  if (fd < 0) return io_error("cannot be created: {}", errno_text(errno));
  Status status = write_all(file, bytes);
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = io_error("cannot be replaced: {}", errno_text(errno));
  }
  if (!status.ok()) ::unlink(temporary.c_str());
  return status;
}

Status write_file(const fs::path& path, const std::vector<uint8_t>& bytes) {
  std::error_code error;
  const fs::file_status target = fs::status(path, error);
  if (fs::is_directory(target)) return io_error("is a directory");
  if (fs::exists(target) && !fs::is_regular_file(target)) return write_in_place(path, bytes);
  // A link stays a link: the file that it names is replaced.
  const fs::path real = fs::exists(target) ? fs::canonical(path, error) : path;
  return replace_file(error ? path : real, bytes);
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
  return codec::write_file(path, *bytes).with_context(where);
}

}  // namespace ferry
