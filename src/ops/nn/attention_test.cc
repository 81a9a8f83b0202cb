// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

// Queries of zeros attend everything they may alike.
const Tensor kQ = tensor<float>({1, 1, 3, 1}, {0, 0, 0});
const Tensor kV = tensor<float>({1, 1, 3, 1}, {1, 2, 6});

OpTester attention() {
  OpTester t("Attention");
  t.input(kQ).input(kQ).input(kV);
  return t;
}

TEST(Attention, CausalAndWindows) {
  attention().expect(tensor<float>({1, 1, 3, 1}, {3, 3, 3})).run();
  attention().attr("is_causal", int64_t{1}).expect(tensor<float>({1, 1, 3, 1}, {1, 1.5f, 3})).run();
  attention()
      .attr("left_window_size", int64_t{0})
      .expect(tensor<float>({1, 1, 3, 1}, {3, 4, 6}))
      .run();
  attention()
      .attr("left_window_size", int64_t{0})
      .attr("right_window_size", int64_t{0})
      .expect(tensor<float>({1, 1, 3, 1}, {1, 2, 6}))
      .run();
}

TEST(Attention, MasksMayEndEarlyAndMaskEverything) {
  attention()
      .input(tensor<bool>({3, 2}, {true, true, false, true, false, false}))
      .expect(tensor<float>({1, 1, 3, 1}, {1.5f, 2, 0}))
      .run();
  attention()
      .input(tensor<float>({3}, {0, 0, -INFINITY}))
      .expect(tensor<float>({1, 1, 3, 1}, {1.5f, 1.5f, 1.5f}))
      .run();
}

TEST(Attention, AMaskedNaNDoesNotSpread) {
  OpTester("Attention")
      .input(kQ)
      .input(kQ)
      .input(tensor<float>({1, 1, 3, 1}, {1, 2, NAN}))
      .input(tensor<bool>({2}, {true, true}))
      .expect(tensor<float>({1, 1, 3, 1}, {1.5f, 1.5f, 1.5f}))
      .run();
}

TEST(Attention, CacheGrowsAndShiftsThePosition) {
  OpTester("Attention")
      .attr("is_causal", int64_t{1})
      .input(tensor<float>({1, 1, 1, 1}, {0}))
      .input(tensor<float>({1, 1, 1, 1}, {0}))
      .input(tensor<float>({1, 1, 1, 1}, {6}))
      .no_input()
      .input(tensor<float>({1, 1, 2, 1}, {0, 0}))
      .input(tensor<float>({1, 1, 2, 1}, {1, 2}))
      .expect(tensor<float>({1, 1, 1, 1}, {3}))
      .expect(tensor<float>({1, 1, 3, 1}, {0, 0, 0}))
      .expect(tensor<float>({1, 1, 3, 1}, {1, 2, 6}))
      .expect(tensor<float>({1, 1, 1, 3}, {0, 0, 0}))
      .run();
}

TEST(Attention, PaddedKeysAreIgnored) {
  attention()
      .no_input()
      .no_input()
      .no_input()
      .input(tensor<int64_t>({1}, {2}))
      .expect(tensor<float>({1, 1, 3, 1}, {1.5f, 1.5f, 1.5f}))
      .run();
}

TEST(Attention, HeadsInsideAndShared) {
  // Two query heads of width 1 share one key head.
  OpTester("Attention")
      .attr("q_num_heads", int64_t{2})
      .attr("kv_num_heads", int64_t{1})
      .attr("scale", 1.0f)
      .input(tensor<float>({1, 1, 2}, {0, 1}))
      .input(tensor<float>({1, 2, 1}, {0, std::log(3.0f)}))
      .input(tensor<float>({1, 2, 1}, {0, 4}))
      .expect(tensor<float>({1, 1, 2}, {2, 3}))
      .run();
}

TEST(Attention, SoftcapAndItsOutputs) {
  OpTester("Attention")
      .attr("softcap", 2.0f)
      .attr("scale", 1.0f)
      .attr("qk_matmul_output_mode", int64_t{1})
      .input(tensor<float>({1, 1, 1, 1}, {4}))
      .input(tensor<float>({1, 1, 1, 1}, {1}))
      .input(tensor<float>({1, 1, 1, 1}, {5}))
      .expect(tensor<float>({1, 1, 1, 1}, {5}))
      .no_output()
      .no_output()
      .expect(tensor<float>({1, 1, 1, 1}, {2 * std::tanh(2.0f)}))
      .run();
}

TEST(Attention, NoKeysAtAll) {
  OpTester("Attention")
      .input(kQ)
      .input(tensor<float>({1, 1, 0, 1}, {}))
      .input(tensor<float>({1, 1, 0, 2}, {}))
      .expect(tensor<float>({1, 1, 3, 2}, {0, 0, 0, 0, 0, 0}))
      .run();
}

TEST(Attention, RefusesWhatDoesNotFit) {
  OpTester("Attention")
      .input(kQ)
      .input(random_tensor({1, 1, 3, 2}, 1))
      .input(kV)
      .expect_error(Code::kShapeMismatch, "do not fit together")
      .run();
  attention()
      .input(random_tensor({2, 3}, 1))
      .expect_error(Code::kShapeMismatch, "attn_mask is f32[2,3]")
      .run();
  OpTester("Attention")
      .input(random_tensor({1, 3, 4}, 1))
      .input(random_tensor({1, 3, 4}, 1))
      .input(random_tensor({1, 3, 4}, 1))
      .expect_error(Code::kInvalidModel, "needs the attributes 'q_num_heads'")
      .run();
  attention()
      .attr("left_window_size", int64_t{-2})
      .expect_error(Code::kInvalidModel, "attribute 'left_window_size' is -2")
      .run();
  attention()
      .no_input()
      .input(random_tensor({1, 1, 1, 1}, 1))
      .expect_error(Code::kInvalidModel, "wanted together")
      .run();
  attention()
      .no_input()
      .no_input()
      .no_input()
      .input(tensor<int64_t>({1}, {4}))
      .expect_error(Code::kInvalidArgument, "nonpad_kv_seqlen holds 4")
      .run();
}

}  // namespace
}  // namespace ferry
