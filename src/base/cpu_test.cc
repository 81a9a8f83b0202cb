// SPDX-License-Identifier: Apache-2.0
#include "base/cpu.h"

#include <gtest/gtest.h>

namespace ferry {
namespace {

TEST(Cpu, LevelsAreNestedAndNamed) {
  const auto isas = supported_isas();
  ASSERT_FALSE(isas.empty());
  EXPECT_EQ(isas.front(), Isa::kScalar);
  EXPECT_EQ(isas.back(), cpu_info().isa);
  EXPECT_EQ(isa_name(Isa::kAvx2), "avx2");
  EXPECT_LE(active_isa(), cpu_info().isa);
}

TEST(Cpu, OverrideOnlyLowers) {
  EXPECT_EQ(lowered_isa(Isa::kAvx512, "scalar"), Isa::kScalar);
  EXPECT_EQ(lowered_isa(Isa::kAvx512, "avx2"), Isa::kAvx2);
  EXPECT_EQ(lowered_isa(Isa::kAvx2, "avx512"), Isa::kAvx2);
  EXPECT_EQ(lowered_isa(Isa::kAvx2, ""), Isa::kAvx2);
  EXPECT_EQ(lowered_isa(Isa::kAvx2, "AVX512"), Isa::kAvx2);
}

TEST(Cpu, CachesArePlausible) {
  const CpuInfo& cpu = cpu_info();
  EXPECT_GE(cpu.l1d_bytes, size_t{8} << 10);
  EXPECT_GE(cpu.l2_bytes, cpu.l1d_bytes);
  EXPECT_LE(cpu.l1d_bytes, size_t{1} << 20);
}

TEST(Cpu, ExtensionsImplyTheirLevel) {
  const CpuInfo& cpu = cpu_info();
  if (cpu.avx512_fp16 || cpu.avx512_bf16 || cpu.avx512_vnni) {
    EXPECT_EQ(cpu.isa, Isa::kAvx512);
  }
  if (cpu.amx_int8) {
    EXPECT_TRUE(cpu.amx_tile);
  }
}

}  // namespace
}  // namespace ferry
