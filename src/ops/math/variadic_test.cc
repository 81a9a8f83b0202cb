// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "ops/op_tester.h"

namespace ferry {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(Variadic, CombinesAll) {
  const Tensor a = tensor<float>({2, 1}, {1, 5}), b = tensor<float>({2}, {3, kNaN}),
               c = tensor<float>({}, {4});
  OpTester("Max")
      .input(a)
      .input(b)
      .input(c)
      .expect(tensor<float>({2, 2}, {4, kNaN, 5, kNaN}))
      .run();
  OpTester("Min")
      .input(a)
      .input(b)
      .input(c)
      .expect(tensor<float>({2, 2}, {1, kNaN, 3, kNaN}))
      .run();
  OpTester("Sum").input(a).input(c).expect(tensor<float>({2, 1}, {5, 9})).run();
  OpTester("Mean").input(a).input(c).input(c).expect(tensor<float>({2, 1}, {3, 13.0f / 3})).run();
  OpTester("Max")
      .input(tensor<uint64_t>({1}, {UINT64_MAX}))
      .expect(tensor<uint64_t>({1}, {UINT64_MAX}))
      .run();
  OpTester("Min")
      .input(tensor<int8_t>({0}, {}))
      .input(tensor<int8_t>({1}, {1}))
      .expect(tensor<int8_t>({0}, {}))
      .run();
}

}  // namespace
}  // namespace ferry
