// SPDX-License-Identifier: Apache-2.0
// Which sanitizers a build has: they count memory in their own way, run slower and add locks.
#pragma once

// gcc names a sanitizer by a macro, clang by a feature.
#if defined(__has_feature)
#define FERRY_HAS_FEATURE(x) __has_feature(x)
#else
#define FERRY_HAS_FEATURE(x) 0
#endif

namespace ferry {

#if defined(__SANITIZE_ADDRESS__) || FERRY_HAS_FEATURE(address_sanitizer)
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif

#if defined(__SANITIZE_THREAD__) || FERRY_HAS_FEATURE(thread_sanitizer)
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

#if FERRY_HAS_FEATURE(memory_sanitizer)
inline constexpr bool kMemorySanitizer = true;
#else
inline constexpr bool kMemorySanitizer = false;
#endif

}  // namespace ferry

#undef FERRY_HAS_FEATURE
