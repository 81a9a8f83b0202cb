// SPDX-License-Identifier: Apache-2.0
#include "ferry/tensor.h"

#include <gtest/gtest.h>

namespace ferry {
namespace {

// NOLINTBEGIN(bugprone-use-after-move): what a move leaves is what is tested.

void expect_undefined(const Tensor& t) {
  EXPECT_FALSE(t.defined());
  EXPECT_EQ(t.rank(), 0u);
  EXPECT_EQ(t.count(), 0);
  EXPECT_EQ(t.size_bytes(), 0u);
  EXPECT_EQ(t.raw(), nullptr);
  EXPECT_EQ(t.owner(), nullptr);
}

TEST(TensorTest, IsUndefinedOnceMovedFrom) {
  Tensor a = Tensor::allocate(DType::kFloat32, {2, 3}).value();
  void* data = a.raw();
  Tensor b = std::move(a);
  expect_undefined(a);
  EXPECT_EQ(b.describe(), "f32[2,3]");
  Tensor c = Tensor::allocate(DType::kInt64, {7}).value();
  c = std::move(b);
  expect_undefined(b);
  EXPECT_EQ(c.raw(), data);
  EXPECT_EQ(c.count(), 6);
  Tensor& same = c;
  c = std::move(same);
  EXPECT_EQ(c.describe(), "f32[2,3]");
  EXPECT_EQ(c.raw(), data);
  a = c;
  EXPECT_EQ(a.raw(), c.raw());
}

TEST(TensorTest, AMoveLetsGoOfWhatWasThere) {
  Tensor a = Tensor::allocate(DType::kFloat32, {2}).value();
  const std::weak_ptr<void> storage = a.owner();
  a = Tensor();
  EXPECT_TRUE(storage.expired());
}

TEST(ValueTest, IsNoneOnceMovedFrom) {
  Value tensor(Tensor::allocate(DType::kFloat32, {2}).value());
  Value sequence(Sequence{tensor});
  Value map(Map{});
  for (Value* v : {&tensor, &sequence, &map}) {
    const std::string was = v->describe();
    Value taken = std::move(*v);
    EXPECT_TRUE(v->is_none());
    EXPECT_EQ(v->describe(), "none");
    Value& same = taken;
    taken = std::move(same);
    EXPECT_EQ(taken.describe(), was);
    *v = std::move(taken);
    EXPECT_TRUE(taken.is_none());
    EXPECT_EQ(v->describe(), was);
  }
}

// NOLINTEND(bugprone-use-after-move)

}  // namespace
}  // namespace ferry
