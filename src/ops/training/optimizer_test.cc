// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Optimizer, OneStep) {
  const Tensor rate = tensor<float>({}, {0.5f}), step = tensor<int64_t>({}, {0});
  const Tensor x = tensor<float>({1}, {2}), g = tensor<float>({1}, {1}), v = tensor<float>({1}, {3}), h = tensor<float>({1}, {8});
  OpTester("ai.onnx.preview.training.Adagrad").attr("epsilon", 0.0f).input(rate).input(step).input(x).input(g).input(h)
      .expect(tensor<float>({1}, {2 - 0.5f / 3})).expect(tensor<float>({1}, {9})).run();
  OpTester("ai.onnx.preview.training.Momentum").attr("alpha", 0.5f).attr("beta", 0.1f).attr("norm_coefficient", 1.0f).attr("mode", std::string("standard"))
      .input(rate).input(step).input(x).input(g).input(v).expect(tensor<float>({1}, {-0.25f})).expect(tensor<float>({1}, {4.5f})).run();
  OpTester("ai.onnx.preview.training.Momentum").attr("alpha", 0.5f).attr("beta", 0.1f).attr("norm_coefficient", 1.0f).attr("mode", std::string("nesterov"))
      .input(rate).input(step).input(x).input(g).input(v).expect(tensor<float>({1}, {-0.625f})).expect(tensor<float>({1}, {4.5f})).run();
  OpTester("ai.onnx.preview.training.Adam").attr("alpha", 0.5f).attr("beta", 0.5f).attr("epsilon", 0.0f).attr("norm_coefficient_post", 0.5f)
      .input(rate).input(step).input(x).input(g).input(v).input(h)
      .expect(tensor<float>({1}, {0.5f * (2 - 0.5f * 2 / 2.1213203f)})).expect(tensor<float>({1}, {2})).expect(tensor<float>({1}, {4.5f})).run();
}

TEST(Optimizer, SeveralTensors) {
  const Tensor rate = tensor<double>({}, {1}), step = tensor<int64_t>({}, {1});
  OpTester("ai.onnx.preview.training.Momentum").attr("alpha", 0.0f).attr("beta", 2.0f).attr("norm_coefficient", 0.0f).attr("mode", std::string("standard"))
      .input(rate).input(step).input(tensor<float>({1}, {1})).input(tensor<double>({2}, {2, 3})).input(tensor<float>({1}, {1})).input(tensor<double>({2}, {1, 0}))
      .input(tensor<float>({1}, {0})).input(tensor<double>({2}, {0, 0}))
      .expect(tensor<float>({1}, {-1})).expect(tensor<double>({2}, {0, 3})).expect(tensor<float>({1}, {2})).expect(tensor<double>({2}, {2, 0})).run();
  OpTester("ai.onnx.preview.training.Adagrad").input(rate).input(step).input(tensor<float>({1}, {1})).input(tensor<float>({1}, {1}))
      .expect_error(Code::kInvalidModel, "4 inputs and 1 outputs").run();
}

}  // namespace
}  // namespace ferry
