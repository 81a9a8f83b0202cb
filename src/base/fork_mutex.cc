// SPDX-License-Identifier: Apache-2.0
#include "base/fork_mutex.h"

#include <pthread.h>

namespace ferry {

// Those that there are.
struct ForkMutexes {
  std::mutex mutex;
  ForkMutex* first = nullptr;

  static ForkMutexes& all() {
    static auto* const mutexes = new ForkMutexes;  // outlives every session
    return *mutexes;
  }

  ForkMutexes() { pthread_atfork(lock_all, unlock_all, unlock_all); }

  void add(ForkMutex& m) {
    const std::lock_guard lock(mutex);
    m.next_ = first;
    if (first != nullptr) first->previous_ = &m;
    first = &m;
  }
  void remove(ForkMutex& m) {
    const std::lock_guard lock(mutex);
    (m.previous_ != nullptr ? m.previous_->next_ : first) = m.next_;
    if (m.next_ != nullptr) m.next_->previous_ = m.previous_;
  }

  static void lock_all() {
    all().mutex.lock();
    for (ForkMutex* m = all().first; m != nullptr; m = m->next_) m->lock();
  }
  // In the child too: its only thread is the one that has locked them.
  static void unlock_all() {
    for (ForkMutex* m = all().first; m != nullptr; m = m->next_) m->unlock();
    all().mutex.unlock();
  }
};

ForkMutex::ForkMutex() { ForkMutexes::all().add(*this); }
ForkMutex::~ForkMutex() { ForkMutexes::all().remove(*this); }

}  // namespace ferry
