// SPDX-License-Identifier: Apache-2.0
#include "kernels/move/move.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ferry {
namespace {

class CopyRuns : public testing::TestWithParam<Isa> {};

TEST_P(CopyRuns, CopiesEveryLengthAndNothingElse) {
  const MoveKernels& kernels = FERRY_SELECT_ISA_TABLE(GetParam(), kMoveKernels);
  constexpr char kGuard = 0x55;
  for (int64_t bytes = 0; bytes <= 400; ++bytes) {
    for (const int64_t count : {1, 3}) {
      const int64_t from_pitch = bytes + 3, to_pitch = bytes + 1;
      std::vector<char> from(1 + count * from_pitch), want(2 + count * to_pitch, kGuard);
      for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<char>(i * 7 + i / 251);
      std::vector<char> to = want;
      for (int64_t i = 0; i < count * bytes; ++i) {
        const int64_t run = i / bytes, at = i % bytes;
        want[1 + run * to_pitch + at] = from[1 + run * from_pitch + at];
      }
      kernels.copy_runs({from.data() + 1, from_pitch, to.data() + 1, to_pitch, bytes, count});
      ASSERT_EQ(to, want) << count << " runs of " << bytes << " bytes";
    }
  }
}

TEST_P(CopyRuns, RepeatsOneRun) {
  const MoveKernels& kernels = FERRY_SELECT_ISA_TABLE(GetParam(), kMoveKernels);
  const std::string run = "of a length that is no multiple of any vector, but more than one or two";
  const auto bytes = static_cast<int64_t>(run.size());
  std::string to(3 * run.size(), ' ');
  kernels.copy_runs({run.data(), 0, to.data(), bytes, bytes, 3});
  EXPECT_EQ(to, run + run + run);
}

INSTANTIATE_TEST_SUITE_P(EveryIsa, CopyRuns,
                         testing::ValuesIn(supported_isas().begin(), supported_isas().end()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

}  // namespace
}  // namespace ferry
