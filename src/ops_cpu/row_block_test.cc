// SPDX-License-Identifier: Apache-2.0
// Support vector machines and linear models against the reference kernels.
#include <cmath>

#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using Strings = std::vector<std::string>;

constexpr double kNear = 1e-6;  // the exponential function may differ in the last place of double
const char* const kPosts[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};

Floats floats(int64_t n, unsigned seed) {
  const Tensor t = random_tensor({n}, seed);
  return {t.data<float>(), t.data<float>() + n};
}

// Rows of `features`, also as the other types.
std::vector<Tensor> inputs(int64_t features) {
  std::vector<Tensor> all;
  for (int64_t n : {0, 1, 2, 8, 13, 100}) all.push_back(random_tensor({n, features}, 3));
  all.push_back(random_tensor({features}, 4));
  Tensor wide = Tensor::allocate(DType::kFloat64, {9, features}).value();
  Tensor whole = Tensor::allocate(DType::kInt32, {9, features}).value();
  Tensor long_whole = Tensor::allocate(DType::kInt64, {9, features}).value();
  for (int64_t i = 0; i < wide.count(); ++i) {
    wide.data<double>()[i] = static_cast<double>(i % 7) / 3 - 1;
    whole.data<int32_t>()[i] = static_cast<int32_t>(i % 5) - 2;
    long_whole.data<int64_t>()[i] = i % 3 - 1;
  }
  for (const Tensor& t : {wide, whole, long_whole}) all.push_back(t);
  Tensor special = random_tensor({10, features}, 5);
  special.data<float>()[0] = std::nanf("");
  special.data<float>()[3 * features] = INFINITY;
  all.push_back(special);
  return all;
}

TEST(RowBlock, SvmRegressors) {
  for (const char* type : {"LINEAR", "POLY", "RBF", "SIGMOID"}) {
    for (int64_t vectors : {0, 1, 5, 70}) {
      for (int64_t features : {1, 6, 33}) {
        for (const Tensor& x : inputs(features)) {
          StepTester("ai.onnx.ml.SVMRegressor")
              .attr("kernel_type", std::string(type))
              .attr("kernel_params", Floats{0.25f, 0.5f, 2})
              .attr("n_supports", vectors)
              .attr("support_vectors", floats(vectors * features, 7))
              .attr("coefficients", floats(vectors == 0 ? features : vectors, 8))
              .attr("rho", Floats{0.125f})
              .input(x)
              .tolerance(kNear, kNear)
              .kernel("svm")
              .run();
        }
      }
    }
  }
}

TEST(RowBlock, SvmClassifiers) {
  for (const char* type : {"LINEAR", "RBF"}) {
    for (int64_t classes : {2, 4}) {
      for (bool probable : {false, true}) {
        const int64_t pairs = classes * (classes - 1) / 2, each = 6, vectors = classes * each;
        for (const Tensor& x : inputs(5)) {
          StepTester t("ai.onnx.ml.SVMClassifier");
          t.attr("kernel_type", std::string(type))
              .attr("kernel_params", Floats{0.25f, 0.5f, 2})
              .attr("vectors_per_class", Ints(static_cast<size_t>(classes), each))
              .attr("support_vectors", floats(vectors * 5, 7))
              .attr("coefficients", floats(vectors * (classes - 1), 8))
              .attr("rho", floats(pairs, 9))
              .outputs(2)
              .input(x)
              .tolerance(kNear, kNear)
              .kernel("svm");
          if (probable) t.attr("prob_a", floats(pairs, 1)).attr("prob_b", floats(pairs, 2));
          if (classes == 2)
            t.attr("classlabels_ints", Ints{3, -4});
          else
            t.attr("classlabels_strings", Strings{"a", "b", "c", "a class of a long name"});
          t.run();
        }
      }
    }
  }
}

TEST(RowBlock, LinearModels) {
  for (const char* post : kPosts) {
    for (int64_t targets : {1, 2, 7}) {
      for (bool shifted : {false, true}) {
        for (const Tensor& x : inputs(11)) {
          StepTester r("ai.onnx.ml.LinearRegressor"), k("ai.onnx.ml.LinearClassifier");
          for (StepTester* t : {&r, &k}) {
            t->attr("coefficients", floats(targets * 11, 7))
                .attr("post_transform", std::string(post))
                .input(x)
                .kernel("linear");
            if (shifted) t->attr("intercepts", floats(targets, 8));
          }
          r.attr("targets", targets).run();
          k.attr("classlabels_ints", targets == 7 ? Ints{1, 2, 3, 4, 5, 6, 7} : Ints{5, 9});
          k.outputs(2).run();
        }
      }
    }
  }
}

TEST(RowBlock, RefusesWhatTheReferenceRefuses) {
  StepTester("ai.onnx.ml.SVMRegressor")
      .attr("coefficients", Floats{3})
      .attr("rho", Floats{0})
      .input(random_tensor({4, 2}, 1))
      .kernel("svm")
      .run_error("for 2 features");
  StepTester("ai.onnx.ml.LinearRegressor")
      .attr("coefficients", Floats{3, 1, 2})
      .input(random_tensor({4, 2}, 1))
      .kernel("linear")
      .run_error("3 coefficients for 2 features");
}

}  // namespace
}  // namespace ferry
