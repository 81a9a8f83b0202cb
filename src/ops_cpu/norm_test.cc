// SPDX-License-Identifier: Apache-2.0
// Normalisations and Hardmax against the reference kernels.
#include <algorithm>
#include <cmath>
#include <random>

#include "ops/nn/group_normalization.h"
#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

using Ints = std::vector<int64_t>;

TEST(Norm, MeanVariance) {
  const std::vector<Ints> axes = {{0, 2, 3}, {1}, {0}, {3}, {-1, -2}, {0, 1, 2, 3}, {1, 3}, {}};
  for (const Dims& dims : {Dims{3, 5, 7, 9}, Dims{2, 33, 1, 600}, Dims{1, 3, 130, 131},
                           Dims{700, 2, 1, 3}, Dims{2, 1, 0, 7}}) {
    for (const Ints& at : axes) {
      StepTester("MeanVarianceNormalization")
          .attr("axes", at)
          .input(random_tensor(dims, 3))
          .kernel("mean_variance_f32")
          .tolerance(1e-5, 1e-5)
          .run();
    }
  }
  Tensor far = random_tensor({2, 3, 40, 41}, 4);
  for (int64_t i = 0; i < far.count(); ++i) far.data<float>()[i] = 50 + far.data<float>()[i];
  for (const Ints& at : {Ints{0, 2, 3}, Ints{1}}) {
    StepTester("MeanVarianceNormalization")
        .attr("axes", at)
        .input(far)
        .kernel("mean_variance_f32")
        .tolerance(1e-4, 1e-4)
        .run();
  }
}

// However the mean is added up, nothing is left of values that are all the same.
TEST(Norm, EqualValuesLeaveNothing) {
  for (const Dims& dims : {Dims{2, 6, 31, 57}, Dims{1, 2, 2, 30002}, Dims{3, 4, 40}}) {
    for (const float value : {-2.85f, 0.3f, 1e5f}) {
      Tensor same = random_tensor(dims, 1);
      std::fill_n(same.data<float>(), same.count(), value);
      for (const Ints& axes : {Ints{0, 2}, Ints{1}, Ints{-1}, Ints{0}}) {
        StepTester("MeanVarianceNormalization")
            .attr("axes", axes)
            .input(same)
            .kernel("mean_variance_f32")
            .tolerance(0, 0)
            .run();
      }
      const auto check = [&](const char* name, int64_t groups, bool last) {
        const int64_t channels = dims[last ? dims.size() - 1 : 1];
        StepTester(make_op(name, GroupNormalization{.num_groups = groups, .channels_last = last}))
            .input(same)
            .input(random_tensor({channels}, 2))
            .input(random_tensor({channels}, 3))
            .kernel("group_norm_f32")
            .tolerance(0, 0)
            .run();
      };
      const Dims row = {dims[dims.size() - 1]};
      StepTester("LayerNormalization")
          .input(same)
          .constant(random_tensor(row, 2))
          .constant(random_tensor(row, 3))
          .outputs(2)
          .kernel("layer_norm_f32")
          .tolerance(0, 0)
          .run();
      check("InstanceNormalization", 0, false);
      check("GroupNormalization", 2, false);
      check("GroupNormalization", 1, true);
    }
  }
}

TEST(Norm, GroupsOfDoubles) {
  const auto check = [](const char* name, int64_t groups, const Dims& dims) {
    const Dims channels = {dims[1]};
    StepTester(make_op(name, GroupNormalization{.num_groups = groups}))
        .input(random_doubles(dims, 1))
        .input(random_doubles(channels, 2))
        .input(random_doubles(channels, 3))
        .kernel("group_norm_f64")
        .tolerance(1e-13, 1e-14)
        .run();
  };
  for (const Dims& dims : {Dims{2, 6, 31, 57}, Dims{1, 2, 30002}, Dims{3, 4}, Dims{2, 4, 0}}) {
    check("InstanceNormalization", 0, dims);
    check("GroupNormalization", 2, dims);
    check("GroupNormalization", 1, dims);
  }
}

