// SPDX-License-Identifier: Apache-2.0
#include "interruption.h"

#include <iterator>

namespace ferry::cli {
namespace {

volatile std::sig_atomic_t came = 0;

}  // namespace

Interruption::Interruption() {
  came = 0;
  struct sigaction action = {};
  action.sa_handler = [](int signal) { came = signal; };
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], nullptr, &before_[i]);
    // One that is ignored stays so, as under nohup.
    if (before_[i].sa_handler != SIG_IGN) sigaction(kSignals[i], &action, nullptr);
  }
}

Interruption::~Interruption() {
  for (size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &before_[i], nullptr);
  if (came != 0) std::raise(came);
}

void Interruption::check() {
  if (came != 0) throw Interrupted();
}

void Interruption::reset() noexcept {
  for (const int signal : kSignals) std::signal(signal, SIG_DFL);
}

}  // namespace ferry::cli
