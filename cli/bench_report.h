// SPDX-License-Identifier: Apache-2.0
// The report of `ferry bench` for people: text, a Markdown table, a picture.
#pragma once

#include <string>

#include "json.h"

namespace ferry::cli {

void print_report(const Json& report);
// Throws Error: kIoError.
void write_markdown(const std::string& path, const Json& report);
// Medians as bars, 10 % to 90 % as whiskers.
void write_svg(const std::string& path, const Json& report);

}  // namespace ferry::cli
