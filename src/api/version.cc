// SPDX-License-Identifier: Apache-2.0
#include "ferry/version.h"

#define FERRY_TEXT_INNER(x) #x
#define FERRY_TEXT(x) FERRY_TEXT_INNER(x)

namespace ferry {

const char* version() noexcept {
  return FERRY_TEXT(FERRY_VERSION_MAJOR) "." FERRY_TEXT(FERRY_VERSION_MINOR) "." FERRY_TEXT(
      FERRY_VERSION_PATCH);
}

}  // namespace ferry
