// SPDX-License-Identifier: Apache-2.0
#include "tensor/size.h"

#include <gtest/gtest.h>

#include <vector>

namespace ferry {
namespace {

using Dims64 = std::vector<int64_t>;

TEST(SizeTest, CountsElementsAndBytes) {
  EXPECT_EQ(checked_count(Dims64{}).value(), 1);
  EXPECT_EQ(checked_count(Dims64{2, 3, 4}).value(), 24);
  EXPECT_EQ(checked_count(Dims64{2, 0, 4}).value(), 0);
  EXPECT_EQ(checked_size_bytes(DType::kFloat32, Dims64{2, 3}).value(), 24u);
  EXPECT_EQ(checked_size_bytes(DType::kInt4, Dims64{3}).value(), 2u);
  EXPECT_EQ(checked_size_bytes(DType::kFloat32, Dims64{0, INT64_MAX / 4}).value(), 0u);
}

TEST(SizeTest, RefusesWhatNoTensorHas) {
  EXPECT_EQ(checked_count(Dims64{2, -1}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(checked_count(Dims64{INT64_MAX, 2}).status().code(), Code::kLimitExceeded);
  EXPECT_EQ(checked_size_bytes(DType::kFloat32, Dims64{INT64_MAX}).status().code(),
            Code::kLimitExceeded);
}

// Nothing holds it, but its strides are computed, and no NumPy array could have its shape.
TEST(SizeTest, RefusesEmptyTensorsWhoseOtherDimsOverflow) {
  EXPECT_EQ(checked_count(Dims64{0, INT64_MAX, 2}).status().code(), Code::kLimitExceeded);
  const auto r = checked_size_bytes(DType::kFloat32, Dims64{0, INT64_MAX});
  EXPECT_EQ(r.status().code(), Code::kLimitExceeded);
  EXPECT_NE(r.status().message().find("f32[0,9223372036854775807] needs more bytes"),
            std::string::npos)
      << r.status().to_string();
}

}  // namespace
}  // namespace ferry
