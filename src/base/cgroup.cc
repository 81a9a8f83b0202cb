// SPDX-License-Identifier: Apache-2.0
#include "base/cgroup.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>

namespace ferry {
namespace {

// The numbers at the beginning of a file: {quota, period}, or the first alone. A word is a 0.
struct Numbers {
  double first = 0, second = 0;
};

Numbers read_numbers(const std::string& path) {
  Numbers n;
  char text[64];
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return n;
  const ssize_t size = read(file, text, sizeof(text) - 1);
  close(file);
  if (size <= 0) return n;
  text[size] = '\0';
  char* end = nullptr;
  n.first = std::strtod(text, &end);
  if (end != text) n.second = std::strtod(end, nullptr);
  return n;
}

int tighter(int least, double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return least;
  const auto cpus = static_cast<int>(std::clamp(std::ceil(quota / period), 1.0, 1e6));
  return least == 0 ? cpus : std::min(least, cpus);
}

// The files of that name in `path` beneath `mount` and in all folders above it.
std::vector<std::string> upwards(const std::string& mount, std::string path,
                                 const std::string& name) {
  std::vector<std::string> found;
  for (;;) {
    if (path == "/") path.clear();
    std::string file = mount + path + "/" + name;
    if (access(file.c_str(), R_OK) == 0) found.push_back(std::move(file));
    if (path.empty()) return found;
    path.resize(path.rfind('/'));
  }
}

}  // namespace

CpuQuota::CpuQuota(const std::string& root, const std::string& membership) {
  // In a container the list may name paths of the host: then the mount alone is there.
  std::string v2 = "/", v1 = "/";
  std::ifstream list(membership);
  for (std::string line; std::getline(list, line);) {
    const size_t names = line.find(':'), path = line.find(":/", names + 1);
    if (names == std::string::npos || path == std::string::npos) continue;
    const std::string controllers = "," + line.substr(names + 1, path - names - 1) + ",";
    if (controllers == ",,") v2 = line.substr(path + 1);
    if (controllers.find(",cpu,") != std::string::npos) v1 = line.substr(path + 1);
  }
  v2_ = upwards(root, v2, "cpu.max");
  quotas_ = upwards(root + "/cpu", v1, "cpu.cfs_quota_us");
  periods_ = upwards(root + "/cpu", v1, "cpu.cfs_period_us");
}

int CpuQuota::cpus() const {
  int least = 0;
  for (const std::string& file : v2_) {  // "max 100000" or "150000 100000"
    const Numbers n = read_numbers(file);
    least = tighter(least, n.first, n.second);
  }
  for (size_t i = 0; i < std::min(quotas_.size(), periods_.size()); ++i) {
    least = tighter(least, read_numbers(quotas_[i]).first, read_numbers(periods_[i]).first);
  }
  return least;
}

}  // namespace ferry
