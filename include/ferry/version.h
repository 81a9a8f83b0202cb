// SPDX-License-Identifier: Apache-2.0
// The version of the library.
#pragma once

#include "ferry/export.h"

#define FERRY_VERSION_MAJOR 0
#define FERRY_VERSION_MINOR 1
#define FERRY_VERSION_PATCH 0

namespace ferry {

// "0.1.0" of the library that is loaded, which may be newer than the headers.
FERRY_API const char* version() noexcept;

}  // namespace ferry
