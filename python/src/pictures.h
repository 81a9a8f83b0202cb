// SPDX-License-Identifier: Apache-2.0
// read_picture and write_picture of Python.
#pragma once

#include <nanobind/nanobind.h>

namespace ferry::python {

void bind_pictures(nanobind::module_& m);

}  // namespace ferry::python
