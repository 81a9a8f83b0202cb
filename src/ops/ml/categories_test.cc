// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

using Strings = std::vector<std::string>;
using Ints = std::vector<int64_t>;

TEST(Categories, LabelEncoder) {
  OpTester("ai.onnx.ml.LabelEncoder")
      .attr("keys_strings", Strings{"a", "b"})
      .attr("values_int64s", Ints{5, 6})
      .attr("default_int64", int64_t{9})
      .input(tensor<std::string>({3}, Strings{"b", "x", "a"}))
      .expect(ints({6, 9, 5}))
      .run();
  OpTester("ai.onnx.ml.LabelEncoder")
      .attr("keys_floats", std::vector<float>{1, NAN, 0})
      .attr("values_strings", Strings{"one", "none", "zero"})
      .input(tensor<float>({4}, {NAN, -0.0f, 1, 2}))
      .expect(tensor<std::string>({4}, Strings{"none", "zero", "one", "_Unused"}))
      .run();
  OpTester("ai.onnx.ml.LabelEncoder")
      .attr("keys_tensor", tensor<int16_t>({2}, {1, 1}))
      .attr("values_tensor", tensor<double>({2}, {1.5, 2.5}))
      .attr("default_tensor", tensor<double>({1}, {7}))
      .input(tensor<int16_t>({2}, {1, 2}))
      .expect(tensor<double>({2}, {2.5, 7}))
      .run();
  OpTester("ai.onnx.ml.LabelEncoder")
      .attr("keys_strings", Strings{"a"})
      .input(tensor<std::string>({1}, Strings{"b"}))
      .expect_error(Code::kInvalidModel, "1 keys and 0 values")
      .run();
}

// Keys that all want one place in the index of numbers.
TEST(Categories, KeysThatCollide) {
  constexpr uint64_t kInverse = 0xf1de83e19937733d;  // of the factor that places are found with
  constexpr int64_t kKeys = 5000;
  Ints keys, values, wanted;
  for (int64_t i = 0; i < kKeys; ++i) {
    keys.push_back(static_cast<int64_t>(static_cast<uint64_t>(i) * kInverse));
    values.push_back(2 * i);
  }
  Ints asked = keys;
  asked.push_back(12345);
  wanted = values;
  wanted.push_back(-1);
  OpTester("ai.onnx.ml.LabelEncoder")
      .attr("keys_int64s", keys)
      .attr("values_int64s", values)
      .input(ints(asked))
      .expect(ints(wanted))
      .run();
}

TEST(Categories, MapperAndOneHot) {
  const auto mapper = [] {
    return OpTester("ai.onnx.ml.CategoryMapper")
        .attr("cats_int64s", Ints{1, 2})
        .attr("cats_strings", Strings{"x", "y"});
  };
  mapper().input(tensor<std::string>({2}, Strings{"y", "z"})).expect(ints({2, -1})).run();
  mapper().input(ints({1, 3})).expect(tensor<std::string>({2}, Strings{"x", "_Unused"})).run();
  OpTester("ai.onnx.ml.OneHotEncoder")
      .attr("cats_int64s", Ints{4, 5})
      .input(tensor<float>({1, 3}, {5, 4, 6}))
      .expect(tensor<float>({1, 3, 2}, {0, 1, 1, 0, 0, 0}))
      .run();
  OpTester("ai.onnx.ml.OneHotEncoder")
      .attr("cats_strings", Strings{"a"})
      .attr("zeros", int64_t{0})
      .input(tensor<std::string>({1}, Strings{"b"}))
      .expect_error(Code::kInvalidArgument, "element 0 is of no category")
      .run();
}

}  // namespace
}  // namespace ferry
