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

namespace {

// A region being worked through: the value of each operand and register in the current tile.
struct Run {
  const EltKernels& kernels;
  const EltProgram& program;
  float* tiles;
  const float** value;

  Run(const EltKernels& k, const EltProgram& p, void* scratch)
      : kernels(k),
        program(p),
        tiles(static_cast<float*>(scratch)),
        value(reinterpret_cast<const float**>(tiles + (p.inputs + p.code.size()) * kTile)) {}

  float* tile(size_t v) const { return tiles + v * static_cast<size_t>(kTile); }

  void apply(float* y, int64_t n) const {
    const size_t inputs = program.inputs, steps = program.code.size();
    for (size_t s = 0; s < steps; ++s) {
      const EltInstruction& x = program.code[s];
      float* out = s + 1 == steps ? y : tile(inputs + s);
      kernels.apply(x.op, value[x.a], value[x.b], out, n, x.p, x.q);
      value[inputs + s] = out;
    }
  }

  // One row after the other, in pieces.
  void long_rows(const EltOperand* operands, float* y, int64_t y_stride, int64_t rows,
                 int64_t cols) const {
    const size_t inputs = program.inputs;
    for (int64_t r = 0; r < rows; ++r) {
      for (size_t i = 0; i < inputs; ++i) {
        const EltOperand& o = operands[i];
        if (o.col_stride != 0 || (r > 0 && o.row_stride == 0)) continue;
        kernels.fill(o.p[r * o.row_stride], tile(i), std::min(kTile, cols));
      }
      for (int64_t c = 0; c < cols; c += kTile) {
        for (size_t i = 0; i < inputs; ++i) {
          const EltOperand& o = operands[i];
          value[i] = o.col_stride == 0 ? tile(i) : o.p + r * o.row_stride + c;
        }
        apply(y + r * y_stride + c, std::min(kTile, cols - c));
      }
    }
  }

  // Several dense rows at a time: what differs only by row or column is spread over a tile first.
  void short_rows(const EltOperand* operands, float* y, int64_t rows, int64_t cols) const {
    const int64_t batch = std::min(rows, kTile / cols);
    for (int64_t r = 0; r < rows; r += batch) {
      const int64_t n = std::min(batch, rows - r);
      for (size_t i = 0; i < program.inputs; ++i) {
        const EltOperand& o = operands[i];
        const float* from = o.p + r * o.row_stride;
        value[i] = tile(i);
        if (o.col_stride == 1 && o.row_stride == cols) {
          value[i] = from;
        } else if (o.col_stride == 0 && o.row_stride == 0) {
          if (r == 0) kernels.fill(*from, tile(i), n * cols);
        } else if (o.col_stride == 0) {
          kernels.spread(from, o.row_stride, tile(i), n, cols);
        } else if (r == 0 || o.row_stride != 0) {
          kernels.gather(from, o.row_stride, tile(i), n, cols);
        }
      }
      apply(y + r * cols, n * cols);
    }
  }
};

}  // namespace

void eltwise_region(const EltKernels& kernels, const EltProgram& program,
                    const EltOperand* operands, float* y, int64_t y_stride, int64_t rows,
                    int64_t cols, void* scratch) noexcept {
  // Rows that follow each other in every operand are one long row.
  bool joined = y_stride == cols;
  for (size_t i = 0; i < program.inputs; ++i) {
    const EltOperand& o = operands[i];
    joined = joined && (o.col_stride == 1 ? o.row_stride == cols : o.row_stride == 0);
  }
  if (joined) {
    cols *= rows;
    rows = 1;
  }
  const Run run(kernels, program, scratch);
  if (rows > 1 && cols > 0 && y_stride == cols && cols <= kTile / 4) {
    run.short_rows(operands, y, rows, cols);
  } else {
    run.long_rows(operands, y, y_stride, rows, cols);
  }
}

}  // namespace ferry
