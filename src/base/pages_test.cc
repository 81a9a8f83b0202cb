// SPDX-License-Identifier: Apache-2.0
#include "base/pages.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ferry {
namespace {

TEST(Pages, GatheredMemoryKeepsItsContents) {
  for (const HugePages huge : {HugePages::kWanted, HugePages::kWhereQuick, HugePages::kLater}) {
    for (const size_t bytes : {size_t{4096}, size_t{2} << 20, (size_t{5} << 20) + 4096}) {
      const auto memory = allocate_pages(bytes, nullptr, bytes, huge).value();
      auto* p = static_cast<unsigned char*>(memory.get());
      take_huge_pages(p, bytes / 2, p + bytes);
      take_huge_pages(p + bytes / 2, bytes - bytes / 2, p + bytes);
      EXPECT_EQ(std::count(p, p + bytes, 0), static_cast<ptrdiff_t>(bytes));
      for (size_t i = 0; i < bytes; ++i) p[i] = static_cast<unsigned char>(i * 7);
      // Whether the machine does it or not, and wherever the piece begins.
      gather_pages(p, bytes);
      gather_pages(p + 4096, bytes - 4096);
      for (size_t i = 0; i < bytes; ++i) ASSERT_EQ(p[i], static_cast<unsigned char>(i * 7)) << i;
    }
  }
}

}  // namespace
}  // namespace ferry
