// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

// x is one row of four pixels; the grid samples it at the given normalised positions.
OpTester sample(const std::vector<float>& grid, const char* mode, const char* padding,
                bool align = true) {
  OpTester t("GridSample");
  const auto n = static_cast<int64_t>(grid.size());
  t.attr("mode", std::string(mode)).attr("padding_mode", std::string(padding));
  t.attr("align_corners", int64_t{align});
  t.input(tensor<float>({1, 1, 4}, {1, 2, 3, 4})).input(tensor<float>({1, n, 1}, grid));
  return t;
}

TEST(GridSample, ModesAndPadding) {
  sample({-1, 1, 1 / 3.0f}, "linear", "zeros").expect(tensor<float>({1, 1, 3}, {1, 4, 3})).run();
  sample({5 / 3.0f, 1 + 1 / 3.0f}, "linear", "zeros")
      .expect(tensor<float>({1, 1, 2}, {0, 2}))
      .run();
  sample({5, -5}, "linear", "border").expect(tensor<float>({1, 1, 2}, {4, 1})).run();
  sample({5 / 3.0f}, "linear", "reflection").expect(tensor<float>({1, 1, 1}, {3})).run();
  sample({-2 / 3.0f}, "nearest", "zeros").expect(tensor<float>({1, 1, 1}, {1})).run();
  sample({0}, "cubic", "zeros").expect(tensor<float>({1, 1, 1}, {2.5f})).run();
  // Halfway beyond the last pixel: 3 and three times 4, not 4 alone.
  sample({4 / 3.0f}, "cubic", "border").expect(tensor<float>({1, 1, 1}, {4.09375f})).run();
  sample({-1, 1}, "linear", "border", false).expect(tensor<float>({1, 1, 2}, {1, 4})).run();
}

TEST(GridSample, PositionsThatAreNoNumbers) {
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    sample({NAN, INFINITY, -INFINITY, 1e30f}, mode, "zeros")
        .expect(tensor<float>({1, 1, 4}, {0, 0, 0, 0}))
        .run();
    sample({INFINITY, -INFINITY, 1e30f}, mode, "border")
        .expect(tensor<float>({1, 1, 3}, {4, 1, 4}))
        .run();
    sample({NAN, INFINITY, 1e30f}, mode, "reflection").ignore_output().run();
  }
}

TEST(GridSample, TwoAxesComeInnermostFirst) {
  OpTester("GridSample")
      .attr("mode", std::string("nearest"))
      .attr("align_corners", int64_t{1})
      .input(tensor<std::string>({1, 1, 2, 2}, {"a", "b", "c", "d"}))
      .input(tensor<double>({1, 1, 2, 2}, {1, -1, -1, 1}))
      .expect(tensor<std::string>({1, 1, 1, 2}, {"b", "c"}))
      .run();
}

TEST(GridSample, RefusesWhatDoesNotFit) {
  const Tensor x = random_tensor({1, 1, 2, 2}, 1);
  OpTester("GridSample")
      .input(x)
      .input(random_tensor({1, 1, 2, 3}, 2))
      .expect_error(Code::kShapeMismatch, "2 coordinates")
      .run();
  OpTester("GridSample")
      .input(x)
      .input(random_tensor({2, 1, 2, 2}, 2))
      .expect_error(Code::kShapeMismatch, "equal ranks and batches")
      .run();
  OpTester("GridSample")
      .attr("mode", std::string("bilinear"))
      .input(x)
      .input(random_tensor({1, 1, 2, 2}, 2))
      .expect_error(Code::kInvalidModel, "attribute 'mode' is 'bilinear'")
      .run();
  OpTester("GridSample")
      .input(tensor<float>({1, 1, 0}, {}))
      .input(random_tensor({1, 1, 1}, 2))
      .expect_error(Code::kShapeMismatch, "nothing to sample")
      .run();
}

}  // namespace
}  // namespace ferry
