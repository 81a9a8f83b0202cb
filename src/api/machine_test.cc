// SPDX-License-Identifier: Apache-2.0
#include "ferry/machine.h"

#include <gtest/gtest.h>

namespace ferry {
namespace {

TEST(Machine, RatesAreThereAndInOrder) {
  const MachineRoof roof = measure_machine(1).value();
  EXPECT_EQ(roof.threads, 1);
  EXPECT_FALSE(roof.isa.empty());
  EXPECT_GT(roof.gflops, 0.1);
  ASSERT_GE(roof.memory.size(), 3u);
  EXPECT_EQ(roof.memory.front().name, "L1");
  EXPECT_EQ(roof.memory.back().name, "DRAM");
  for (size_t i = 0; i < roof.memory.size(); ++i) {
    EXPECT_GT(roof.memory[i].read_gbs, 0.01) << roof.memory[i].name;
    EXPECT_GT(roof.memory[i].copy_gbs, 0.01) << roof.memory[i].name;
    if (i == 0) continue;
    EXPECT_GT(roof.memory[i].bytes, roof.memory[i - 1].bytes);
  }
}

TEST(Machine, WrongOptionsAreErrors) {
  const Status isa = measure_machine(1, "sse9").status();
  EXPECT_EQ(isa.code(), Code::kInvalidArgument);
  EXPECT_NE(isa.message().find("sse9"), std::string::npos);
  EXPECT_EQ(measure_machine(-1).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace ferry
