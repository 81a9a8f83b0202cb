// SPDX-License-Identifier: Apache-2.0
// Splits products of typed matrices over a team.
#pragma once

#include <algorithm>

#include "base/status.h"
#include "kernels/product/product.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/pause_of.h"
#include "plan/step_kernel.h"

namespace ferry {

// `batches` products of args' sizes with elements of `element` bytes: place(batch, a) sets the
// matrices of one, finish(batch, r0, r1, c0, c1) is called for each part of c that is done.
template <class Place, class Finish>
Status typed_products(StepContext& c, Product product, int64_t element, int64_t batches,
                      const ProductArgs& args, const Place& place, const Finish& finish) {
  // Parts that many threads share, yet whose rows use a packed strip of b often.
  constexpr int64_t kRows = 64, kCols = 64;
  const int64_t row_parts = (args.m + kRows - 1) / kRows, col_parts = (args.n + kCols - 1) / kCols;
  const bool worthwhile = batches * args.m * args.n * args.k >= kMinParallelWork;
  FERRY_RETURN_IF_ERROR(c.reserve_scratch(worthwhile ? c.team().size() : 1, kProductScratchBytes));
  const auto part = [&](int64_t unit, int thread) {
    ProductArgs p = args;
    const int64_t batch = unit / (row_parts * col_parts);
    const int64_t r0 = unit / col_parts % row_parts * kRows, c0 = unit % col_parts * kCols;
    place(batch, p);
    p.m = std::min(kRows, args.m - r0);
    p.n = std::min(kCols, args.n - c0);
    p.a = static_cast<const char*>(p.a) + r0 * p.a_row * element;
    p.b = static_cast<const char*>(p.b) + c0 * p.b_col * element;
    p.c = static_cast<char*>(p.c) + (r0 * p.c_row + c0) * element;
    p.scratch = c.scratch<void>(thread);
    p.pause = pause_of(c.team());
    product(p);
    finish(batch, r0, r0 + p.m, c0, c0 + p.n);
  };
  parallel_range(c.team(), batches * row_parts * col_parts, worthwhile,
                 [&](int64_t u0, int64_t u1, int thread) {
                   for (int64_t u = u0; u < u1; ++u) part(u, thread);
                 });
  return {};
}

}  // namespace ferry
