// SPDX-License-Identifier: Apache-2.0
#include "runtime/thread_tuner.h"

#include <algorithm>

#include "base/status.h"

namespace ferry {
namespace {

// A trial lasts so long, or so many runs; the median of a few runs is not one of the odd ones.
constexpr double kTrialSeconds = 2e-3;
constexpr size_t kFewestRuns = 3, kMostRuns = 200;
// Runs that last so long vary little: one is a trial, and caches are cold after it anyway.
constexpr double kLongRun = 10e-3;
constexpr int kTrials = 6;  // of both sides together
// Fewer threads win a tie; of few trials only a clear lead counts.
constexpr double kTie = 0.02, kClearLead = 0.10;

std::string time_text(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.1f} us", seconds * 1e6);
  return fmt::format("{:.2f} ms", seconds * 1e3);
}

}  // namespace

ThreadTuner::ThreadTuner(int most, int guess) {
  for (int n = 1; n < most; n *= 2) counts_.push_back(n);
  counts_.push_back(std::max(most, 1));
  seconds_.resize(counts_.size(), 0);
  while (best_ + 1 < counts_.size() && counts_[best_] < guess) ++best_;
  decided_ = !choose_rival();
}

// In the present direction, else in the other one if nothing was found out about it yet.
bool ThreadTuner::choose_rival() {
  const bool down = direction_ < 0;
  if (down ? best_ > 0 : best_ + 1 < counts_.size()) {
    rival_ = down ? best_ - 1 : best_ + 1;
    return true;
  }
  if (turned_) return false;
  turned_ = true;
  direction_ = -direction_;
  return choose_rival();
}

void ThreadTuner::record(double seconds) {
  if (decided_) return;
  if (!warm_ && seconds < kLongRun) {
    warm_ = true;  // caches hold what the other count left where
    return;
  }
  trial_.push_back(seconds);
  trial_seconds_ += seconds;
  const bool enough = trial_seconds_ > kTrialSeconds && trial_.size() >= kFewestRuns;
  if (!enough && trial_.size() < kMostRuns && seconds < kLongRun) return;
  std::nth_element(trial_.begin(), trial_.begin() + trial_.size() / 2, trial_.end());
  finish_trial(trial_[trial_.size() / 2]);
}

void ThreadTuner::finish_trial(double seconds) {
  double& fastest = fastest_[side_];
  fastest = fastest == 0 ? seconds : std::min(fastest, seconds);
  trial_.clear();
  trial_seconds_ = 0;
  warm_ = false;
  side_ = 1 - side_;
  if (++trials_ == kTrials) compare(0);
}

// `margin` is what the rival must be ahead besides.
void ThreadTuner::compare(double margin) {
  seconds_[best_] = fastest_[0];
  seconds_[rival_] = fastest_[1];
  const double limit = fastest_[0] * (direction_ < 0 ? 1 + kTie : 1 - kTie) * (1 - margin);
  const bool won = fastest_[1] <= limit;
  if (won) {
    best_ = rival_;
    turned_ = true;  // the way back was just seen
  } else if (!turned_) {
    turned_ = true;
    direction_ = -direction_;
  } else {
    decided_ = true;
  }
  side_ = 0;
  trials_ = 0;
  fastest_[0] = fastest_[1] = 0;
  if (!decided_) decided_ = !choose_rival();
}

void ThreadTuner::stop() {
  if (decided_) return;
  if (fastest_[0] > 0 && fastest_[1] > 0) compare(kClearLead);
  decided_ = true;
}

std::string ThreadTuner::measured() const {
  std::string text;
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (seconds_[i] == 0) continue;
    text += fmt::format("{}{} thread{} {}", text.empty() ? "" : ", ", counts_[i],
                        counts_[i] == 1 ? "" : "s", time_text(seconds_[i]));
  }
  return text;
}

}  // namespace ferry
