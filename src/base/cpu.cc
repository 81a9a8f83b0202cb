// SPDX-License-Identifier: Apache-2.0
#include "base/cpu.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ferry {
namespace {

constexpr Isa kLevels[] = {Isa::kScalar, Isa::kAvx2, Isa::kAvx512};

#if defined(__x86_64__)
struct Registers {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}

constexpr bool bit(uint32_t word, int index) { return (word >> index & 1u) != 0; }

// The register files that the operating system saves (XCR0).
uint64_t saved_state(const Registers& leaf1) {
  if (!bit(leaf1.ecx, 27)) return 0;
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

void probe_features(CpuInfo& cpu) {
  const Registers leaf1 = cpuid(1, 0), leaf7 = cpuid(7, 0), leaf7_1 = cpuid(7, 1);
  const uint64_t saved = saved_state(leaf1);
  const bool ymm = (saved & 0x6) == 0x6, zmm = (saved & 0xe6) == 0xe6;
  const bool tiles = (saved & 0x60000) == 0x60000;
  const bool fma_f16c = bit(leaf1.ecx, 12) && bit(leaf1.ecx, 29);
  if (!ymm || !bit(leaf1.ecx, 28) || !fma_f16c || !bit(leaf7.ebx, 5)) return;
  cpu.isa = Isa::kAvx2;
  cpu.avx_vnni = bit(leaf7_1.eax, 4);
  const bool f_dq_bw_vl =
      bit(leaf7.ebx, 16) && bit(leaf7.ebx, 17) && bit(leaf7.ebx, 30) && bit(leaf7.ebx, 31);
  if (!zmm || !f_dq_bw_vl) return;
  cpu.isa = Isa::kAvx512;
  cpu.avx512_vnni = bit(leaf7.ecx, 11);
  cpu.avx512_bf16 = bit(leaf7_1.eax, 5);
  cpu.avx512_fp16 = bit(leaf7.edx, 23);
  cpu.amx_bf16 = tiles && bit(leaf7.edx, 22);
  cpu.amx_tile = tiles && bit(leaf7.edx, 24);
  cpu.amx_int8 = tiles && bit(leaf7.edx, 25);
}

std::string probe_brand() {
  if (cpuid(0x80000000u, 0).eax < 0x80000004u) return {};
  char text[49] = {};
  for (uint32_t i = 0; i < 3; ++i) {
    const Registers r = cpuid(0x80000002u + i, 0);
    const uint32_t words[4] = {r.eax, r.ebx, r.ecx, r.edx};
    std::memcpy(text + i * 16, words, sizeof words);
  }
  std::string brand(text);
  brand.erase(0, brand.find_first_not_of(' '));
  return brand;
}
#else
void probe_features(CpuInfo&) {}
std::string probe_brand() { return {}; }
#endif

std::string read_word(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

// "48K", "2048K", "260M" as the kernel writes them.
size_t parse_size(const std::string& text) {
  char* end = nullptr;
  size_t size = std::strtoull(text.c_str(), &end, 10);
  if (*end == 'K') size <<= 10;
  if (*end == 'M') size <<= 20;
  return size;
}

void probe_caches(CpuInfo& cpu) {
  for (int index = 0; index < 8; ++index) {
    const std::string folder =
        "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    const std::string level = read_word(folder + "level");
    if (level.empty()) break;
    const size_t size = parse_size(read_word(folder + "size"));
    if (size == 0 || read_word(folder + "type") == "Instruction") continue;
    if (level == "1") cpu.l1d_bytes = size;
    if (level == "2") cpu.l2_bytes = size;
    if (level == "3") cpu.l3_bytes = size;
  }
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  if (cpu.l3_bytes != 0) return;
  const auto ask = [](int name, size_t& size) {
    const long answer = sysconf(name);
    if (answer > 0) size = static_cast<size_t>(answer);
  };
  ask(_SC_LEVEL1_DCACHE_SIZE, cpu.l1d_bytes);
  ask(_SC_LEVEL2_CACHE_SIZE, cpu.l2_bytes);
  ask(_SC_LEVEL3_CACHE_SIZE, cpu.l3_bytes);
#endif
}

CpuInfo probe() {
  CpuInfo cpu;
  probe_features(cpu);
  probe_caches(cpu);
  cpu.brand = probe_brand();
  return cpu;
}

}  // namespace

const CpuInfo& cpu_info() {
  static const CpuInfo cpu = probe();
  return cpu;
}

Isa active_isa() {
  static const Isa isa = [] {
    const char* wanted = std::getenv("FERRY_ISA");
    return lowered_isa(cpu_info().isa, wanted == nullptr ? "" : wanted);
  }();
  return isa;
}

std::span<const Isa> supported_isas() {
  return std::span(kLevels).first(static_cast<size_t>(cpu_info().isa) + 1);
}

std::string_view isa_name(Isa isa) noexcept {
  switch (isa) {
    case Isa::kScalar:
      return "scalar";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
  }
  return "unknown";
}

Isa lowered_isa(Isa probed, std::string_view wanted) noexcept {
  for (const Isa level : kLevels) {
    if (isa_name(level) == wanted) return std::min(level, probed);
  }
  return probed;
}

}  // namespace ferry
