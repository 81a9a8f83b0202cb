// SPDX-License-Identifier: Apache-2.0
// ThreadTuner: finds the number of threads that runs are fastest with, by looking at runs.
//
// It starts from a guess and compares it with half and twice as many, in turns: a few runs with the
// one, a few with the other, three times over. The better goes on in the same direction. It holds
// no clock and no lock: who runs tells it how long runs took.
#pragma once

#include <string>
#include <vector>

namespace ferry {

class ThreadTuner {
 public:
  // Counts to choose from are 1, 2, 4, ... and `most`; `guess` is rounded to one of them.
  ThreadTuner(int most, int guess);

  bool decided() const { return decided_; }
  // What the next run shall take.
  int next() const { return counts_[side_ == 0 ? best_ : rival_]; }
  // How long a run with next() threads took.
  void record(double seconds);
  // No more runs can be watched: decides by what is known.
  void stop();
  // The choice so far.
  int best() const { return counts_[best_]; }
  // "1 thread 12.0 us, 2 threads 8.1 us"; empty when nothing was measured.
  std::string measured() const;

 private:
  bool choose_rival();
  void finish_trial(double seconds);
  void compare(double margin);

  std::vector<int> counts_;
  std::vector<double> seconds_;  // the last comparison's, by count; 0: not measured
  size_t best_ = 0, rival_ = 0;
  int direction_ = -1;   // of the rival
  bool turned_ = false;  // the other direction was tried, or need not be
  bool decided_ = false;
  int side_ = 0;       // 0: the best runs, 1: its rival
  bool warm_ = false;  // a run with this count came before
  int trials_ = 0;
  std::vector<double> trial_;
  double trial_seconds_ = 0;
  double fastest_[2] = {0, 0};  // medians of trials, by side; 0: none
};

}  // namespace ferry
