// SPDX-License-Identifier: Apache-2.0
#include "ferry/machine.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "base/choose_isa.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "ferry/tensor.h"
#include "kernels/roof/roof.h"

namespace ferry {
namespace {

constexpr int kTries = 15;
constexpr int64_t kStepsPerTry = 100'000;              // about 1 ms of multiply-adds
constexpr uint64_t kBytesPerTry = uint64_t{32} << 20;  // enough passes over a cache to time
// A shared L3 may be larger than any buffer worth allocating: past this, call it DRAM.
constexpr uint64_t kLargestBuffer = uint64_t{512} << 20;

double now() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

// The shortest of some tries of work(thread) on all threads of the team at once, in seconds.
template <class Work>
double shortest(Team& team, const Work& work) {
  double best = 1e300;
  for (int i = 0; i < kTries; ++i) {
    std::atomic<int> here{0};
    std::vector<double> began(team.size()), ended(team.size());
    team.parallel(team.size(), [&](int part, int) {
      here.fetch_add(1);
      while (here.load() < team.size()) {
      }
      began[part] = now();
      work(part);
      ended[part] = now();
    });
    best = std::min(best, *std::max_element(ended.begin(), ended.end()) -
                              *std::min_element(began.begin(), began.end()));
  }
  return best;
}

struct Level {
  const char* name;
  uint64_t bytes;  // per thread
};

// Half of each cache, so that nothing else in it matters.
std::vector<Level> levels(int threads) {
  const CpuInfo& cpu = cpu_info();
  std::vector<Level> list = {{"L1", cpu.l1d_bytes / 2}, {"L2", cpu.l2_bytes / 2}};
  const uint64_t l3 = cpu.l3_bytes / 2 / static_cast<uint64_t>(threads);
  if (l3 > cpu.l2_bytes) list.push_back({"L3", std::min<uint64_t>(l3, 16u << 20)});
  const uint64_t beyond = std::clamp<uint64_t>(2 * cpu.l3_bytes, 128u << 20, kLargestBuffer);
  list.push_back({"DRAM", beyond / static_cast<uint64_t>(threads)});
  return list;
}

Result<MachineRoof::Memory> measure_memory(Team& team, const RoofKernels& kernels,
                                           const Level& level) {
  const int64_t n = static_cast<int64_t>(level.bytes / 4 / (2 * kRoofUnit)) * 2 * kRoofUnit;
  std::vector<Tensor> buffers;
  for (int t = 0; t < team.size(); ++t) {
    FERRY_ASSIGN_OR_RETURN(Tensor buffer, Tensor::allocate(DType::kFloat32, {n}));
    std::fill_n(buffer.data<float>(), n, 1.0f);
    buffers.push_back(std::move(buffer));
  }
  const uint64_t bytes = static_cast<uint64_t>(n) * 4;
  const auto passes = static_cast<int>(std::max<uint64_t>(1, kBytesPerTry / bytes));
  const double total = static_cast<double>(bytes) * passes * team.size();
  const double read = shortest(team, [&](int thread) {
    for (int i = 0; i < passes; ++i) {
      volatile float keep = kernels.read(buffers[thread].data<float>(), n);
      static_cast<void>(keep);
    }
  });
  const double copy = shortest(team, [&](int thread) {
    float* x = buffers[thread].data<float>();
    for (int i = 0; i < passes; ++i) kernels.copy(x, x + n / 2, n / 2);
  });
  return MachineRoof::Memory{level.name, bytes, total / read * 1e-9, total / copy * 1e-9};
}

}  // namespace

Result<MachineRoof> measure_machine(int threads, const std::string& isa) {
  if (threads < 0) return invalid_argument("threads is {}; wanted 0 (all CPUs) or more", threads);
  FERRY_ASSIGN_OR_RETURN(const Isa chosen, choose_isa(isa));
  const RoofKernels& kernels = roof_kernels(chosen);
  Team team(threads == 0 ? available_cpus() : threads);
  MachineRoof roof;
  roof.cpu = cpu_info().brand;
  roof.isa = isa_name(chosen);
  roof.threads = team.size();
  const double seconds = shortest(team, [&](int) { kernels.multiply_add(kStepsPerTry); });
  roof.gflops =
      static_cast<double>(kStepsPerTry * kernels.flops_per_step * team.size()) / seconds * 1e-9;
  for (const Level& level : levels(team.size())) {
    FERRY_ASSIGN_OR_RETURN(MachineRoof::Memory memory, measure_memory(team, kernels, level));
    roof.memory.push_back(std::move(memory));
  }
  return roof;
}

}  // namespace ferry
