// SPDX-License-Identifier: Apache-2.0
// 128-bit integers, for checked products of 64-bit sizes.
#pragma once

namespace ferry {
__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;
}  // namespace ferry
