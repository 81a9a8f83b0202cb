// SPDX-License-Identifier: Apache-2.0
// Text out of a model file, made fit to be shown: names in it are anybody's.
#pragma once

#include <string>

#include "ferry/export.h"

namespace ferry {

// `text` as it may go to a terminal or into a log. Control characters, marks that turn the
// direction of writing, and bytes that are no UTF-8 become \n, \t, \r, \x1b, \u202e; the rest
// stays, so printable text stays as it is.
FERRY_API std::string printable(std::string text);

}  // namespace ferry
