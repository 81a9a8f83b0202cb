// SPDX-License-Identifier: Apache-2.0
// The CPU quota of the control group that this process is in.
#pragma once

#include <string>
#include <vector>

namespace ferry {

class CpuQuota {
 public:
  // `root` is where control groups are mounted, `membership` the process's list of them. Finds the
  // files once; the process is not followed to another group.
  explicit CpuQuota(const std::string& root = "/sys/fs/cgroup",
                    const std::string& membership = "/proc/self/cgroup");

  // CPUs that the quota amounts to now, rounded up, at least 1; 0: no quota. The tightest of the
  // group's and those of the groups above it. Allocates nothing.
  int cpus() const;

 private:
  std::vector<std::string> v2_;      // cpu.max
  std::vector<std::string> quotas_;  // version 1: cpu.cfs_quota_us, and ...
  std::vector<std::string> periods_;
};

}  // namespace ferry
