// SPDX-License-Identifier: Apache-2.0
#include "base/pages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace ferry {
namespace {

TEST(Pages, GatheredMemoryKeepsItsContents) {
  for (const HugePages huge : {HugePages::kWanted, HugePages::kWhereQuick, HugePages::kLater}) {
    for (const size_t bytes : {size_t{4096}, size_t{2} << 20, (size_t{5} << 20) + 4096}) {
      const auto memory = allocate_pages(bytes, nullptr, bytes, huge).value();
      auto* p = static_cast<std::byte*>(memory.get());
      take_huge_pages(p, bytes / 2, p + bytes);
      take_huge_pages(p + bytes / 2, bytes - bytes / 2, p + bytes);
      auto* words = reinterpret_cast<uint32_t*>(p);
      std::iota(words, words + bytes / 4, 7u);
      const std::vector<uint32_t> before(words, words + bytes / 4);
      // Whether the machine does it or not, and wherever the piece begins.
      gather_pages(p, bytes);
      gather_pages(p + 4096, bytes - 4096);
      EXPECT_TRUE(std::equal(before.begin(), before.end(), words)) << bytes;
    }
  }
}

}  // namespace
}  // namespace ferry
