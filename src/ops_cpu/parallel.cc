// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/parallel.h"

#include <algorithm>

namespace ferry {

void parallel_range(Team& team, int64_t units, bool worthwhile, RangeJob job) {
  if (units <= 0) return;
  if (!worthwhile) return job(0, units, 0);
  const int64_t parts = team.size() > 1 ? std::min<int64_t>(units, 4 * team.size()) : 1;
  const auto run = [&](int part, int thread) {
    team.in_slices(units * part / parts, units * (part + 1) / parts, 1,
                   [&](int64_t from, int64_t to) { job(from, to, thread); });
  };
  if (parts == 1)
    run(0, 0);
  else
    team.parallel(static_cast<int>(parts), run);
}

}  // namespace ferry
