// SPDX-License-Identifier: Apache-2.0
#include "base/cgroup.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace ferry {
namespace {

class CpuQuotaTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(root_); }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  CpuQuota quota() const { return CpuQuota(root_ + "/fs", root_ + "/membership"); }

  std::string root_ = ::testing::TempDir() + "ferry_cgroup";
};

TEST_F(CpuQuotaTest, NoneWhereNothingSaysSo) {
  EXPECT_EQ(quota().cpus(), 0);
  write("/membership", "0::/\n");
  write("/fs/cpu.max", "max 100000\n");
  EXPECT_EQ(quota().cpus(), 0);
  write("/fs/cpu.max", "nonsense");
  EXPECT_EQ(quota().cpus(), 0);
}

TEST_F(CpuQuotaTest, TheTightestOfAGroupAndThoseAbove) {
  write("/membership", "0::/system.slice/app.service\n");
  write("/fs/system.slice/app.service/cpu.max", "350000 100000\n");
  EXPECT_EQ(quota().cpus(), 4);
  write("/fs/system.slice/cpu.max", "150000 100000\n");
  EXPECT_EQ(quota().cpus(), 2);
  write("/fs/cpu.max", "1000 100000\n");
  EXPECT_EQ(quota().cpus(), 1);
}

TEST_F(CpuQuotaTest, ContainersSeeTheMountAlone) {
  write("/membership", "0::/../host/path\n1:cpu,cpuacct:/docker/abc\n");
  write("/fs/cpu.max", "200000 100000\n");
  EXPECT_EQ(quota().cpus(), 2);
}

TEST_F(CpuQuotaTest, VersionOne) {
  write("/membership", "3:cpuacct,cpu:/a\n2:cpuset:/b\n");
  write("/fs/cpu/a/cpu.cfs_quota_us", "-1\n");
  write("/fs/cpu/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota().cpus(), 0);
  write("/fs/cpu/a/cpu.cfs_quota_us", "250000\n");
  EXPECT_EQ(quota().cpus(), 3);
}

TEST_F(CpuQuotaTest, ChangesAreSeen) {
  write("/membership", "0::/\n");
  write("/fs/cpu.max", "400000 100000\n");
  const CpuQuota q = quota();
  EXPECT_EQ(q.cpus(), 4);
  write("/fs/cpu.max", "100000 100000\n");
  EXPECT_EQ(q.cpus(), 1);
}

}  // namespace
}  // namespace ferry
