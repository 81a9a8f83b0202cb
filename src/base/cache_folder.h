// SPDX-License-Identifier: Apache-2.0
// CacheFolder: files that processes of one user share. A file is there as a whole or not at all,
// whoever is killed when; readers keep what they have open, whatever happens to its name.
//
// The folder is the user's own and nobody else may write there; links are not followed. Names are
// single components. Files are private (0600), and so is a folder that is made (0700).
//
// Threads and processes: all may read and write at once.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/mapped_file.h"
#include "ferry/status.h"

namespace ferry {

class CacheFolder {
 public:
  ~CacheFolder();
  CacheFolder(const CacheFolder&) = delete;
  CacheFolder& operator=(const CacheFolder&) = delete;

  // Makes the folder, and those above it, when they are missing.
  // Errors: kIoError, also for a folder that others own or may write to.
  static Result<std::unique_ptr<CacheFolder>> open(const std::string& path);

  // Null when there is no such file. Marks it as used now.
  // Errors: kIoError, also for a link, and for a file that others own or may write to.
  Result<std::shared_ptr<MappedFile>> find(const std::string& name) const;

  // Puts a file in the place of an older one. `fill` calls its argument with the contents, part by
  // part. Then removes the files that were not used for longest until those with the ending of
  // `name` take no more than `limit_bytes`, but never this one.
  // Errors: kIoError, or what `fill` returned; then the older file is there as before.
  using Append = std::function<Status(std::span<const std::byte>)>;
  Status put(const std::string& name, uint64_t limit_bytes,
             const std::function<Status(const Append&)>& fill) const;

  std::string path_of(const std::string& name) const { return path_ + "/" + name; }

 private:
  CacheFolder() = default;
  void sweep(const std::string& keep, uint64_t limit_bytes) const;

  std::string path_;
  int fd_ = -1;
};

}  // namespace ferry
