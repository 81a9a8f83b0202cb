// SPDX-License-Identifier: Apache-2.0
#include "kernels/eltwise/eltwise.h"

#include <algorithm>

namespace ferry {

FERRY_DECLARE_ISA_TABLE(EltKernels, kEltKernels)

const EltKernels& elt_kernels(Isa isa) noexcept { return FERRY_SELECT_ISA_TABLE(isa, kEltKernels); }

namespace {

// Columns from which one binary operation works through the rows as they lie. Below, rows joined in
// a tile are faster, which a value per row makes dearer than a repeated row does.
constexpr int64_t kRowsOfValues = 32, kRowsRepeated = 128;

// Floats per tile: 4 KB a register, so that a program of eight values stays in a 48 KB first level.
constexpr int64_t kTile = 1024;

}  // namespace

int64_t eltwise_scratch_bytes(const EltProgram& program) noexcept {
  return static_cast<int64_t>(program.inputs + program.code.size()) *
             (kTile * int64_t{sizeof(float)} + int64_t{sizeof(EltOperand)}) +
         64;
}

namespace {

// A region being worked through: the value of each operand and register in the current tile.
struct Run {
  const EltKernels& kernels;
  const EltProgram& program;
  float* tiles;
  EltOperand* value;

  Run(const EltKernels& k, const EltProgram& p, void* scratch)
      : kernels(k),
        program(p),
        tiles(static_cast<float*>(scratch)),
        value(reinterpret_cast<EltOperand*>(tiles + (p.inputs + p.code.size()) * kTile)) {}

  float* tile(size_t v) const { return tiles + v * static_cast<size_t>(kTile); }

  // What has one value for all columns is computed once.
  void apply(float* y, int64_t n) const {
    const size_t inputs = program.inputs, steps = program.code.size();
    for (size_t s = 0; s < steps; ++s) {
      const EltInstruction& x = program.code[s];
      const EltOperand a = value[x.a], b = value[x.b];
      const bool last = s + 1 == steps, binary = x.op < EltOp::kFirstUnary;
      const bool single = a.col_stride == 0 && (b.col_stride == 0 || !binary);
      float* out = last && !single ? y : tile(inputs + s);
      const int64_t m = single ? 1 : n;
      if (binary) {
        kernels.combine(x.op, a, b, out, 0, 1, m);
      } else {
        kernels.apply(x.op, a.p, a.p, out, m, x.p, x.q);
      }
      value[inputs + s] = {out, 0, single ? 0 : 1};
      if (last && single) kernels.fill(*out, y, n);
    }
  }

  // One row after the other, in pieces if there is more than one thing to do with them.
  void long_rows(const EltOperand* operands, float* y, int64_t y_stride, int64_t rows,
                 int64_t cols) const {
    const int64_t piece = program.code.size() == 1 ? cols : kTile;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < cols; c += piece) {
        for (size_t i = 0; i < program.inputs; ++i) {
          const EltOperand& o = operands[i];
          value[i] = {o.p + r * o.row_stride + c * o.col_stride, 0, o.col_stride};
        }
        apply(y + r * y_stride + c, std::min(piece, cols - c));
      }
    }
  }

  // Several rows at a time: what is not dense in them is spread over a tile first.
  void short_rows(const EltOperand* operands, float* y, int64_t y_stride, int64_t rows,
                  int64_t cols) const {
    const int64_t batch = std::min(rows, kTile / cols);
    for (int64_t r = 0; r < rows; r += batch) {
      const int64_t n = std::min(batch, rows - r);
      for (size_t i = 0; i < program.inputs; ++i) {
        const EltOperand& o = operands[i];
        const float* from = o.p + r * o.row_stride;
        if (o.col_stride == 0 && o.row_stride == 0) {
          value[i] = {from, 0, 0};
          continue;
        }
        value[i] = {tile(i), 0, 1};
        if (o.col_stride == 1 && o.row_stride == cols) {
          value[i].p = from;
        } else if (o.col_stride == 0) {
          kernels.spread(from, o.row_stride, tile(i), n, cols);
        } else if (r == 0 || o.row_stride != 0) {
          kernels.copy_rows(from, o.row_stride, tile(i), cols, n, cols);
        }
      }
      if (y_stride == cols) {
        apply(y + r * cols, n * cols);
        continue;
      }
      float* dense = tile(program.inputs + program.code.size() - 1);
      apply(dense, n * cols);
      kernels.copy_rows(dense, cols, y + r * y_stride, y_stride, n, cols);
    }
  }
};

}  // namespace

void eltwise_region(const EltKernels& kernels, const EltProgram& program,
                    const EltOperand* operands, float* y, int64_t y_stride, int64_t rows,
                    int64_t cols, void* scratch) noexcept {
  // Rows that follow each other in every operand are one long row.
  bool joined = y_stride == cols, values = false;
  for (size_t i = 0; i < program.inputs; ++i) {
    const EltOperand& o = operands[i];
    joined = joined && (o.col_stride == 1 ? o.row_stride == cols : o.row_stride == 0);
    values = values || (o.col_stride == 0 && o.row_stride != 0);
  }
  if (joined) {
    cols *= rows;
    rows = 1;
  }
  // Rows of y that lie apart cost a copy, which pays below two vectors.
  const bool is_short = rows > 1 && cols > 0 && cols <= (y_stride == cols ? kTile / 4 : 32);
  const EltInstruction& first = program.code[0];
  if (program.code.size() == 1 && first.op < EltOp::kFirstUnary &&
      (!is_short || cols >= (values ? kRowsOfValues : kRowsRepeated))) {
    return kernels.combine(first.op, operands[first.a], operands[first.b], y, y_stride, rows, cols);
  }
  const Run run(kernels, program, scratch);
  if (is_short) {
    run.short_rows(operands, y, y_stride, rows, cols);
  } else {
    run.long_rows(operands, y, y_stride, rows, cols);
  }
}

}  // namespace ferry
