// SPDX-License-Identifier: Apache-2.0
// What the processor can do: instruction set level, optional extensions, cache sizes.
// Probed once, on first use; every function is safe to call from any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace ferry {

// Instruction set levels that kernels are compiled for, each containing the ones before it.
//   kScalar  what every CPU of the architecture has (x86-64: SSE2)
//   kAvx2    AVX2, FMA, F16C
//   kAvx512  AVX-512 F, BW, DQ, VL
enum class Isa { kScalar, kAvx2, kAvx512 };

struct CpuInfo {
  Isa isa = Isa::kScalar;
  bool avx512_vnni = false;
  bool avx512_bf16 = false;
  bool avx512_fp16 = false;
  bool avx_vnni = false;
  bool amx_tile = false;
  bool amx_int8 = false;
  bool amx_bf16 = false;
  // Bytes per core for L1d and L2, per socket for L3. Modest defaults where the system does not
  // tell; 0: no L3.
  size_t l1d_bytes = size_t{32} << 10;
  size_t l2_bytes = size_t{256} << 10;
  size_t l3_bytes = 0;
  std::string brand;
};

// The processor as it is.
const CpuInfo& cpu_info();

// The level kernels run at: the processor's, or a lower one asked for by
// FERRY_ISA=scalar|avx2|avx512.
Isa active_isa();

// Every level the processor has, lowest first, whatever FERRY_ISA says.
std::span<const Isa> supported_isas();

// "scalar", "avx2", "avx512".
std::string_view isa_name(Isa isa) noexcept;

// The lower of `probed` and the level called `wanted`; an empty or unknown name changes nothing.
Isa lowered_isa(Isa probed, std::string_view wanted) noexcept;

}  // namespace ferry
