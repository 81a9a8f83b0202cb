// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Unique, Elements) {
  const Tensor x = tensor<float>({6}, {2, 1, 1, 3, 4, 3});
  OpTester("Unique")
      .input(x)
      .expect(tensor<float>({4}, {1, 2, 3, 4}))
      .expect(ints({1, 0, 3, 4}))
      .expect(ints({1, 0, 0, 2, 3, 2}))
      .expect(ints({2, 1, 2, 1}))
      .run();
  OpTester("Unique")
      .attr("sorted", int64_t{0})
      .input(x)
      .expect(tensor<float>({4}, {2, 1, 3, 4}))
      .expect(ints({0, 1, 3, 4}))
      .expect(ints({0, 1, 1, 2, 3, 2}))
      .expect(ints({1, 2, 2, 1}))
      .run();
  OpTester("Unique")
      .input(tensor<std::string>({3}, {"b", "a", "b"}))
      .expect(tensor<std::string>({2}, {"a", "b"}))
      .run();
  OpTester("Unique")
      .input(tensor<float>({3}, {NAN, 1, NAN}))
      .expect(tensor<float>({2}, {1, NAN}))
      .run();
  OpTester("Unique").input(tensor<int8_t>({0}, {})).expect(tensor<int8_t>({0}, {})).run();
  OpTester("Unique").input(tensor<bool>({}, {true})).expect(tensor<bool>({1}, {true})).run();
}

TEST(Unique, Slices) {
  OpTester("Unique")
      .attr("axis", int64_t{0})
      .input(tensor<int32_t>({3, 2}, {1, 0, 1, 0, 0, 9}))
      .expect(tensor<int32_t>({2, 2}, {0, 9, 1, 0}))
      .expect(ints({2, 0}))
      .expect(ints({1, 1, 0}))
      .expect(ints({1, 2}))
      .run();
  OpTester("Unique")
      .attr("axis", int64_t{1})
      .input(tensor<int32_t>({2, 3}, {1, 0, 1, 2, 5, 2}))
      .expect(tensor<int32_t>({2, 2}, {0, 1, 5, 2}))
      .run();
}

TEST(Unique, SlicesWithoutElementsAreAlike) {
  OpTester("Unique")
      .attr("axis", int64_t{0})
      .input(tensor<float>({3, 0}, {}))
      .expect(tensor<float>({1, 0}, {}))
      .expect(ints({0}))
      .expect(ints({0, 0, 0}))
      .expect(ints({3}))
      .run();
  OpTester("Unique")
      .attr("axis", int64_t{1})
      .input(tensor<float>({3, 0}, {}))
      .expect(tensor<float>({3, 0}, {}))
      .expect(ints({}))
      .expect(ints({}))
      .expect(ints({}))
      .run();
}

}  // namespace
}  // namespace ferry
