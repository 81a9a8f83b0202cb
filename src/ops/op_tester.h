// SPDX-License-Identifier: Apache-2.0
// OpTester: one case of an operator's table: attributes, inputs, and what must come out.
//
//   OpTester("Softmax").attr("axis", int64_t{1}).input(tensor<float>({1, 2}, {0, 0}))
//       .expect(tensor<float>({1, 2}, {0.5f, 0.5f})).run();
//
// run() checks three things: the shape rule accepts the inputs and predicts the types that the
// kernel produces; with every input's dims replaced by symbols it still predicts something that
// agrees; and the outputs match. The case is then run on every registered device.
#pragma once

#include <gtest/gtest.h>

#include <complex>
#include <functional>
#include <string>
#include <vector>

#include "base/float16.h"
#include "ops/registry.h"

namespace ferry {

// A tensor of T (also half, bfloat16, std::string, bool) from literal elements.
template <class T>
Tensor tensor(const Dims& dims, const std::vector<T>& elements) {
  DType type;
  if constexpr (std::is_same_v<T, half>)
    type = DType::kFloat16;
  else if constexpr (std::is_same_v<T, bfloat16>)
    type = DType::kBFloat16;
  else if constexpr (std::is_same_v<T, std::complex<float>>)
    type = DType::kComplex64;
  else if constexpr (std::is_same_v<T, std::complex<double>>)
    type = DType::kComplex128;
  else
    type = dtype_of<T>();
  Tensor t = Tensor::allocate(type, dims).value();
  EXPECT_EQ(t.count(), static_cast<int64_t>(elements.size())) << dims.to_string();
  for (size_t i = 0; i < elements.size(); ++i) t.data<T>()[i] = elements[i];
  return t;
}
// A vector of i64, as axes, shapes and pads are given.
Tensor ints(const std::vector<int64_t>& values);
// f32 0, 1, 2, ...
Tensor iota(const Dims& dims);
// A packed type from the raw bits of each element.
Tensor packed_tensor(DType type, const Dims& dims, const std::vector<uint8_t>& bits);
// Pseudo-random numbers in [-1, 1), the same for the same seed everywhere.
Tensor random_tensor(const Dims& dims, uint64_t seed);
Tensor random_doubles(const Dims& dims, uint64_t seed);

class OpTester {
 public:
  explicit OpTester(std::string_view full_name);

  OpTester& attr(const std::string& name, AttrValue value);
  OpTester& input(Value value);
  OpTester& no_input();  // an absent optional input
  // A body of a control-flow operator; captures must be among the inputs.
  OpTester& body(std::unique_ptr<Graph> graph, uint32_t num_captures = 0);
  // The next output. Floats: |got - want| <= atol + rtol |want|, NaN matches NaN.
  OpTester& expect(Value value, double rtol = 1e-5, double atol = 1e-6);
  OpTester& ignore_output();  // computed, not compared
  OpTester& no_output();      // not wanted
  // The operator must fail, in inference or when run, with this code and these words.
  OpTester& expect_error(Code code, std::string words);
  void run();

  // The outputs of the reference kernel, for tests that compute what they expect.
  Result<std::vector<Value>> outputs();

 private:
  struct Expected {
    Value value;
    double rtol = 0, atol = 0;
    bool compare = true, wanted = true;
  };
  Status build(Graph& graph, bool symbolic);
  Status evaluate(std::vector<Value>& results);
  void check_types(const Graph& graph, const std::vector<Value>& results, bool symbolic);

  std::string name_;
  std::vector<std::pair<std::string, AttrValue>> attrs_;
  std::vector<Value> inputs_;
  std::vector<bool> present_;
  std::vector<Expected> expected_;
  std::vector<std::shared_ptr<Graph>> bodies_;  // shared, so that a case can be copied
  uint32_t num_captures_ = 0;
  Code error_ = Code::kOk;
  std::string error_words_;
};

// Compares two values; adds a test failure naming the first difference.
void expect_equal(const Value& got, const Value& want, double rtol, double atol,
                  const std::string& what);

// Runs a one-node graph on a device; devices add themselves for their test binaries.
using OpRunner = std::function<Status(const Graph&, std::span<const Value>, std::vector<Value>&)>;
std::vector<std::pair<std::string, OpRunner>>& op_runners();

}  // namespace ferry
