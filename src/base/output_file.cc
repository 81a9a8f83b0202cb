// SPDX-License-Identifier: Apache-2.0
#include "base/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "base/descriptor.h"
#include "base/status.h"

namespace ferry {
namespace {

namespace fs = std::filesystem;

Status failed(const char* what, int error) {
  return io_error("cannot be {}: {}", what, reason(error));
}

}  // namespace

Status OutputFile::open(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (path.empty()) return io_error("has no name");
  if (fs::is_directory(status)) return io_error("is a directory");
  const bool there = fs::exists(status);
  target_ = there ? fs::canonical(path, error) : path;
  if (!there || error) target_ = path;
  if (there && !fs::is_regular_file(status)) {
    fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    return fd_ < 0 ? failed("opened", errno) : Status();
  }
  return create_beside(there ? static_cast<unsigned>(status.permissions()) & 0777U : 0);
}

Status OutputFile::create_beside(unsigned mode) {
  static std::atomic<unsigned> counter{0};
  do {
    temporary_ = target_;
    temporary_ += fmt::format(".{}-{}.tmp", ::getpid(), counter++);
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (fd_ < 0 && errno == EEXIST);
  if (fd_ < 0) {
    temporary_.clear();
    return failed("created", errno);
  }
  if (mode != 0 && ::fchmod(fd_, mode) != 0) return failed("given its permissions", errno);
  return {};
}

Status OutputFile::write(const void* bytes, size_t count) {
  const auto* from = static_cast<const char*>(bytes);
  while (count > 0) {
    const ssize_t n = ::write(fd_, from, count);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("written", errno);
    from += n;
    count -= static_cast<size_t>(n);
  }
  return {};
}

Status OutputFile::close() {
  // Some file systems report a failed write only here.
  if (fd_ >= 0 && ::close(std::exchange(fd_, -1)) != 0) return failed("written", errno);
  return {};
}

Status OutputFile::commit_both(OutputFile& part, OutputFile& whole) {
  FERRY_RETURN_IF_ERROR(part.close().with_context(part.target_.string()));
  FERRY_RETURN_IF_ERROR(whole.close().with_context(whole.target_.string()));
  std::error_code error;
  if (!whole.temporary_.empty() && fs::exists(part.target_, error)) {
    fs::remove(whole.target_, error);
    if (error) return failed("replaced", error.value()).with_context(whole.target_.string());
  }
  FERRY_RETURN_IF_ERROR(part.commit().with_context(part.target_.string()));
  return whole.commit().with_context(whole.target_.string());
}

Status OutputFile::commit() {
  FERRY_RETURN_IF_ERROR(close());
  if (temporary_.empty()) return {};
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) return failed("replaced", errno);
  temporary_.clear();
  return {};
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status write_file(const fs::path& path, const void* bytes, size_t count) {
  OutputFile out;
  FERRY_RETURN_IF_ERROR(out.open(path));
  FERRY_RETURN_IF_ERROR(out.write(bytes, count));
  return out.commit();
}

}  // namespace ferry
