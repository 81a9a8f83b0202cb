// SPDX-License-Identifier: Apache-2.0
// Functions of the vector layer behind pointers, so that one test runs them at every instruction
// set.
#pragma once

#include <cstdint>

#include "kernels/isa.h"

namespace ferry {

// Each function works on one vector of `lanes` floats (or int32), unless it says otherwise.
struct VecOps {
  int lanes;
  void (*load_store_n)(const float* x, float* y, int64_t n);
  void (*load_store_n_i)(const int32_t* x, int32_t* y, int64_t n);
  struct Unary {
    const char* name;
    void (*run)(const float* a, float* y);
  };
  struct Binary {
    const char* name;
    void (*run)(const float* a, const float* b, float* y);
  };
  struct BinaryInt {
    const char* name;
    void (*run)(const int32_t* a, const int32_t* b, int32_t* y);
  };
  const Unary* unary;
  int unary_count;
  const Binary* binary;
  int binary_count;
  const BinaryInt* binary_int;
  int binary_int_count;
  void (*fma)(const float* a, const float* b, const float* c, float* y);
  void (*transpose)(float* square);
  float (*reduce_add)(const float* a);
  float (*reduce_min)(const float* a);
  float (*reduce_max)(const float* a);
  int (*any_all)(const float* a, const float* b);  // a < b: bit 0 any, bit 1 all
  void (*permute)(const float* a, const int32_t* lane, float* y);
  void (*permute_two)(const float* a, const float* b, const int32_t* lane, float* y);
  void (*splat_in_pairs)(const float* a, float* y);  // lane 1
  void (*splat_in_quads)(const float* a, float* y);  // lane 2
  void (*gather)(const float* base, const int32_t* index, float* y);
  void (*f16_to_f32)(const uint16_t* x, float* y, int64_t n);
  void (*f32_to_f16)(const float* x, uint16_t* y, int64_t n);
  void (*bf16_to_f32)(const uint16_t* x, float* y, int64_t n);
  void (*f32_to_bf16)(const float* x, uint16_t* y, int64_t n);
  void (*bytes)(const uint8_t* u, const int8_t* s, int32_t* wide_u, int32_t* wide_s, uint8_t* back,
                int64_t n);
};

FERRY_DECLARE_ISA_TABLE(VecOps, kVecOps)

}  // namespace ferry
