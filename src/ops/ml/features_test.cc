// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

using Floats = std::vector<float>;

TEST(Features, Elementwise) {
  OpTester("ai.onnx.ml.Binarizer").attr("threshold", 1.0f).input(tensor<int64_t>({3}, {0, 1, 2})).expect(tensor<int64_t>({3}, {0, 0, 1})).run();
  OpTester("ai.onnx.ml.Imputer").attr("imputed_value_floats", Floats{5, 6}).attr("replaced_value_float", NAN).input(tensor<float>({2, 2}, {NAN, 1, 2, NAN}))
      .expect(tensor<float>({2, 2}, {5, 1, 2, 6})).run();
  OpTester("ai.onnx.ml.Imputer").attr("imputed_value_int64s", std::vector<int64_t>{9}).attr("replaced_value_int64", int64_t{-1}).input(tensor<int32_t>({1, 2}, {-1, 3}))
      .expect(tensor<int32_t>({1, 2}, {9, 3})).run();
  OpTester("ai.onnx.ml.Scaler").attr("offset", Floats{1, 2}).attr("scale", Floats{10}).input(tensor<double>({2, 2}, {1, 2, 3, 4})).expect(tensor<float>({2, 2}, {0, 0, 20, 20})).run();
  OpTester("ai.onnx.ml.Scaler").attr("offset", Floats{1, 2, 3}).input(tensor<float>({2, 2}, {1, 2, 3, 4})).expect_error(Code::kShapeMismatch, "for 2 features").run();
}

TEST(Features, Normalizer) {
  const Tensor x = tensor<float>({2, 2}, {3, -4, 0, 0});
  OpTester("ai.onnx.ml.Normalizer").input(x).expect(tensor<float>({2, 2}, {0.75f, -1, 0, 0})).run();
  OpTester("ai.onnx.ml.Normalizer").attr("norm", std::string("L1")).input(x).expect(tensor<float>({2, 2}, {3.0f / 7, -4.0f / 7, 0, 0})).run();
  OpTester("ai.onnx.ml.Normalizer").attr("norm", std::string("L2")).input(x).expect(tensor<float>({2, 2}, {0.6f, -0.8f, 0, 0})).run();
  OpTester("ai.onnx.ml.Normalizer").attr("norm", std::string("L3")).input(x).expect_error(Code::kInvalidModel, "norm is 'L3'").run();
}

TEST(Features, VectorizerAndExtractor) {
  OpTester("ai.onnx.ml.FeatureVectorizer").attr("inputdimensions", std::vector<int64_t>{1, 3}).input(tensor<int64_t>({2}, {1, 2})).input(tensor<float>({2, 2}, {3, 4, 5, 6}))
      .expect(tensor<float>({2, 4}, {1, 3, 4, 0, 2, 5, 6, 0})).run();
  OpTester("ai.onnx.ml.ArrayFeatureExtractor").input(tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6})).input(ints({2, 0})).expect(tensor<float>({2, 2}, {3, 1, 6, 4})).run();
  OpTester("ai.onnx.ml.ArrayFeatureExtractor").input(tensor<std::string>({2}, {"a", "b"})).input(ints({1})).expect(tensor<std::string>({1, 1}, {"b"})).run();
  OpTester("ai.onnx.ml.ArrayFeatureExtractor").input(tensor<float>({1}, {1})).input(ints({1})).expect_error(Code::kInvalidArgument, "index 1 outside").run();
}

}  // namespace
}  // namespace ferry
