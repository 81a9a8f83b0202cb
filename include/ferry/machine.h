// SPDX-License-Identifier: Apache-2.0
// What this machine can do at best, measured: the roof that any engine's speed is held against.
//
//   ferry::MachineRoof roof = *ferry::measure_machine(1);   // takes about a second
//   double share = flops / seconds / 1e9 / roof.gflops;
//
// Threads: one measurement at a time means something; several disturb each other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ferry/status.h"

namespace ferry {

struct MachineRoof {
  struct Memory {
    std::string name;                   // "L1", "L2", "L3", "DRAM"
    uint64_t bytes = 0;                 // what each thread went through again and again
    double read_gbs = 0, copy_gbs = 0;  // 1e9 bytes a second; a copied byte counts twice
  };
  std::string cpu, isa;
  int threads = 1;
  double gflops = 0;           // fp32 multiply-adds, two operations each
  std::vector<Memory> memory;  // of all threads together
};

// Runs short loops on `threads` threads (0: all CPUs of the affinity mask and the cgroup's quota)
// with the best instructions of this machine or of the environment's FERRY_ISA, or those of `isa`
// ("scalar", "avx2", "avx512").
// Rates are the best of several tries: whatever else runs only ever lowers them.
//
// Errors: kInvalidArgument  `isa` is unknown or not on this machine, `threads` is negative
//         kOutOfMemory
FERRY_API Result<MachineRoof> measure_machine(int threads = 0, const std::string& isa = {});

}  // namespace ferry
