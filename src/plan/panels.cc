// SPDX-License-Identifier: Apache-2.0
#include "plan/panels.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>

#include "base/allocator.h"
#include "base/mapped_file.h"
#include "base/pages.h"
#include "base/status.h"
#include "base/thread_pool.h"

namespace ferry {

Result<PanelPtr> PanelStore::add(const KernelRequest& request, size_t input, std::string label,
                                 size_t bytes, PackFunction pack, Contents contents) {
  const ValueId value = request.node.inputs[input];
  inputs_.insert({&request.graph, request.id, input});
  const Tensor& source = *request.graph.value(value).constant;
  if (sources_.insert({&request.graph, value}).second) source_bytes_ += source.size_bytes();
  if (contents == Contents::kOfLabel) {
    if (PanelPtr same = shared(source, label, bytes)) {
      shared_bytes_ += bytes;
      panels_.push_back(same);
      return same;
    }
  }
  auto panel = std::make_shared<Panel>();
  panel->bytes_ = bytes;
  panel->label_ = std::move(label);
  if (replays_) {
    const size_t i = panels_.size();
    const bool same =
        i < packed_.size() && packed_[i].label == panel->label_ && packed_[i].bytes.size() == bytes;
    if (!same) {
      return invalid_model("panel {} is '{}' of {} bytes, wanted is '{}' of {}", i,
                           i < packed_.size() ? packed_[i].label : "none",
                           i < packed_.size() ? packed_[i].bytes.size() : 0, panel->label_, bytes);
    }
    panel->memory_ = std::shared_ptr<void>(owner_, const_cast<std::byte*>(packed_[i].bytes.data()));
    const bool seen = bytes > 0 && !places_.insert(panel->memory_.get()).second;
    if (seen) shared_bytes_ += bytes;
  } else {
    if (contents == Contents::kOfLabel) jobs_of_.emplace(source.raw(), jobs_.size());
    jobs_.push_back({panel, source, std::move(pack)});
  }
  panels_.push_back(panel);
  return PanelPtr(std::move(panel));
}

// Jobs keep their sources, so that no other constant comes to lie in the same memory.
PanelPtr PanelStore::shared(const Tensor& source, const std::string& label, size_t bytes) const {
  const auto [begin, end] = jobs_of_.equal_range(source.raw());
  for (auto it = begin; it != end; ++it) {
    const Job& job = jobs_[it->second];
    const bool same = job.source.dtype() == source.dtype() && job.source.dims() == source.dims();
    if (same && job.panel->label_ == label && job.panel->bytes_ == bytes) return job.panel;
  }
  return nullptr;
}

Status PanelStore::check_used() const {
  if (!replays_ || panels_.size() == packed_.size()) return {};
  return invalid_model("{} panels are packed, wanted are {}", packed_.size(), panels_.size());
}

namespace {

size_t padded(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

// One mapping holds them all: it lies on huge pages then, which few panels are large enough for,
// and a product that streams its weights from memory spends up to a fifth of its time on smaller
// pages. A panel counts when it is packed, as its source is let go then.
Result<std::shared_ptr<void>> PanelStore::place(std::vector<Job>& jobs) {
  size_t total = 0;
  for (Job& job : jobs) {
    job.offset = total;
    if (job.panel->bytes_ > SIZE_MAX / 2 - total) {
      return out_of_memory("packed weights of more than {} bytes", SIZE_MAX / 2);
    }
    total += padded(job.panel->bytes_);
  }
  return allocate_pages(total, nullptr, total, HugePages::kLater);
}

Status PanelStore::run(Job& job, const std::shared_ptr<void>& memory, MemoryBudget* budget) const {
  const size_t bytes = padded(job.panel->bytes_);
  std::shared_ptr<MemoryBudget> counted;
  if (budget != nullptr) {
    FERRY_RETURN_IF_ERROR(budget->reserve(bytes, job.panel->bytes_));
    counted = budget->shared_from_this();
  }
  job.panel->memory_ = std::shared_ptr<void>(static_cast<std::byte*>(memory.get()) + job.offset,
                                             [memory, counted, bytes](void*) {
                                               if (counted) counted->release(bytes);
                                             });
  take_huge_pages(job.panel->memory_.get(), bytes, memory_.data() + memory_.size());
  job.pack(job.source, job.panel->memory_.get());
  job.pack = nullptr;
  release_pages(job.source.raw(), job.source.size_bytes());
  job.source = Tensor();
  return {};
}

Status PanelStore::pack(int threads, MemoryBudget* budget) {
  std::vector<Job> jobs = std::move(jobs_);
  jobs_.clear();
  jobs_of_.clear();
  if (jobs.empty()) return {};
  FERRY_ASSIGN_OR_RETURN(const std::shared_ptr<void> memory, place(jobs));
  memory_ = {static_cast<std::byte*>(memory.get()),
             jobs.back().offset + padded(jobs.back().panel->bytes_)};
  std::mutex mutex;
  Status first;
  std::atomic<bool> failed{false};
  Team team(std::min(threads, static_cast<int>(jobs.size())));
  team.parallel(static_cast<int>(jobs.size()), [&](int part, int) {
    if (failed) return;
    Status status;
    try {
      status = run(jobs[static_cast<size_t>(part)], memory, budget);
    } catch (const std::bad_alloc&) {
      status = out_of_memory("the machine's memory is used up while weights are packed");
    }
    if (status.ok()) return;
    failed = true;
    const std::lock_guard lock(mutex);
    if (first.ok()) first = std::move(status);
  });
  return first;
}

}  // namespace ferry
