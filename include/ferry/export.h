// SPDX-License-Identifier: Apache-2.0
// FERRY_API marks what the shared library exports.
#pragma once

#if defined(_WIN32)
#define FERRY_API
#else
#define FERRY_API [[gnu::visibility("default")]]
#endif
