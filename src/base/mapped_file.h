// SPDX-License-Identifier: Apache-2.0
// MappedFile: the bytes of a regular file, mapped read-only or copied.
// Directory: opens files beneath a folder and nowhere else.
//
// Threads: reading from several threads is safe. Truncating a mapped file while it is read is a
// fault that no reader survives; copying is the way out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/allocator.h"
#include "ferry/status.h"

namespace ferry {

// What tells one state of a file from another without reading it.
struct FileIdentity {
  uint64_t inode = 0, size_bytes = 0;
  int64_t modified_ns = 0;  // since 1970
};

struct MapOptions {
  bool map = true;  // false: read into memory
  uint64_t max_bytes = UINT64_MAX;
  MemoryBudget* budget = nullptr;  // counts what is read into memory
};

class MappedFile {
 public:
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Errors: kIoError (missing, no regular file, unreadable), kLimitExceeded (over max_bytes),
  // kOutOfMemory (not mapped, and over the budget).
  static Result<std::shared_ptr<MappedFile>> open(const std::string& path,
                                                  const MapOptions& options = {});

  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  const std::string& path() const noexcept { return path_; }

  // The same for an open file; `path` is its name in messages. The descriptor stays the caller's.
  static Result<std::shared_ptr<MappedFile>> from_descriptor(int fd, std::string path,
                                                             const MapOptions& options);

 private:
  MappedFile() = default;

  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  bool mapped_ = false;
  std::shared_ptr<void> copy_;
};

class Directory {
 public:
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  // Errors: kIoError.
  static Result<std::shared_ptr<Directory>> open(const std::string& path);

  // A file named relative to the folder. Refused: absolute names, "..", symbolic links anywhere on
  // the way, hard links, anything but a regular file.
  // Errors: kInvalidModel (refused), kIoError, kLimitExceeded, kOutOfMemory.
  Result<std::shared_ptr<MappedFile>> open_beneath(const std::string& relative,
                                                   const MapOptions& options = {}) const;
  const std::string& path() const noexcept { return path_; }

 private:
  Directory() = default;
  std::string path_;
  int fd_ = -1;
};

// A place in the bytes of a file that is mapped, and the file's state when it was opened.
struct FilePlace {
  FileIdentity file;
  uint64_t offset = 0;
};
std::optional<FilePlace> find_file_place(const void* data, size_t bytes);

// Gives the pages of a mapped file that lie wholly within [data, data + bytes) back to the machine,
// if that is where they lie; what is read there again comes from the file. For weights that were
// read once, to be packed.
void release_pages(const void* data, size_t bytes) noexcept;

// Test hook: walks the components by hand, as on kernels without openat2.
void set_openat2_disabled(bool disabled) noexcept;

}  // namespace ferry
