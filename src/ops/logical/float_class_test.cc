// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(FloatClass, NaNAndInfinities) {
  const Tensor x = tensor<float>({4}, {NAN, INFINITY, -INFINITY, 1});
  OpTester("IsNaN").input(x).expect(tensor<bool>({4}, {true, false, false, false})).run();
  OpTester("IsInf").input(x).expect(tensor<bool>({4}, {false, true, true, false})).run();
  OpTester("IsInf")
      .attr("detect_negative", int64_t{0})
      .input(x)
      .expect(tensor<bool>({4}, {false, true, false, false}))
      .run();
  OpTester("IsInf")
      .attr("detect_positive", int64_t{0})
      .input(x)
      .expect(tensor<bool>({4}, {false, false, true, false}))
      .run();
  OpTester("IsNaN").input(tensor<half>({0}, {})).expect(tensor<bool>({0}, {})).run();
  Tensor small = Tensor::allocate(DType::kFloat8E5M2, Dims{3}).value();
  const uint8_t bits[] = {0x7c, 0x7e, 0x3c};
  std::copy(bits, bits + 3, small.data<uint8_t>());
  OpTester("IsNaN").input(small).expect(tensor<bool>({3}, {false, true, false})).run();
  OpTester("IsInf").input(small).expect(tensor<bool>({3}, {true, false, false})).run();
}

}  // namespace
}  // namespace ferry
