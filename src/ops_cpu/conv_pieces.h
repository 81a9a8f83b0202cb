// SPDX-License-Identifier: Apache-2.0
// Splits the output of a convolution over a team: by rows and, where there are few of them (sound,
// series, the last layers of networks), by columns too.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "kernels/conv/conv.h"

namespace ferry {

// Rows [from, to) of `shape`, which is the whole layer, or one row of some columns of it seen as an
// image of its own (its padding before the first may be less than 0). With finite weights no bit of
// the result depends on how a layer is cut.
struct ConvPiece {
  ConvShape shape;
  int64_t from, to;
  int64_t shift;  // from where the kernels count pixels of `shape` to where they lie in the whole

  // Where a row of the piece begins in the whole.
  int64_t pixel(int64_t row) const { return row * shape.out[2] + shift; }
  ConvArgs of(ConvArgs args) const {
    args.y += shift * args.y_pitch;
    if (args.residual != nullptr) args.residual += shift * args.residual_pitch;
    return args;
  }
};

class ConvPieceJob {
 public:
  template <class F>
  ConvPieceJob(const F& f)  // NOLINT: implicit by design
      : object_(&f), call_([](const void* o, const ConvPiece& piece, int thread) {
          (*static_cast<const F*>(o))(piece, thread);
        }) {}
  void operator()(const ConvPiece& piece, int thread) const { call_(object_, piece, thread); }

 private:
  const void* object_;
  void (*call_)(const void*, const ConvPiece&, int);
};

struct ConvCut {
  int64_t work;              // multiply-adds of the layer
  int64_t rows = 1;          // of a piece at least
  int64_t columns = 16;      // pieces of a row begin at a multiple
  int64_t most_columns = 0;  // of a piece, about, where its row is longer; 0: any number
  bool transposed = false;   // rows of a stride stay together unless columns are cut
};
// The most columns that a piece has.
int64_t widest_piece(const ConvShape& s, const ConvCut& cut);

// Calls job(piece, thread) for pieces that cover the output, unless the run is stopped.
void parallel_pieces(Team& team, const ConvShape& s, const ConvCut& cut, ConvPieceJob job);

}  // namespace ferry
