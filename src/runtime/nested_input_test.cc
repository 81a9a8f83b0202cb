// SPDX-License-Identifier: Apache-2.0
#include "runtime/nested_input.h"

#include <gtest/gtest.h>

namespace ferry {
namespace {

Value f32(const Dims& dims) { return Value(*Tensor::allocate(DType::kFloat32, dims)); }

Status bind(const Dim& d, int64_t n) {
  if (!d.is_constant() || d.constant() == n) return {};
  return shape_mismatch("size {}, the model wants {}", n, d.constant());
}

const Type kTensor = Type::tensor(DType::kFloat32, Shape{2, Dim::invalid()});

std::string refusal(const Value& value, const Type& type) {
  return check_nested(value, type, bind).to_string();
}

TEST(NestedInput, WhatFitsPasses) {
  EXPECT_TRUE(
      check_nested(Value(Sequence{f32({2, 1}), f32({2, 7})}), Type::sequence_of(kTensor), bind)
          .ok());
  EXPECT_TRUE(check_nested(Value(Sequence{}), Type::sequence_of(kTensor), bind).ok());
  EXPECT_TRUE(check_nested(Value(), Type::optional_of(kTensor), bind).ok());
  EXPECT_TRUE(check_nested(f32({2, 3}), Type::optional_of(kTensor), bind).ok());
}

TEST(NestedInput, ElementsOfAnotherTypeOrSize) {
  const Type type = Type::sequence_of(kTensor);
  EXPECT_NE(refusal(Value(Sequence{f32({2, 1}), f32({3, 1})}), type)
                .find("element 1: f32[3,1] given, axis 0: size 3, the model wants 2"),
            std::string::npos);
  EXPECT_NE(refusal(Value(Sequence{f32({2})}), type)
                .find("element 0: f32[2] given, the model wants f32[2,?]"),
            std::string::npos);
  EXPECT_NE(refusal(Value(Sequence{Value()}), type).find("element 0: none given"),
            std::string::npos);
  EXPECT_NE(refusal(Value(Sequence{Value(*Tensor::allocate(DType::kInt64, {2, 1}))}), type)
                .find("element 0: i64[2,1] given"),
            std::string::npos);
  EXPECT_NE(refusal(f32({2, 1}), type).find("f32[2,1] given, the model wants seq(f32[2,?])"),
            std::string::npos);
  EXPECT_NE(refusal(Value(Sequence{}), Type::optional_of(kTensor)).find("sequence"),
            std::string::npos);
}

TEST(NestedInput, Maps) {
  const Type type = Type::map_of(DType::kInt64, Type::tensor(DType::kFloat32, Shape{}));
  Map map;
  map.keys = *Tensor::allocate(DType::kInt64, {2});
  map.values = {f32({}), f32({})};
  EXPECT_TRUE(check_nested(Value(map), type, bind).ok());
  map.values.pop_back();
  EXPECT_NE(refusal(Value(map), type).find("keys i64[2] for 1 values"), std::string::npos);
  map.keys = *Tensor::allocate(DType::kInt32, {1});
  EXPECT_NE(refusal(Value(map), type).find("keys i32[1]"), std::string::npos);
  map.keys = *Tensor::allocate(DType::kInt64, {1});
  map.values[0] = f32({3});
  EXPECT_NE(refusal(Value(map), type).find("element 0: f32[3] given, the model wants f32[]"),
            std::string::npos);
}

}  // namespace
}  // namespace ferry
