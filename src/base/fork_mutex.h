// SPDX-License-Identifier: Apache-2.0
// ForkMutex: a mutex that fork() waits for, so that the child of a fork while other threads run
// finds it free, and whole what it guards.
//
// While it is held, no other ForkMutex may be locked, made or destroyed.
#pragma once

#include <mutex>

namespace ferry {

class ForkMutex {
 public:
  ForkMutex();
  ~ForkMutex();
  ForkMutex(const ForkMutex&) = delete;
  ForkMutex& operator=(const ForkMutex&) = delete;

  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  friend struct ForkMutexes;
  std::mutex mutex_;
  ForkMutex *next_ = nullptr, *previous_ = nullptr;
};

}  // namespace ferry
