// SPDX-License-Identifier: Apache-2.0
// JSON of the reports.
#pragma once

#include <fmt/core.h>

#include <nlohmann/json.hpp>

namespace ferry::cli {

using Json = nlohmann::ordered_json;  // keys in the order written

// To stdout. Names in a model need not be UTF-8: what is not becomes U+FFFD.
inline void print_json(const Json& json) {
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

}  // namespace ferry::cli
