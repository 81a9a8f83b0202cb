// SPDX-License-Identifier: Apache-2.0
// Fuses depth first: a chain of products over pixels and convolutions of narrow groups (an inverted
// residual: 1x1, depthwise, 1x1) becomes one step that makes a strip of rows of the last output at
// a time, so that the wide values between them never leave the cache.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "plan/program.h"

namespace ferry {

// The name that switches it off, as a pass's does.
inline constexpr std::string_view kStripsName = "fuse_strips";

// Replaces each chain where that pays by a ferry.Group with strips. Returns how many. After
// form_groups.
//
// It pays when what lies between two stages is too much for the second-level cache, and moving it
// costs more than reading the weights once per strip and computing rows at the border of two
// threads' parts twice. Never when those rows are more than a twentieth of the work, or when the
// fewest rows do not fit the cache either. Depends on sizes, caches and the number of threads;
// results do not.
size_t form_strips(Graph& graph, const PlanOptions& options);

// Groups too narrow to fill vectors of output channels, whose inputs lie in a vector or two:
// depthwise above all.
bool has_narrow_groups(int64_t groups, int64_t group_in, int64_t group_out);

// More would gain little: what lies between has to be wide on both sides of a stage.
inline constexpr size_t kMostStripStages = 4;

// Geometry of one stage, along the rows of an image.
struct StripStage {
  double rows = 0, width = 0, channels = 0;  // of the output
  double macs = 0;                           // multiplications and additions per pixel of it
  double weight_bytes = 0;
  int64_t kernel = 1, stride = 1, dilation = 1;

  int64_t extent() const { return (kernel - 1) * dilation + 1; }
};

// Rows of each stage's output that are kept when the last stage makes `strip` of them at a time.
std::vector<int64_t> strip_rows(std::span<const StripStage> stages, int64_t strip);
// Bytes of what is kept between the stages.
double strip_bytes(std::span<const StripStage> stages, int64_t strip);
// The number of rows whose bytes fit a part of the second-level cache; at least 1.
int64_t strip_height(std::span<const StripStage> stages);

}  // namespace ferry
