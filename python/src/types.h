// SPDX-License-Identifier: Apache-2.0
// What the module's functions return besides arrays: descriptions of values, models and sessions.
#pragma once

#include <nanobind/nanobind.h>

namespace ferry::python {

void bind_types(nanobind::module_& m);

}  // namespace ferry::python
