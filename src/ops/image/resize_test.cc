// SPDX-License-Identifier: Apache-2.0
#include "ops/image/resize.h"

#include "ops/op_tester.h"

namespace ferry {
namespace {

OpTester resize(const Tensor& x, const std::vector<float>& scales) {
  OpTester t("Resize");
  const auto n = static_cast<int64_t>(scales.size());
  t.input(x).no_input().input(tensor<float>({n}, scales));
  return t;
}
OpTester resize_to(const Tensor& x, const std::vector<int64_t>& sizes) {
  OpTester t("Resize");
  const auto n = static_cast<int64_t>(sizes.size());
  t.input(x).no_input().no_input().input(tensor<int64_t>({n}, sizes));
  return t;
}
std::string word(const char* text) { return text; }

const Tensor kRow = tensor<float>({4}, {1, 2, 3, 4});

TEST(Resize, NearestModes) {
  const auto run = [](const char* mode, const std::vector<float>& want) {
    resize_to(tensor<float>({2}, {0, 1}), {4})
        .attr("nearest_mode", word(mode))
        .attr("coordinate_transformation_mode", word("asymmetric"))
        .expect(tensor<float>({4}, want))
        .run();
  };
  run("round_prefer_floor", {0, 0, 1, 1});
  run("round_prefer_ceil", {0, 1, 1, 1});
  run("floor", {0, 0, 1, 1});
  run("ceil", {0, 1, 1, 1});
}

TEST(Resize, NearestTakesAnyType) {
  resize(tensor<std::string>({2}, {"a", "b"}), {2})
      .expect(tensor<std::string>({4}, {"a", "a", "b", "b"}))
      .run();
  resize(tensor<bool>({1, 2}, {true, false}), {1, 1.5f})
      .expect(tensor<bool>({1, 3}, {true, true, false}))
      .run();
}

TEST(Resize, LinearTransforms) {
  const auto run = [](const char* mode, const std::vector<float>& want) {
    resize_to(kRow, {2})
        .attr("mode", word("linear"))
        .attr("coordinate_transformation_mode", word(mode))
        .expect(tensor<float>({2}, want))
        .run();
  };
  run("half_pixel", {1.5f, 3.5f});
  run("align_corners", {1, 4});
  run("asymmetric", {1, 3});
  run("pytorch_half_pixel", {1.5f, 3.5f});
}

TEST(Resize, HalfPixelSymmetricMeetsTheMiddleExactly) {
  // Position 0 of four comes from 3 * (1 - 4 / 4.5) + 0.5 / 0.75 - 0.5, which is a half.
  resize(tensor<float>({6}, {0, 1, 2, 3, 4, 5}), {0.75f})
      .attr("coordinate_transformation_mode", word("half_pixel_symmetric"))
      .expect(tensor<float>({4}, {0, 2, 3, 4}))
      .run();
  // Position 2 of five is 3.
  resize(tensor<float>({7}, {0, 1, 2, 3, 4, 5, 6}), {0.75f})
      .attr("coordinate_transformation_mode", word("half_pixel_symmetric"))
      .attr("nearest_mode", word("ceil"))
      .expect(tensor<float>({5}, {1, 2, 3, 5, 6}))
      .run();
}

TEST(Resize, AlignCornersAlignsTheCornersOfFractionalScales) {
  // 4 * 0.6 = 2.4: two elements, the first and the last.
  resize(kRow, {0.6f})
      .attr("mode", word("linear"))
      .attr("coordinate_transformation_mode", word("align_corners"))
      .expect(tensor<float>({2}, {1, 4}))
      .run();
}

TEST(Resize, NearestToAScaleIsDecidedInFloats) {
  // 17 / 1.7f is 10 as floats divide, less than that in doubles; sizes have exact quotients.
  std::vector<float> want(18);
  for (size_t i = 0; i < want.size(); ++i) {
    const size_t nearest = 10 * i / 17;
    want[i] = static_cast<float>(nearest);
  }
  resize(iota({11}), {1.7f})
      .attr("mode", word("nearest"))
      .attr("nearest_mode", word("floor"))
      .attr("coordinate_transformation_mode", word("asymmetric"))
      .expect(tensor<float>({18}, want))
      .run();
}

TEST(Resize, AntialiasAveragesWhatIsDropped) {
  resize_to(tensor<float>({4}, {0, 0, 4, 4}), {2})
      .attr("mode", word("linear"))
      .attr("antialias", int64_t{1})
      .expect(tensor<float>({2}, {0.5f, 3.5f}))
      .run();
}

// The filter is six elements wide on either side: what lies outside counts for the border.
TEST(Resize, AntialiasReachesFarBeyondShortInputs) {
  resize_to(tensor<float>({3}, {1, 2, 4}), {1})
      .attr("mode", word("cubic"))
      .attr("cubic_coeff_a", -0.5f)
      .attr("antialias", int64_t{1})
      .expect(tensor<float>({1}, {7.0f / 3}))
      .run();
}

TEST(Resize, IntegersRoundAndSaturate) {
  resize_to(tensor<uint8_t>({2}, {0, 255}), {4})
      .attr("mode", word("linear"))
      .expect(tensor<uint8_t>({4}, {0, 64, 191, 255}))
      .run();
  resize_to(tensor<uint8_t>({4}, {0, 255, 255, 0}), {8})
      .attr("mode", word("cubic"))
      .expect(tensor<uint8_t>({8}, {0, 58, 197, 255, 255, 197, 58, 0}))
      .run();
}

TEST(Resize, CropsAndExtrapolates) {
  OpTester("Resize")
      .attr("mode", word("linear"))
      .attr("coordinate_transformation_mode", word("tf_crop_and_resize"))
      .attr("extrapolation_value", 9.0f)
      .input(kRow)
      .input(tensor<float>({2}, {0.5f, 1.5f}))
      .no_input()
      .input(tensor<int64_t>({1}, {3}))
      .expect(tensor<float>({3}, {2.5f, 4, 9}))
      .run();
}

TEST(Resize, AxesAndAspectRatio) {
  const Tensor x = random_tensor({2, 4, 2}, 1);
  resize_to(x, {8, 8})
      .attr("axes", std::vector<int64_t>{-2, -1})
      .attr("keep_aspect_ratio_policy", word("not_larger"))
      .ignore_output()
      .run();
  const auto got = resize_to(x, {8, 8})
                       .attr("axes", std::vector<int64_t>{-2, -1})
                       .attr("keep_aspect_ratio_policy", word("not_larger"))
                       .outputs()
                       .value();
  EXPECT_EQ(got[0].tensor().describe(), "f32[2,8,4]");
}

TEST(Resize, ZeroSizes) {
  resize_to(kRow, {0}).expect(tensor<float>({0}, {})).run();
  resize(tensor<float>({0}, {}), {2}).expect(tensor<float>({0}, {})).run();
  resize_to(tensor<float>({0}, {}), {2})
      .expect_error(Code::kInvalidArgument, "cannot be resized from 0 to 2")
      .run();
}

TEST(Resize, ComplexNumbersAreInterpolatedByParts) {
  using C = std::complex<float>;
  resize_to(tensor<C>({2}, {C(0, 4), C(4, 0)}), {1})
      .attr("mode", word("linear"))
      .expect(tensor<C>({1}, {C(2, 2)}))
      .run();
}

TEST(Resize, RefusesWhatDoesNotFit) {
  OpTester("Resize")
      .input(kRow)
      .expect_error(Code::kInvalidModel, "neither scales nor sizes")
      .run();
  resize(kRow, {1, 2})
      .expect_error(Code::kShapeMismatch, "scales has 2 elements, wanted are 1")
      .run();
  resize(kRow, {-1}).expect_error(Code::kInvalidArgument, "a scale is -1").run();
  resize(kRow, {2})
      .attr("mode", word("bilinear"))
      .expect_error(Code::kInvalidModel, "attribute 'mode' is 'bilinear', wanted is one of")
      .run();
  resize(kRow, {2})
      .attr("coordinate_transformation_mode", word("tf_crop_and_resize"))
      .expect_error(Code::kInvalidArgument, "needs the input roi")
      .run();
  resize(tensor<std::string>({1}, {"a"}), {2})
      .attr("mode", word("linear"))
      .expect_error(Code::kUnsupportedType, "strings cannot be interpolated")
      .run();
}

TEST(Resize, TapsStayInsideForAbsurdScales) {
  Resize op;
  op.mode = "cubic";
  op.antialias = true;
  const AxisTaps t = resize_taps(op, {3, 1, 1e-12, 0, 1});
  for (int64_t i : t.index) EXPECT_TRUE(i >= 0 && i < 3);
}

}  // namespace
}  // namespace ferry
