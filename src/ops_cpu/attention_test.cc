// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention/attention.h"

#include <algorithm>
#include <cmath>

#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

StepTester attention() {
  StepTester t("Attention");
  t.kernel("attention_f32").tolerance(2e-5, 2e-6);
  return t;
}

TEST(Attention, HeadsOutside) {
  for (int64_t queries : {1, 3, 5, 64, 131}) {
    for (int64_t keys : {1, 17, 130}) {
      attention()
          .input(random_tensor({2, 3, queries, 20}, 1))
          .input(random_tensor({2, 3, keys, 20}, 2))
          .input(random_tensor({2, 3, keys, 33}, 3))
          .symbolic()
          .run();
    }
  }
}

TEST(Attention, HeadsInside) {
  for (int64_t queries : {2, 40}) {
    attention()
        .attr("q_num_heads", int64_t{4})
        .attr("kv_num_heads", int64_t{2})
        .attr("scale", 0.3f)
        .input(random_tensor({2, queries, 64}, 1))
        .input(random_tensor({2, 50, 32}, 2))
        .input(random_tensor({2, 50, 10}, 3))
        .run();
  }
}

TEST(Attention, Masks) {
  for (int64_t queries : {2, 40}) {
    for (const Dims& mask : {Dims{queries, 30}, Dims{1, 3, 1, 30}, Dims{2, 1, queries, 25}}) {
      Tensor added = random_tensor(mask, 4);
      added.data<float>()[3] = -INFINITY;
      attention()
          .input(random_tensor({2, 3, queries, 16}, 1))
          .input(random_tensor({2, 3, 30, 16}, 2))
          .input(random_tensor({2, 3, 30, 16}, 3))
          .input(added)
          .run();
      Tensor allowed = Tensor::allocate(DType::kBool, mask).value();
      for (int64_t i = 0; i < allowed.count(); ++i) allowed.data<bool>()[i] = i % 3 != 0;
      attention()
          .attr("softcap", 2.0f)
          .input(random_tensor({2, 3, queries, 16}, 1))
          .input(random_tensor({2, 3, 30, 16}, 2))
          .input(random_tensor({2, 3, 30, 16}, 3))
          .input(allowed)
          .run();
    }
  }
}

TEST(Attention, CausalWindowsAndPast) {
  for (int64_t queries : {1, 9, 40}) {
    for (int64_t left : {-1, 0, 7}) {
      attention()
          .attr("is_causal", int64_t{1})
          .attr("left_window_size", left)
          .outputs(3)
          .input(random_tensor({2, 3, queries, 16}, 1))
          .input(random_tensor({2, 3, queries, 16}, 2))
          .input(random_tensor({2, 3, queries, 16}, 3))
          .no_input()
          .input(random_tensor({2, 3, 12, 16}, 5))
          .input(random_tensor({2, 3, 12, 16}, 6))
          .run();
    }
    attention()
        .attr("right_window_size", int64_t{2})
        .input(random_tensor({2, 3, queries, 16}, 1))
        .input(random_tensor({2, 3, 45, 16}, 2))
        .input(random_tensor({2, 3, 45, 16}, 3))
        .no_input()
        .no_input()
        .no_input()
        .input(tensor<int64_t>({2}, {45, 7}))
        .run();
  }
}

TEST(Attention, RowsOfNobodyAndNaN) {
  for (int64_t queries : {2, 8}) {
    Tensor nobody = random_tensor({queries, 5}, 4);
    std::fill_n(nobody.data<float>(), 5, -INFINITY);
    Tensor q = random_tensor({1, 1, queries, 4}, 1);
    q.data<float>()[4] = NAN;
    attention()
        .input(q)
        .input(random_tensor({1, 1, 5, 4}, 2))
        .input(random_tensor({1, 1, 5, 4}, 3))
        .input(nobody)
        .run();
    attention()
        .input(random_tensor({1, 2, queries, 4}, 1))
        .input(random_tensor({1, 2, 0, 4}, 2))
        .input(random_tensor({1, 2, 0, 4}, 3))
        .run();
  }
}

// Whether the scale is applied before the largest score is looked for or after, which a mask
// decides.
TEST(Attention, ScoresThatOverflowAreNotAttended) {
  const std::vector<uint8_t> all(40, 1);
  for (Isa isa : supported_isas()) {
    for (const uint8_t* allowed : {static_cast<const uint8_t*>(nullptr), all.data()}) {
      SCOPED_TRACE(std::string(isa_name(isa)) + (allowed != nullptr ? " masked" : ""));
      ScoreRow row;
      row.scale = 2, row.allowed = allowed, row.end = 40;
      std::vector<float> scores(40, -3e38f);
      EXPECT_EQ(attention_kernels(isa).probabilities(row, scores.data(), 40), 0);
      scores.assign(40, -3e38f);
      scores[7] = 1;
      EXPECT_EQ(attention_kernels(isa).probabilities(row, scores.data(), 40), 1);
      EXPECT_EQ(scores[7], 1);
    }
  }
}

}  // namespace
}  // namespace ferry
