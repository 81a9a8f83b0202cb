// SPDX-License-Identifier: Apache-2.0
#include "base/choose_isa.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace ferry {
namespace {

struct ChooseIsa : testing::Test {
  const char* before = std::getenv("FERRY_ISA");
  const std::string kept = before == nullptr ? "" : before;

  void TearDown() override {
    if (before == nullptr)
      ::unsetenv("FERRY_ISA");
    else
      ::setenv("FERRY_ISA", kept.c_str(), 1);
  }

  static void expect_refused(const char* name, const std::string& words) {
    const Status status = choose_isa(name).status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    EXPECT_NE(status.message().find(words), std::string::npos) << status.message();
  }
};

TEST_F(ChooseIsa, IsTheBestUnlessNamed) {
  ::unsetenv("FERRY_ISA");
  EXPECT_EQ(*choose_isa(""), cpu_info().isa);
  for (const Isa isa : supported_isas()) EXPECT_EQ(*choose_isa(isa_name(isa)), isa);
  expect_refused("AVX2", "isa is 'AVX2'; wanted 'scalar', 'avx2' or 'avx512'");
  if (cpu_info().isa < Isa::kAvx512) expect_refused("avx512", "is more than this machine has");
}

TEST_F(ChooseIsa, TheEnvironmentIsTheMost) {
  ::setenv("FERRY_ISA", "scalar", 1);
  EXPECT_EQ(*choose_isa(""), Isa::kScalar);
  EXPECT_EQ(*choose_isa("scalar"), Isa::kScalar);
  if (cpu_info().isa > Isa::kScalar) {
    expect_refused("avx2", "isa is 'avx2', which is more than FERRY_ISA allows; wanted at most");
  }
  ::setenv("FERRY_ISA", "", 1);
  EXPECT_EQ(*choose_isa(""), cpu_info().isa);
  ::setenv("FERRY_ISA", "fast", 1);
  for (const char* name : {"", "scalar"}) {
    expect_refused(name, "the environment's FERRY_ISA is 'fast'; wanted 'scalar', 'avx2' or");
  }
}

}  // namespace
}  // namespace ferry
