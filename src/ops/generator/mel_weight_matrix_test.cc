// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(MelWeightMatrix, Triangles) {
  const auto scalar = [](int64_t v) { return tensor<int64_t>({}, {v}); };
  const auto hertz = [](float v) { return tensor<float>({}, {v}); };
  Tensor want = iota({9, 8});
  std::fill_n(want.data<float>(), 72, 0.0f);
  for (const int64_t at : {0, 1, 8 + 2, 8 + 3, 16 + 4, 24 + 5, 32 + 6, 40 + 7})
    want.data<float>()[at] = 1;
  OpTester("MelWeightMatrix")
      .input(scalar(8))
      .input(scalar(16))
      .input(scalar(8192))
      .input(hertz(0))
      .input(hertz(4096))
      .expect(want)
      .run();
  // Bands that lie beyond the last bin in part, or whole.
  OpTester("MelWeightMatrix")
      .input(scalar(3))
      .input(scalar(8))
      .input(scalar(16))
      .input(hertz(1))
      .input(hertz(20))
      .expect(tensor<float>({5, 3}, {0, 0, 0, 0.5f, 0, 0, 1, 0, 0, 0.5f, 0.5f, 0, 0, 1, 0}))
      .run();
  OpTester("MelWeightMatrix")
      .input(scalar(0))
      .input(scalar(4))
      .input(scalar(8))
      .input(hertz(0))
      .input(hertz(4))
      .expect(tensor<float>({3, 0}, {}))
      .run();
  OpTester("MelWeightMatrix")
      .input(scalar(8))
      .input(scalar(16))
      .input(scalar(0))
      .input(hertz(0))
      .input(hertz(4096))
      .expect_error(Code::kInvalidArgument, "at 0 Hz")
      .run();
}

}  // namespace
}  // namespace ferry
