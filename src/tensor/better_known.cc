// SPDX-License-Identifier: Apache-2.0
#include "tensor/better_known.h"

namespace ferry {
namespace {

int vagueness(const Dim& d) {
  if (d.is_invalid()) return 3;
  if (d.is_constant()) return 0;
  bool of_data = false;
  d.for_each_symbol([&](const std::string& name) { of_data |= name.starts_with('%'); });
  return of_data ? 2 : 1;
}

}  // namespace

Dim better_known(const Dim& a, const Dim& b) { return vagueness(b) < vagueness(a) ? b : a; }

Shape better_known(Shape a, const Shape& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] = better_known(a[i], b[i]);
  return a;
}

}  // namespace ferry
