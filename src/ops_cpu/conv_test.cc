// SPDX-License-Identifier: Apache-2.0
// Convolutions as planned, layout changes included.
#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

using Ints = std::vector<int64_t>;

struct Case {
  Dims x, w;
  const char* kernel;
  Ints strides, pads, dilations;
  int64_t group = 1;
  double tolerance = 2e-5;
};

void check(const Case& t) {
  for (const bool symbolic : {false, true}) {
    SCOPED_TRACE(t.x.to_string() + t.w.to_string() + (symbolic ? " symbolic" : ""));
    StepTester s("Conv");
    s.attr("group", t.group).input(random_tensor(t.x, 1)).constant(random_tensor(t.w, 2));
    s.constant(random_tensor({t.w[0]}, 3));
    if (!t.strides.empty()) s.attr("strides", t.strides);
    if (!t.pads.empty()) s.attr("pads", t.pads);
    if (!t.dilations.empty()) s.attr("dilations", t.dilations);
    if (symbolic) s.symbolic();
    s.kernel(t.kernel).tolerance(t.tolerance, 10 * t.tolerance).run();
  }
}

TEST(Conv, FewInputChannels) {
  check({{2, 3, 21, 18}, {20, 3, 3, 3}, "thin_input_f32", {2, 2}, {1, 1, 1, 1}, {}});
  check({{1, 1, 30, 33}, {17, 1, 7, 7}, "thin_input_f32", {2, 3}, {3, 2, 1, 3}, {}});
  check({{1, 4, 9, 40}, {16, 4, 1, 1}, "thin_input_f32", {}, {}, {}});
  check({{1, 2, 20, 25}, {16, 2, 3, 2}, "thin_input_f32", {}, {2, 2, 2, 2}, {2, 3}});
}

TEST(Conv, LargeKernelsOnFewChannels) {
  check({{2, 3, 37, 50}, {64, 3, 9, 9}, "shifted_winograd_f32", {}, {4, 4, 4, 4}, {}, 1, 1e-4});
  check({{1, 3, 20, 19}, {16, 3, 7, 7}, "shifted_winograd_f32", {}, {3, 3, 3, 3}, {}, 1, 1e-4});
  check({{1, 4, 17, 70}, {33, 4, 5, 6}, "shifted_winograd_f32", {}, {0, 2, 1, 5}, {}, 1, 1e-4});
  check({{1, 3, 9, 9}, {16, 3, 9, 9}, "shifted_winograd_f32", {}, {}, {}, 1, 1e-4});
}

TEST(Conv, FewOutputChannels) {
  check({{2, 32, 21, 18}, {3, 32, 5, 5}, "thin_output_f32", {}, {2, 2, 2, 2}, {}});
  check({{1, 16, 12, 40}, {1, 16, 3, 3}, "thin_output_f32", {}, {1, 0, 2, 1}, {}});
  check({{1, 3, 25, 30}, {3, 3, 3, 5}, "thin_output_f32", {}, {2, 2, 2, 2}, {2, 1}});
}

TEST(Conv, OtherKernels) {
  check({{2, 20, 21, 18}, {24, 20, 1, 1}, "gemm_f32", {}, {}, {}});
  check({{1, 24, 20, 22}, {40, 24, 3, 3}, "winograd_f32", {}, {1, 1, 1, 1}, {}, 1, 1e-4});
  check({{1, 24, 20, 22}, {40, 24, 3, 3}, "conv_f32", {2, 2}, {1, 1, 1, 1}, {}});
  check({{1, 24, 15, 16}, {24, 1, 3, 3}, "depthwise_f32", {}, {1, 1, 1, 1}, {}, 24});
  check({{1, 64, 9, 10}, {64, 32, 3, 3}, "conv_f32", {}, {1, 1, 1, 1}, {}, 2});
  check({{2, 24, 50}, {20, 24, 5}, "conv_f32", {2}, {2, 2}, {}});
  check({{1, 8, 6, 7, 8}, {20, 8, 3, 3, 2}, "conv_f32", {}, {1, 1, 1, 1, 1, 0}, {}});
}

}  // namespace
}  // namespace ferry
