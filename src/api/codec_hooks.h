// SPDX-License-Identifier: Apache-2.0
// Connects the codecs to the operators that need them (ImageDecoder, RegexFullMatch).
#pragma once

namespace ferry {

// Idempotent and thread-safe.
void connect_codecs();

}  // namespace ferry
