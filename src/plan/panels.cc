// SPDX-License-Identifier: Apache-2.0
#include "plan/panels.h"

#include <algorithm>
#include <atomic>
#include <new>

#include "base/allocator.h"
#include "base/mapped_file.h"
#include "base/status.h"
#include "base/thread_pool.h"

namespace ferry {

Result<PanelPtr> PanelStore::add(const KernelRequest& request, size_t input, std::string label,
                                 size_t bytes, PackFunction pack) {
  const ValueId value = request.node.inputs[input];
  auto panel = std::make_shared<Panel>();
  panel->bytes_ = bytes;
  panel->label_ = std::move(label);
  inputs_.insert({&request.graph, request.id, input});
  const Tensor& source = *request.graph.value(value).constant;
  if (sources_.insert({&request.graph, value}).second) source_bytes_ += source.size_bytes();
  packed_bytes_ += bytes;
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
  } else {
    jobs_.push_back({panel, source, std::move(pack)});
  }
  panels_.push_back(panel);
  return PanelPtr(std::move(panel));
}

Status PanelStore::check_used() const {
  if (!replays_ || panels_.size() == packed_.size()) return {};
  return invalid_model("{} panels are packed, wanted are {}", packed_.size(), panels_.size());
}

void PanelStore::run(Job& job) {
  job.pack(job.source, job.panel->memory_.get());
  job.pack = nullptr;
  release_pages(job.source.raw(), job.source.size_bytes());
  job.source = Tensor();
}

// One buffer holds them all: it lies on huge pages then, which few panels are large enough for, and
// a product that streams its weights from memory spends a fifth of its time on smaller pages.
Status PanelStore::place(std::vector<Job>& jobs, MemoryBudget* budget) {
  size_t total = 0;
  std::vector<size_t> offsets;
  for (const Job& job : jobs) {
    offsets.push_back(total);
    if (job.panel->bytes_ > SIZE_MAX / 2 - total) {
      return out_of_memory("packed weights of more than {} bytes", SIZE_MAX / 2);
    }
    total += (job.panel->bytes_ + kAlignment - 1) / kAlignment * kAlignment;
  }
  FERRY_ASSIGN_OR_RETURN(const std::shared_ptr<void> all, allocate_buffer(total, budget));
  for (size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].panel->memory_ =
        std::shared_ptr<void>(all, static_cast<std::byte*>(all.get()) + offsets[i]);
  }
  return {};
}

Status PanelStore::pack(int threads, MemoryBudget* budget) {
  std::vector<Job> jobs = std::move(jobs_);
  jobs_.clear();
  if (jobs.empty()) return {};
  FERRY_RETURN_IF_ERROR(place(jobs, budget));
  std::atomic<bool> failed{false};
  Team team(std::min(threads, static_cast<int>(jobs.size())));
  team.parallel(static_cast<int>(jobs.size()), [&](int part, int) {
    if (failed) return;
    try {
      run(jobs[static_cast<size_t>(part)]);
    } catch (const std::bad_alloc&) {
      failed = true;
    }
  });
  if (failed) return out_of_memory("the machine's memory is used up while weights are packed");
  return {};
}

}  // namespace ferry
