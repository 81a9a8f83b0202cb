// SPDX-License-Identifier: Apache-2.0
#include "base/cache_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "base/descriptor.h"
#include "base/status.h"

namespace ferry {
namespace {

constexpr std::string_view kUnfinished = ".unfinished-";

Status check_owner(const struct stat& info, const std::string& what) {
  if (info.st_uid != ::geteuid()) {
    return io_error("{}: belongs to user {}, wanted is one of this process's user {}", what,
                    info.st_uid, ::geteuid());
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return io_error("{}: others may write to it (mode {:o}); take that away with chmod go-w", what,
                    info.st_mode & 07777u);
  }
  return {};
}

Status make_folders(const std::string& path) {
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
      // Folders above it may be closed to us and there nevertheless.
      const int error = errno;
      struct stat info = {};
      if (::stat(part.c_str(), &info) != 0) {
        return io_error("{}: cannot be made: {}", part, reason(error));
      }
    }
    if (end == std::string::npos) return {};
  }
}

Status write_all(int fd, std::span<const std::byte> bytes) {
  // The kernel takes no more than 2 GiB at once.
  constexpr size_t kMost = size_t{1} << 30;
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), std::min(bytes.size(), kMost));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("cannot be written: {}", reason(errno));
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

std::string ending_of(const std::string& name) {
  const size_t dot = name.rfind('.');
  return dot == std::string::npos ? std::string() : name.substr(dot);
}

struct Found {
  std::string name;
  uint64_t bytes;
  struct timespec used;
};

std::vector<Found> list_files(int folder) {
  std::vector<Found> files;
  const int fd = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return files;
  DIR* dir = ::fdopendir(fd);
  if (dir == nullptr) {
    ::close(fd);
    return files;
  }
  while (const dirent* entry = ::readdir(dir)) {
    struct stat info = {};
    if (::fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(info.st_mode)) continue;
    files.push_back({entry->d_name, static_cast<uint64_t>(info.st_size), info.st_mtim});
  }
  ::closedir(dir);
  return files;
}

// A writer holds a lock as long as it lives.
void remove_if_abandoned(int folder, const std::string& name) {
  const Descriptor file(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (file.fd < 0 || ::flock(file.fd, LOCK_EX | LOCK_NB) != 0) return;
  (void)::unlinkat(folder, name.c_str(), 0);
}

// A new file that is locked. Somebody who sweeps between the two steps removes it: then another
// one is made. Returns a descriptor or -errno.
int make_locked(int folder, const std::string& name) {
  for (;;) {
    const int fd =
        ::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                 S_IRUSR | S_IWUSR);
    if (fd < 0) return -errno;
    struct stat info = {};
    if (::flock(fd, LOCK_EX) != 0 || ::fstat(fd, &info) != 0 || info.st_nlink > 0) return fd;
    ::close(fd);
  }
}

}  // namespace

CacheFolder::~CacheFolder() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::unique_ptr<CacheFolder>> CacheFolder::open(const std::string& path) {
  FERRY_RETURN_IF_ERROR(make_folders(path));
  std::unique_ptr<CacheFolder> folder(new CacheFolder);
  folder->path_ = path;
  folder->fd_ = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder->fd_ < 0) return io_error("{}: cannot be opened as a folder: {}", path, reason(errno));
  struct stat info = {};
  if (::fstat(folder->fd_, &info) != 0) return io_error("{}: {}", path, reason(errno));
  FERRY_RETURN_IF_ERROR(check_owner(info, path));
  return folder;
}

Result<std::shared_ptr<MappedFile>> CacheFolder::find(const std::string& name) const {
  const Descriptor file(
      ::openat(fd_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (file.fd < 0 && errno == ENOENT) return std::shared_ptr<MappedFile>();
  const std::string path = path_of(name);
  if (file.fd < 0) return io_error("{}: cannot be opened: {}", path, reason(errno));
  struct stat info = {};
  if (::fstat(file.fd, &info) != 0) return io_error("{}: {}", path, reason(errno));
  FERRY_RETURN_IF_ERROR(check_owner(info, path));
  (void)::futimens(file.fd, nullptr);  // what is used stays; a read-only folder may refuse
  return MappedFile::from_descriptor(file.fd, path, {});
}

Status CacheFolder::put(const std::string& name, uint64_t limit_bytes,
                        const std::function<Status(const Append&)>& fill) const {
  // Process numbers come back; the time does not.
  static std::atomic<uint64_t> counter{0};
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  const std::string temporary =
      fmt::format("{}{}-{}-{:x}-{}", kUnfinished, ::getpid(), counter.fetch_add(1), now, name);
  const Descriptor file(make_locked(fd_, temporary));
  if (file.fd < 0) return io_error("{}: cannot be made: {}", path_of(temporary), reason(-file.fd));
  const auto finish = [&]() -> Status {
    FERRY_RETURN_IF_ERROR(
        fill([&](std::span<const std::byte> bytes) { return write_all(file.fd, bytes); }));
    if (::fsync(file.fd) != 0) return io_error("cannot be written: {}", reason(errno));
    if (::renameat(fd_, temporary.c_str(), fd_, name.c_str()) != 0) {
      return io_error("cannot be put in place: {}", reason(errno));
    }
    return {};
  };
  if (Status status = finish(); !status.ok()) {
    (void)::unlinkat(fd_, temporary.c_str(), 0);
    return std::move(status).with_context(path_of(name));
  }
  (void)::fsync(fd_);
  sweep(name, limit_bytes);
  return {};
}

void CacheFolder::sweep(const std::string& keep, uint64_t limit_bytes) const {
  std::vector<Found> files = list_files(fd_);
  uint64_t total = 0;
  for (const Found& f : files) {
    if (f.name.starts_with(kUnfinished)) {
      remove_if_abandoned(fd_, f.name);
    } else if (ending_of(f.name) == ending_of(keep)) {
      total += f.bytes;
    }
  }
  std::sort(files.begin(), files.end(), [](const Found& a, const Found& b) {
    if (a.used.tv_sec != b.used.tv_sec) return a.used.tv_sec < b.used.tv_sec;
    if (a.used.tv_nsec != b.used.tv_nsec) return a.used.tv_nsec < b.used.tv_nsec;
    return a.name < b.name;
  });
  for (const Found& f : files) {
    if (total <= limit_bytes) return;
    if (f.name == keep || f.name.starts_with(kUnfinished)) continue;
    if (ending_of(f.name) != ending_of(keep)) continue;
    if (::unlinkat(fd_, f.name.c_str(), 0) == 0) total -= f.bytes;
  }
}

}  // namespace ferry
