// SPDX-License-Identifier: Apache-2.0
// File descriptors that close themselves, and what an error number means.
#pragma once

#include <unistd.h>

#include <cstring>
#include <string>

namespace ferry {

// Closes a descriptor at the end of its scope.
struct Descriptor {
  int fd = -1;
  explicit Descriptor(int f) : fd(f) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

inline std::string reason(int error) { return std::strerror(error); }  // NOLINT: message only

}  // namespace ferry
