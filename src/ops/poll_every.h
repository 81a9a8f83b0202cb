// SPDX-License-Identifier: Apache-2.0
// Asks whether the run must stop, as often as the work done says: several times in a millisecond,
// or about once where every operation misses the caches.
#pragma once

#include "ir/eval.h"

namespace ferry {

class PollEvery {
 public:
  explicit PollEvery(EvalContext& c) : c_(&c) {}
  // Nothing can stop what is done while a model loads.
  PollEvery() = default;

  // `work` elementary operations (a multiplication, an element moved) are about to be done; asking
  // for none takes time as well.
  Status spend(int64_t work) {
    left_ -= work + 1;
    if (left_ >= 0) return {};
    left_ = kWork;
    return c_ == nullptr ? Status() : c_->poll();
  }

 private:
  static constexpr int64_t kWork = 32 << 10;
  EvalContext* c_ = nullptr;
  int64_t left_ = 0;
};

}  // namespace ferry
