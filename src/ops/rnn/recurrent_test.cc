// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

using Strings = std::vector<std::string>;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
Tensor f1(const Dims& dims, std::initializer_list<double> v) {
  std::vector<float> floats;
  for (double x : v) floats.push_back(static_cast<float>(x));
  return tensor<float>(dims, floats);
}

TEST(RNN, RunsForwardsAndBackwards) {
  // One input, one hidden unit, no activation: h = x + 10 h'.
  const auto rnn = [] {
    OpTester t("RNN");
    t.attr("activations", Strings{"Affine", "Affine"});
    return t;
  };
  const Tensor x = f1({3, 1, 1}, {1, 2, 3}), w = f1({1, 1, 1}, {1}), r = f1({1, 1, 1}, {10});
  rnn()
      .input(x)
      .input(w)
      .input(r)
      .expect(f1({3, 1, 1, 1}, {1, 12, 123}))
      .expect(f1({1, 1, 1}, {123}))
      .run();
  rnn()
      .attr("direction", std::string("reverse"))
      .input(x)
      .input(w)
      .input(r)
      .expect(f1({3, 1, 1, 1}, {321, 32, 3}))
      .expect(f1({1, 1, 1}, {321}))
      .run();
  rnn()
      .attr("direction", std::string("bidirectional"))
      .input(x)
      .input(f1({2, 1, 1}, {1, 1}))
      .input(f1({2, 1, 1}, {10, 10}))
      .expect(f1({3, 2, 1, 1}, {1, 321, 12, 32, 123, 3}))
      .expect(f1({2, 1, 1}, {123, 321}))
      .run();
}

TEST(RNN, SequencesEndWhereTheySay) {
  OpTester("RNN")
      .attr("activations", Strings{"Affine"})
      .attr("direction", std::string("reverse"))
      .attr("layout", int64_t{1})
      .input(f1({2, 2, 1}, {1, 2, 3, 4}))
      .input(f1({1, 1, 1}, {1}))
      .input(f1({1, 1, 1}, {10}))
      .no_input()
      .input(tensor<int32_t>({2}, {1, 0}))
      .input(f1({2, 1, 1}, {5, 6}))
      .expect(f1({2, 2, 1, 1}, {51, 0, 0, 0}))
      .expect(f1({2, 1, 1}, {51, 6}))
      .run();
}

TEST(RNN, ClipBoundsWhatActivationsSee) {
  OpTester("RNN")
      .attr("activations", Strings{"LeakyRelu"})
      .attr("activation_alpha", std::vector<float>{0.5f})
      .attr("clip", 2.0f)
      .input(f1({1, 2, 1}, {100, -100}))
      .input(f1({1, 1, 1}, {1}))
      .input(f1({1, 1, 1}, {0}))
      .expect(f1({1, 1, 2, 1}, {2, -1}))
      .run();
}

TEST(GRU, BothPlacesOfTheReset) {
  const Tensor x = f1({1, 1, 1}, {1}), w = f1({1, 3, 1}, {0, 0, 1}), r = f1({1, 3, 1}, {0, 0, 2});
  const Tensor b = f1({1, 6}, {0, 0, 0, 0, 0, 4}), h = f1({1, 1, 1}, {3});
  // z = reset = 1/2
  const double before = std::tanh(1 + 0.5 * 3 * 2 + 4), after = std::tanh(1 + 0.5 * (3 * 2 + 4));
  OpTester("GRU")
      .input(x)
      .input(w)
      .input(r)
      .input(b)
      .no_input()
      .input(h)
      .expect(f1({1, 1, 1, 1}, {0.5 * before + 1.5}))
      .run();
  OpTester("GRU")
      .attr("linear_before_reset", int64_t{1})
      .input(x)
      .input(w)
      .input(r)
      .input(b)
      .no_input()
      .input(h)
      .expect(f1({1, 1, 1, 1}, {0.5 * after + 1.5}))
      .run();
}

TEST(LSTM, PeepholesAndState) {
  const Tensor zeros = f1({1, 4, 1}, {0, 0, 0, 0});
  const double i = sigmoid(0.1 * 2), f = sigmoid(0.3 * 2);
  const double c = f * 2, o = sigmoid(0.2 * c);
  (void)i;  // the cell gate is 0, so that the input gate does not show
  OpTester("LSTM")
      .input(f1({1, 1, 1}, {1}))
      .input(zeros)
      .input(zeros)
      .no_input()
      .no_input()
      .input(f1({1, 1, 1}, {7}))
      .input(f1({1, 1, 1}, {2}))
      .input(f1({1, 3}, {0.1, 0.2, 0.3}))
      .expect(f1({1, 1, 1, 1}, {o * std::tanh(c)}))
      .expect(f1({1, 1, 1}, {o * std::tanh(c)}))
      .expect(f1({1, 1, 1}, {c}))
      .run();
}

TEST(LSTM, CoupledInputAndForgetGates) {
  const Tensor w = f1({1, 4, 1}, {0, 0, 0, 1}), r = f1({1, 4, 1}, {0, 0, 0, 0});
  const double c = 0.5 * 2 + 0.5 * std::tanh(1);
  OpTester("LSTM")
      .attr("input_forget", int64_t{1})
      .input(f1({1, 1, 1}, {1}))
      .input(w)
      .input(r)
      .no_input()
      .no_input()
      .no_input()
      .input(f1({1, 1, 1}, {2}))
      .no_output()
      .no_output()
      .expect(f1({1, 1, 1}, {c}))
      .run();
}

TEST(LSTM, EmptySequencesKeepTheState) {
  OpTester("LSTM")
      .input(f1({0, 1, 1}, {}))
      .input(f1({1, 4, 1}, {1, 1, 1, 1}))
      .input(f1({1, 4, 1}, {1, 1, 1, 1}))
      .no_input()
      .no_input()
      .input(f1({1, 1, 1}, {3}))
      .expect(f1({0, 1, 1, 1}, {}))
      .expect(f1({1, 1, 1}, {3}))
      .expect(f1({1, 1, 1}, {0}))
      .run();
}

// One step of x [1, 1, 2]; weights of `gates` rows, recurrent ones of `recurrent_gates`.
OpTester one_step(const char* op, int64_t gates, int64_t recurrent_gates) {
  OpTester t(op);
  t.input(random_tensor({1, 1, 2}, 1))
      .input(random_tensor({1, gates, 2}, 2))
      .input(random_tensor({1, recurrent_gates, 1}, 3));
  return t;
}

TEST(Recurrent, RefusesWhatDoesNotFit) {
  one_step("GRU", 4, 3).expect_error(Code::kShapeMismatch, "rows of gates").run();
  one_step("GRU", 3, 3)
      .attr("hidden_size", int64_t{2})
      .expect_error(Code::kShapeMismatch, "attribute 'hidden_size' is 2")
      .run();
  one_step("RNN", 1, 1)
      .attr("activations", Strings{"Sinus"})
      .expect_error(Code::kInvalidModel, "names 'Sinus', which is no activation")
      .run();
  one_step("LSTM", 4, 4)
      .attr("activations", Strings{"Tanh"})
      .expect_error(Code::kInvalidModel, "has 1 names, wanted are 3")
      .run();
  one_step("RNN", 1, 1)
      .attr("direction", std::string("up"))
      .expect_error(Code::kInvalidModel, "attribute 'direction' is 'up'")
      .run();
  one_step("RNN", 1, 1)
      .no_input()
      .input(tensor<int32_t>({1}, {2}))
      .expect_error(Code::kInvalidArgument, "sequence_lens[0] is 2")
      .run();
}

}  // namespace
}  // namespace ferry
