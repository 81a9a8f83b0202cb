// SPDX-License-Identifier: Apache-2.0
#include "base/shared_job.h"

#include <algorithm>

#include "base/spin.h"

namespace ferry {
namespace {

constexpr uint64_t kMaxClaims = 0xffff;  // two of them fit beside a generation
// Generations wrap soon after the start, so that every test meets it.
constexpr uint32_t kFirstGeneration = UINT32_MAX - 50;

uint32_t generation_of(uint64_t word) { return static_cast<uint32_t>(word >> 32); }

uint64_t share_word(uint32_t generation, uint32_t next, uint32_t end) {
  return uint64_t{generation} << 32 | next << 16 | end;
}

}  // namespace

SharedJob::SharedJob(int capacity)
    : capacity_(capacity),
      lanes_(std::make_unique<Lane[]>(static_cast<size_t>(capacity))),
      generation_(kFirstGeneration) {}

bool SharedJob::claim(Lane& lane, int thread, uint64_t job, bool front, uint32_t& claimed) {
  uint64_t word = lane.share.load(std::memory_order_acquire);
  for (;;) {
    uint32_t next = 0, end = 0;
    if (generation_of(word) == generation_of(job)) {
      next = static_cast<uint32_t>(word) >> 16;
      end = static_cast<uint32_t>(word & kMaxClaims);
    } else {
      if (published_.load(std::memory_order_acquire) != job) return false;
      const uint64_t claims = job & UINT32_MAX, threads = static_cast<uint64_t>(this->threads()),
                     t = static_cast<uint64_t>(thread);
      next = static_cast<uint32_t>(claims * t / threads);
      end = static_cast<uint32_t>(claims * (t + 1) / threads);
    }
    if (next >= end) return false;
    claimed = front ? next++ : --end;
    if (lane.share.compare_exchange_weak(word, share_word(generation_of(job), next, end),
                                         std::memory_order_acq_rel, std::memory_order_acquire)) {
      return true;
    }
  }
}

void SharedJob::run_claim(uint64_t claimed, uint64_t claims, int thread) {
  // The job stays open, and these its own, until this claim is counted as done.
  const JobRef& job = *job_.load(std::memory_order_relaxed);
  const StopToken* stop = stop_.load(std::memory_order_relaxed);
  const auto parts = static_cast<uint64_t>(parts_.load(std::memory_order_relaxed));
  const auto end = static_cast<int>(parts * (claimed + 1) / claims);
  for (auto part = static_cast<int>(parts * claimed / claims); part < end; ++part) {
    if (stop != nullptr && stop->reason() != StopToken::Reason::kGoOn) return;
    job(part, thread);
  }
}

// Own share first, then the others'. Returns how many claims were made and done.
uint32_t SharedJob::work(int thread, uint64_t job) {
  uint32_t done = 0, claimed = 0;
  for (int i = 0; i < threads(); ++i) {
    const int victim = (thread + i) % threads();
    while (claim(lanes_[static_cast<size_t>(victim)], victim, job, i == 0, claimed)) {
      run_claim(claimed, job & UINT32_MAX, thread);
      ++done;
    }
  }
  return done;
}

void SharedJob::publish(int parts, const JobRef& job, const StopToken* stop) {
  if (++generation_ == 0) {
    // Words of the last round would be taken for words of this one. Nobody may open a share of the
    // last job while they are forgotten.
    published_.store(0, std::memory_order_seq_cst);
    for (int t = 0; t < capacity_; ++t) {
      lanes_[static_cast<size_t>(t)].share.store(0, std::memory_order_release);
      lanes_[static_cast<size_t>(t)].done.store(0, std::memory_order_relaxed);
    }
    generation_ = 1;
  }
  job_.store(&job, std::memory_order_relaxed);
  stop_.store(stop, std::memory_order_relaxed);
  parts_.store(parts, std::memory_order_relaxed);
  const uint64_t claims = std::min<uint64_t>(static_cast<uint64_t>(parts), kMaxClaims);
  published_.store(uint64_t{generation_} << 32 | claims, std::memory_order_seq_cst);
}

void SharedJob::finish() {
  const uint64_t job = published_.load(std::memory_order_relaxed), claims = job & UINT32_MAX;
  const uint64_t own = work(0, job);
  Spin spin;
  for (;;) {
    uint64_t done = own;
    for (int t = 1; t < threads(); ++t) {
      const uint64_t word = lanes_[static_cast<size_t>(t)].done.load(std::memory_order_acquire);
      if (generation_of(word) == generation_of(job)) done += word & UINT32_MAX;
    }
    if (done == claims) return;
    spin.wait();
  }
}

void SharedJob::help(int thread, uint64_t job) {
  const uint32_t done = work(thread, job);
  if (done == 0) return;
  // Of a job that it worked on twice (it came back after a while) both counts together.
  std::atomic<uint64_t>& word = lanes_[static_cast<size_t>(thread)].done;
  const uint64_t before = word.load(std::memory_order_relaxed);
  const uint64_t earlier =
      generation_of(before) == generation_of(job) ? before & UINT32_MAX : uint64_t{0};
  word.store(uint64_t{generation_of(job)} << 32 | (earlier + done), std::memory_order_release);
}

}  // namespace ferry
