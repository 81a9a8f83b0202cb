// SPDX-License-Identifier: Apache-2.0
#include "base/mapped_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

#include "base/descriptor.h"
#include "base/fork_mutex.h"
#include "base/status.h"

namespace ferry {
namespace {

std::atomic<bool> openat2_disabled{false};

// What is mapped now, by its beginning.
struct Mapping {
  uintptr_t end = 0;
  FileIdentity file;
};
struct Mappings {
  ForkMutex mutex;
  std::map<uintptr_t, Mapping> all;

  // The mapping that holds [at, at + bytes), or all.end(). Call with the mutex held.
  std::map<uintptr_t, Mapping>::const_iterator find(uintptr_t at, size_t bytes) const {
    const auto next = all.upper_bound(at);
    if (next == all.begin() || std::prev(next)->second.end < at + bytes) return all.end();
    return std::prev(next);
  }
};

Mappings& mappings() {
  static auto* const all = new Mappings;  // outlives every file
  return *all;
}

// O_NONBLOCK: opening a named pipe must not wait for a writer.
constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

std::vector<std::string> components(const std::string& relative) {
  std::vector<std::string> parts;
  size_t from = 0;
  while (from <= relative.size()) {
    const size_t to = std::min(relative.find('/', from), relative.size());
    std::string part = relative.substr(from, to - from);
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
    from = to + 1;
  }
  return parts;
}

// Opens component by component without following links. Returns -errno on failure.
int walk_beneath(int root, const std::vector<std::string>& parts) {
  int current = root;
  for (size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    const int flags =
        last ? kOpenFlags | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const int next = ::openat(current, parts[i].c_str(), flags);
    const int error = errno;
    if (current != root) ::close(current);
    if (next < 0) return -error;
    current = next;
  }
  return current;
}

// Returns a descriptor or -errno.
int open_beneath_fd(int root, const std::string& relative, const std::vector<std::string>& parts) {
  if (!openat2_disabled.load(std::memory_order_relaxed)) {
    struct open_how how = {};
    how.flags = kOpenFlags;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const long fd = ::syscall(SYS_openat2, root, relative.c_str(), &how, sizeof(how));
    if (fd >= 0) return static_cast<int>(fd);
    // ENOSYS: old kernel; EPERM: a seccomp filter that does not know the call.
    if (errno != ENOSYS && errno != EPERM) return -errno;
  }
  return walk_beneath(root, parts);
}

}  // namespace

void set_openat2_disabled(bool disabled) noexcept { openat2_disabled.store(disabled); }

MappedFile::~MappedFile() {
  if (!mapped_) return;
  Mappings& mapped = mappings();
  const std::lock_guard lock(mapped.mutex);
  mapped.all.erase(reinterpret_cast<uintptr_t>(data_));
  ::munmap(const_cast<std::byte*>(data_), size_);
}

std::optional<FilePlace> find_file_place(const void* data, size_t bytes) {
  const auto at = reinterpret_cast<uintptr_t>(data);
  Mappings& mapped = mappings();
  const std::lock_guard lock(mapped.mutex);
  const auto it = mapped.find(at, bytes);
  if (it == mapped.all.end()) return std::nullopt;
  return FilePlace{it->second.file, at - it->first};
}

void release_pages(const void* data, size_t bytes) noexcept {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGE_SIZE));
  const auto at = reinterpret_cast<uintptr_t>(data);
  const uintptr_t begin = (at + page - 1) / page * page, end = (at + bytes) / page * page;
  if (bytes < page || begin >= end) return;
  Mappings& mapped = mappings();
  const std::lock_guard lock(mapped.mutex);
  if (mapped.find(at, bytes) == mapped.all.end()) return;
  (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

Result<std::shared_ptr<MappedFile>> MappedFile::open(const std::string& path,
                                                     const MapOptions& options) {
  const Descriptor file(::open(path.c_str(), kOpenFlags));
  if (file.fd < 0) return io_error("{}: cannot be opened: {}", path, reason(errno));
  return from_descriptor(file.fd, path, options);
}

Result<std::shared_ptr<MappedFile>> MappedFile::from_descriptor(int fd, std::string path,
                                                                const MapOptions& options) {
  struct stat info = {};
  if (::fstat(fd, &info) != 0) return io_error("{}: {}", path, reason(errno));
  if (!S_ISREG(info.st_mode)) {
    return io_error("{}: is {}, wanted is a regular file", path,
                    S_ISDIR(info.st_mode) ? "a folder" : "no regular file");
  }
  const auto size = static_cast<uint64_t>(info.st_size);
  if (size > options.max_bytes) {
    return limit_exceeded("{}: {} bytes, the limit is {} (max_file_bytes)", path, size,
                          options.max_bytes);
  }
  std::shared_ptr<MappedFile> file(new MappedFile);
  file->path_ = std::move(path);
  file->size_ = size;
  if (size == 0) return file;
  if (options.map) {
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) return io_error("{}: cannot be mapped: {}", file->path_, reason(errno));
    file->data_ = static_cast<const std::byte*>(data);
    file->mapped_ = true;
    Mappings& mapped = mappings();
    const std::lock_guard lock(mapped.mutex);
    const auto begin = reinterpret_cast<uintptr_t>(data);
    const int64_t seconds = info.st_mtim.tv_sec;
    const FileIdentity identity{info.st_ino, size, seconds * 1'000'000'000 + info.st_mtim.tv_nsec};
    mapped.all[begin] = {begin + size, identity};
    return file;
  }
  auto memory = allocate_buffer(size, options.budget);
  if (!memory.ok()) return std::move(memory).status().with_context(file->path_);
  file->copy_ = *std::move(memory);
  auto* copy = static_cast<std::byte*>(file->copy_.get());
  file->data_ = copy;
  for (uint64_t at = 0; at < size;) {
    const ssize_t n = ::pread(fd, copy + at, size - at, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("{}: cannot be read: {}", file->path_, reason(errno));
    if (n == 0) return io_error("{}: became shorter while it was read", file->path_);
    at += static_cast<uint64_t>(n);
  }
  return file;
}

Directory::~Directory() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::shared_ptr<Directory>> Directory::open(const std::string& path) {
  const std::string name = path.empty() ? "." : path;
  const int fd = ::open(name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return io_error("{}: cannot be opened as a folder: {}", name, reason(errno));
  std::shared_ptr<Directory> directory(new Directory);
  directory->path_ = name;
  directory->fd_ = fd;
  return directory;
}

Result<std::shared_ptr<MappedFile>> Directory::open_beneath(const std::string& relative,
                                                            const MapOptions& options) const {
  if (relative.empty()) return invalid_model("the name of a file of external data is empty");
  if (relative.find('\0') != std::string::npos) {
    return invalid_model("the name of a file of external data holds a zero byte");
  }
  if (relative[0] == '/') {
    return invalid_model("'{}' is an absolute path; external data must lie beneath '{}'", relative,
                         path_);
  }
  const std::vector<std::string> parts = components(relative);
  for (const std::string& part : parts) {
    if (part == "..") {
      return invalid_model("'{}' holds '..'; external data must lie beneath '{}'", relative, path_);
    }
  }
  if (parts.empty()) return invalid_model("'{}' names no file", relative);
  const std::string full = path_ + "/" + relative;
  const Descriptor file(open_beneath_fd(fd_, relative, parts));
  if (file.fd == -ELOOP || file.fd == -EXDEV) {
    return invalid_model(
        "'{}' is or passes a symbolic link, which external data may not; copy the file to its "
        "place",
        full);
  }
  if (file.fd < 0) return io_error("{}: cannot be opened: {}", full, reason(-file.fd));
  struct stat info = {};
  if (::fstat(file.fd, &info) != 0) return io_error("{}: {}", full, reason(errno));
  if (!S_ISREG(info.st_mode)) {
    return invalid_model("'{}' is no regular file, external data must be one", full);
  }
  if (info.st_nlink != 1) {
    return invalid_model("'{}' has {} hard links, external data must have one name", full,
                         static_cast<uint64_t>(info.st_nlink));
  }
  return MappedFile::from_descriptor(file.fd, full, options);
}

}  // namespace ferry
