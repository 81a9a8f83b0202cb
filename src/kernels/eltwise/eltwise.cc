// SPDX-License-Identifier: Apache-2.0
#include "kernels/eltwise/eltwise.h"

#include <algorithm>

namespace ferry {

FERRY_DECLARE_ISA_TABLE(EltKernels, kEltKernels)

const EltKernels& elt_kernels(Isa isa) noexcept { return FERRY_SELECT_ISA_TABLE(isa, kEltKernels); }

namespace {

// Floats per tile: 4 KB a register, so that a program of eight values stays in a 48 KB first level.
constexpr int64_t kTile = 1024;

}  // namespace

int64_t eltwise_scratch_bytes(const EltProgram& program) noexcept {
  return static_cast<int64_t>(program.inputs + program.code.size()) *
             (kTile * int64_t{sizeof(float)} + int64_t{sizeof(void*)}) +
         64;
}

void eltwise_region(const EltKernels& kernels, const EltProgram& program,
                    const EltOperand* operands, float* y, int64_t y_stride, int64_t rows,
                    int64_t cols, void* scratch) noexcept {
  const size_t inputs = program.inputs, steps = program.code.size();
  auto* tiles = static_cast<float*>(scratch);
  auto** value = reinterpret_cast<const float**>(tiles + (inputs + steps) * kTile);
  const auto tile = [&](size_t v) { return tiles + v * static_cast<size_t>(kTile); };
  // Rows that follow each other in every operand are one long row.
  bool joined = y_stride == cols;
  for (size_t i = 0; i < inputs; ++i) {
    const EltOperand& o = operands[i];
    joined = joined && (o.col_stride == 1 ? o.row_stride == cols : o.row_stride == 0);
  }
  if (joined) {
    cols *= rows;
    rows = 1;
  }
  for (int64_t r = 0; r < rows; ++r) {
    for (size_t i = 0; i < inputs; ++i) {
      const EltOperand& o = operands[i];
      if (o.col_stride != 0 || (r > 0 && o.row_stride == 0)) continue;
      kernels.fill(o.p[r * o.row_stride], tile(i), std::min(kTile, cols));
    }
    for (int64_t c = 0; c < cols; c += kTile) {
      const int64_t n = std::min(kTile, cols - c);
      for (size_t i = 0; i < inputs; ++i) {
        const EltOperand& o = operands[i];
        value[i] = o.col_stride == 0 ? tile(i) : o.p + r * o.row_stride + c;
      }
      for (size_t s = 0; s < steps; ++s) {
        const EltInstruction& x = program.code[s];
        float* out = s + 1 == steps ? y + r * y_stride + c : tile(inputs + s);
        kernels.apply(x.op, value[x.a], value[x.b], out, n, x.p, x.q);
        value[inputs + s] = out;
      }
    }
  }
}

}  // namespace ferry
