// SPDX-License-Identifier: Apache-2.0
// What a misspelt name may have meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ferry {

// "; did you mean 'image'?" with the one of `names` that is nearest to `name`, or "" where none is
// near: more than a third of its letters would have to change. Case does not count.
std::string did_you_mean(std::string_view name, std::span<const std::string> names);

}  // namespace ferry
