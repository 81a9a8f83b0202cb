// SPDX-License-Identifier: Apache-2.0
// The tile VM: a list of elementwise instructions run over tiles that stay in the first-level
// cache, so a chain of k cheap operations costs one pass over memory instead of k.
//
// Values are the inputs of the program, then one register per instruction. An operand of a region
// may be dense, one value per row, one per column, or a single value.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/isa.h"

namespace ferry {

enum class EltOp : uint8_t {
  // y = f(a, b)
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMin,
  kMax,
  kPRelu,
  // y = f(a; p, q)
  kClip,  // min(max(a, p), q); NaN stays
  kNeg,
  kAbs,
  kSqrt,
  kReciprocal,
  kFloor,
  kCeil,
  kRound,
  kExp,
  kTanh,
  kErf,
  kSigmoid,
  kRelu,
  kLeakyRelu,
  kElu,
  kHardSigmoid,
  kHardSwish,
  kSwish,
  kGelu,
  kGeluTanh,
  kThresholdedRelu,
  kShrink,  // x + q below -p, x - q above p, else 0
  kSoftsign,
  kSign,
  kLog,
  kSin,
  kCos,
  kSoftplus,
  kMish,
  kSelu,  // q x, or q p (exp(x) - 1) below 0
  kCelu,
  kTan,
  kAsin,
  kAcos,
  kAtan,
  kSinh,
  kCosh,
  kAsinh,
  kAcosh,
  kAtanh,
  kPower,         // x^p
  kFakeQuantize,  // p times round(x / p), clamped to [q, q + 255]; NaN is q
  kFirstUnary = kClip,
};

struct EltInstruction {
  EltOp op;
  uint16_t a = 0, b = 0;  // values; b is used by binary operations only
  float p = 0, q = 0;
};

struct EltProgram {
  uint16_t inputs = 0;
  std::vector<EltInstruction>
      code;  // instruction i writes value inputs + i; the last is the result
};

// Element (r, c) of an input is p[r * row_stride + c * col_stride]; col_stride is 0 or 1.
struct EltOperand {
  const float* p = nullptr;
  int64_t row_stride = 0;
  int col_stride = 1;
};

// Arrays of one instruction: y may be a or b.
struct EltKernels {
  void (*apply)(EltOp op, const float* a, const float* b, float* y, int64_t n, float p,
                float q) noexcept;
  // A binary operation over a region, as eltwise_region() does it.
  void (*combine)(EltOp op, const EltOperand& a, const EltOperand& b, float* y, int64_t y_stride,
                  int64_t rows, int64_t cols) noexcept;
  void (*fill)(float value, float* y, int64_t n) noexcept;
  // y[r * y_stride + c] = x[r * x_stride + c]
  void (*copy_rows)(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows,
                    int64_t cols) noexcept;
  // y[r * cols + c] = x[r * stride]
  void (*spread)(const float* x, int64_t stride, float* y, int64_t rows, int64_t cols) noexcept;
};
const EltKernels& elt_kernels(Isa isa) noexcept;

// Bytes of scratch for one thread, 64-byte aligned.
int64_t eltwise_scratch_bytes(const EltProgram& program) noexcept;

// y[r * y_stride + c] for the region [0, rows) x [0, cols). y may be the memory of a dense operand
// at the same positions.
void eltwise_region(const EltKernels& kernels, const EltProgram& program,
                    const EltOperand* operands, float* y, int64_t y_stride, int64_t rows,
                    int64_t cols, void* scratch) noexcept;

}  // namespace ferry