TEST(Norm, LocalResponse) {
  for (const Dims& dims : {Dims{1, 9, 7, 9}, Dims{2, 33, 600}, Dims{3, 1, 5}, Dims{2, 6},
                           Dims{1, 70, 40, 41}, Dims{2, 0, 3}, Dims{1, 3, 1030}}) {
    for (int64_t size : {1, 2, 5, 100}) {
      for (float beta : {0.75f, 0.5f, 1.0f, -2.3f}) {
        StepTester("LRN")
            .attr("size", size)
            .attr("alpha", 0.9f)
            .attr("beta", beta)
            .attr("bias", 2.0f)
            .input(random_tensor(dims, 3))
            .kernel("lrn_f32")
            .tolerance(1e-6, 1e-7)
            .run();
      }
    }
  }
  StepTester("LRN")
      .attr("size", int64_t{3})
      .attr("bias", 0.0f)
      .input(tensor<float>({1, 4, 1}, {0, 0, 0, 1e30f}))
      .kernel("lrn_f32")
      .tolerance(1e-6, 1e-7)
      .run();
}

TEST(Norm, Batch) {
  for (const Dims& dims : {Dims{3, 5, 7, 9}, Dims{2, 33, 600}, Dims{700, 70}, Dims{90},
                           Dims{4, 1, 5000}, Dims{1, 6, 3}, Dims{2, 3, 0}}) {
    const int64_t channels = dims.size() < 2 ? 1 : dims[1];
    for (int64_t training : {0, 1}) {
      if (training != 0 && dims.count(0, dims.size()) == 0) continue;
      Tensor variance = random_tensor({channels}, 7);
      for (int64_t i = 0; i < channels; ++i) {
        variance.data<float>()[i] = 0.5f + std::fabs(variance.data<float>()[i]);
      }
      StepTester("BatchNormalization")
          .attr("training_mode", training)
          .input(random_tensor(dims, 3))
          .input(random_tensor({channels}, 4))
          .input(random_tensor({channels}, 5))
          .input(random_tensor({channels}, 6))
          .input(variance)
          .outputs(training != 0 ? 3 : 1)
          .kernel("batch_norm_f32")
          .tolerance(2e-5, 1e-5)
          .run();
    }
  }
}

TEST(Norm, Lp) {
  for (int64_t p : {1, 2}) {
    for (const Dims& dims : {Dims{3, 5, 7}, Dims{2, 130, 300}, Dims{1, 1, 40000}, Dims{2, 0, 3}}) {
      for (int64_t axis : {0, 1, -1}) {
        StepTester("LpNormalization")
            .attr("p", p)
            .attr("axis", axis)
            .input(random_tensor(dims, 3))
            .kernel("lp_norm_f32")
            .tolerance(5e-6, 1e-7)
            .run();
      }
    }
    // Squares that a float does not hold, zeros, infinities.
    const float inf = INFINITY;
    const Tensor hard = tensor<float>({4, 4}, {1e30f, 2e30f, -3e30f, 1, 1e-30f, 2e-30f, 0, -1e-30f,
                                               0, -0.0f, 0, 0, inf, 1, NAN, -2});
    for (int64_t axis : {0, 1}) {
      StepTester("LpNormalization")
          .attr("p", p)
          .attr("axis", axis)
          .input(hard)
          .kernel("lp_norm_f32")
          .tolerance(2e-6, 0)
          .run();
    }
  }
}

TEST(Norm, Hardmax) {
  std::mt19937 random(1);
  for (const Dims& dims : {Dims{3, 5, 7}, Dims{2, 70, 300}, Dims{40, 1, 1000}, Dims{2, 0, 3}}) {
    for (int64_t axis : {0, 1, -1}) {
      Tensor x = Tensor::allocate(DType::kFloat32, dims).value();
      for (int64_t i = 0; i < x.count(); ++i) {
        x.data<float>()[i] = i % 97 == 3 ? NAN : static_cast<float>(random() % 50);
      }
      StepTester("Hardmax").attr("axis", axis).input(x).kernel("hardmax_f32").run();
    }
  }
  const float inf = INFINITY;
  const Tensor x = tensor<float>({3, 3}, {NAN, 1, 2, -inf, -inf, -inf, inf, NAN, inf});
  for (int64_t axis : {0, 1}) {
    StepTester("Hardmax").attr("axis", axis).input(x).kernel("hardmax_f32").run();
  }
}

}  // namespace
}  // namespace ferry
