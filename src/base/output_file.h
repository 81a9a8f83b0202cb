// SPDX-License-Identifier: Apache-2.0
// A file that is written as a whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>

#include "ferry/status.h"

namespace ferry {

// Writes beside `path` and takes its place in commit(), with the permissions of the file that was
// there; without commit() nothing remains. A link stays a link: the file that it names is replaced.
// Pipes and devices, which cannot be replaced, are written in place. Of one thread.
// Errors: kIoError, which do not name the path.
class OutputFile {
 public:
  OutputFile() = default;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  Status open(const std::filesystem::path& path);
  Status write(const void* bytes, size_t count);
  Status commit();

  // Commits `part`, and then `whole`, which refers to it. Neither takes its place before both are
  // whole, and an old `whole` goes first: one that is stopped in between leaves none, never an old
  // one beside a new part.
  static Status commit_both(OutputFile& part, OutputFile& whole);

 private:
  Status create_beside(unsigned mode);
  Status close();

  int fd_ = -1;
  std::filesystem::path target_, temporary_;  // no temporary: written in place
};

// One that is already whole.
Status write_file(const std::filesystem::path& path, const void* bytes, size_t count);

}  // namespace ferry
