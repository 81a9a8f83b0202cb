// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/conv_pieces.h"

#include <algorithm>

#include "ops_cpu/parallel.h"

namespace ferry {

int64_t widest_piece(const ConvShape& s, const ConvCut& cut) {
  if (cut.most_columns == 0) return s.out[2];
  return std::min(s.out[2], 2 * (cut.most_columns + cut.columns));
}

void parallel_pieces(Team& team, const ConvShape& s, const ConvCut& cut, ConvPieceJob job) {
  const int64_t rows = s.rows(), columns = s.out[2];
  const int64_t threads = cut.work < kMinParallelWork ? 1 : team.size();
  const int64_t wanted = threads == 1 ? 1 : 4 * threads;
  const int64_t unit = cut.transposed ? s.stride[1] : 1, strips = (rows + unit - 1) / unit;
  const int64_t units = (columns + cut.columns - 1) / cut.columns;
  int64_t across = rows >= wanted ? 1 : (wanted + rows - 1) / rows;
  if (cut.most_columns > 0) across = std::max(across, columns / cut.most_columns);
  across = std::min(across, units);
  if (across == 1 && strips >= std::min(rows, threads)) {
    const int64_t parts =
        std::clamp(rows / std::max(cut.rows, unit), std::min(strips, threads), wanted);
    team.parallel(static_cast<int>(parts), [&](int part, int thread) {
      team.in_slices(std::min(rows, strips * part / parts * unit),
                     std::min(rows, strips * (part + 1) / parts * unit), unit,
                     [&](int64_t from, int64_t to) {
                       job({s, from, to, 0}, thread);
                     });
    });
    return;
  }
  const int64_t pad_step = cut.transposed ? 1 : -s.stride[2];
  const auto run = [&](int64_t first, int64_t last, int thread) {
    for (; first < last; ++first) {
      const int64_t row = first / across, i = first % across;
      const int64_t from = std::min(columns, units * i / across * cut.columns);
      const int64_t to = std::min(columns, units * (i + 1) / across * cut.columns);
      ConvPiece piece = {s, row, row + 1, row * (columns - (to - from)) + from};
      piece.shape.out[2] = to - from;
      piece.shape.pad[2] += from * pad_step;
      job(piece, thread);
    }
  };
  const int64_t pieces = rows * across, parts = std::min(pieces, wanted);
  team.parallel(static_cast<int>(parts), [&](int part, int thread) {
    team.in_slices(pieces * part / parts, pieces * (part + 1) / parts, 1,
                   [&](int64_t from, int64_t to) { run(from, to, thread); });
  });
}

}  // namespace ferry
