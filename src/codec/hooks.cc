// SPDX-License-Identifier: Apache-2.0
#include "codec/hooks.h"

namespace ferry {

void connect_codecs() {}

}  // namespace ferry
