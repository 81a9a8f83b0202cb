// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

struct Case {
  int64_t length, batch, input, hidden;
};

// Small enough that states do not amplify what rounding leaves.
Tensor small_weights(const Dims& dims, uint64_t seed) {
  Tensor t = random_tensor(dims, seed);
  for (int64_t i = 0; i < t.count(); ++i) t.data<float>()[i] *= 0.1f;
  return t;
}

TEST(Recurrent, Plain) {
  for (const char* direction : {"forward", "reverse", "bidirectional"}) {
    const int64_t d = direction == std::string("bidirectional") ? 2 : 1;
    for (const Case& s : {Case{5, 1, 7, 9}, Case{12, 3, 33, 64}, Case{0, 2, 3, 4}}) {
      for (bool states : {false, true}) {
        StepTester t("RNN");
        t.attr("direction", std::string(direction))
            .attr("hidden_size", s.hidden)
            .input(random_tensor({s.length, s.batch, s.input}, 1))
            .constant(small_weights({d, s.hidden, s.input}, 2))
            .constant(small_weights({d, s.hidden, s.hidden}, 3))
            .outputs(2)
            .kernel("rnn_f32")
            .tolerance(1e-4, 1e-4);
        if (states) {
          t.constant(small_weights({d, 2 * s.hidden}, 4))
              .no_input()
              .input(random_tensor({d, s.batch, s.hidden}, 5));
        }
        t.run();
      }
    }
  }
}

TEST(Recurrent, LstmAndGru) {
  for (const char* direction : {"forward", "reverse", "bidirectional"}) {
    const int64_t d = direction == std::string("bidirectional") ? 2 : 1;
    for (const Case& s : {Case{5, 1, 7, 9}, Case{12, 3, 33, 64}, Case{0, 2, 3, 4}, Case{3, 0, 3, 4},
                          Case{2, 20, 8, 96}}) {
      const Tensor x = random_tensor({s.length, s.batch, s.input}, 1);
      const Tensor h = random_tensor({d, s.batch, s.hidden}, 5);
      for (bool states : {false, true}) {
        StepTester t("LSTM");
        t.attr("direction", std::string(direction))
            .attr("hidden_size", s.hidden)
            .input(x)
            .constant(random_tensor({d, 4 * s.hidden, s.input}, 2))
            .constant(random_tensor({d, 4 * s.hidden, s.hidden}, 3))
            .outputs(3)
            .kernel("lstm_f32")
            .tolerance(1e-4, 1e-4);
        if (states) {
          t.constant(random_tensor({d, 8 * s.hidden}, 4))
              .no_input()
              .input(h)
              .input(random_tensor({d, s.batch, s.hidden}, 6));
        }
        t.run();
        for (int64_t linear : {0, 1}) {
          StepTester g("GRU");
          g.attr("direction", std::string(direction))
              .attr("hidden_size", s.hidden)
              .attr("linear_before_reset", linear)
              .input(x)
              .constant(random_tensor({d, 3 * s.hidden, s.input}, 2))
              .constant(random_tensor({d, 3 * s.hidden, s.hidden}, 3))
              .outputs(2)
              .kernel("gru_f32")
              .tolerance(1e-4, 1e-4);
          if (states) g.constant(random_tensor({d, 6 * s.hidden}, 4)).no_input().input(h);
          g.run();
        }
      }
    }
  }
}

// Sequences that end before others do, with weights that each run is given and without.
TEST(Recurrent, LengthsAndComputedWeights) {
  for (const char* op : {"LSTM", "GRU", "RNN"}) {
    const int64_t gates = op == std::string("LSTM") ? 4 : op == std::string("GRU") ? 3 : 1;
    const std::string kernel = gates == 4 ? "lstm_f32" : gates == 3 ? "gru_f32" : "rnn_f32";
    for (const char* direction : {"forward", "reverse", "bidirectional"}) {
      const int64_t d = direction == std::string("bidirectional") ? 2 : 1;
      for (const bool computed : {false, true}) {
        for (const int64_t linear : {0, 1}) {
          if (linear == 1 && gates != 3) continue;
          StepTester t(op);
          t.attr("direction", std::string(direction)).attr("hidden_size", int64_t{21});
          if (gates == 3) t.attr("linear_before_reset", linear);
          t.input(random_tensor({6, 5, 10}, 1));
          const auto weights = [&](Tensor w) { computed ? t.input(w) : t.constant(w); };
          weights(small_weights({d, gates * 21, 10}, 2));
          weights(small_weights({d, gates * 21, 21}, 3));
          weights(small_weights({d, 2 * gates * 21}, 4));
          t.input(tensor<int32_t>({5}, {6, 3, 0, 1, 5}))
              .input(random_tensor({d, 5, 21}, 5))
              .outputs(gates == 4 ? 3 : 2)
              .kernel(kernel)
              .tolerance(1e-4, 1e-4)
              .run();
        }
      }
    }
  }
}

TEST(Recurrent, PlainWithRelu) {
  StepTester("RNN")
      .attr("hidden_size", int64_t{9})
      .attr("direction", std::string("bidirectional"))
      .attr("activations", std::vector<std::string>{"Relu", "Relu"})
      .input(random_tensor({5, 2, 7}, 1))
      .constant(small_weights({2, 9, 7}, 2))
      .constant(small_weights({2, 9, 9}, 3))
      .outputs(2)
      .kernel("rnn_f32")
      .tolerance(1e-4, 1e-4)
      .run();
}

TEST(Recurrent, RefusesLengthsBeyondTheInput) {
  StepTester("LSTM")
      .attr("hidden_size", int64_t{4})
      .input(random_tensor({3, 2, 5}, 1))
      .constant(random_tensor({1, 16, 5}, 2))
      .constant(random_tensor({1, 16, 4}, 3))
      .no_input()
      .input(tensor<int32_t>({2}, {3, 4}))
      .kernel("lstm_f32")
      .run_error("sequence_lens[1] is 4");
}

}  // namespace
}  // namespace ferry
