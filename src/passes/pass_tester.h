// SPDX-License-Identifier: Apache-2.0
// Builds small graphs, runs a pass over a copy, and compares what both compute.
#pragma once

#include <string>
#include <vector>

#include "passes/match.h"
#include "passes/pass.h"

namespace ferry {

class PassTester {
 public:
  Graph graph;

  ValueId input(Shape shape, DType dtype = DType::kFloat32);
  ValueId constant(const Dims& dims, std::vector<float> values);
  ValueId scalar(float value) { return constant({}, {value}); }
  // Deterministic numbers in [-1, 1).
  ValueId weights(const Dims& dims);
  ValueId ints(std::vector<int64_t> values);
  ValueId node(Op op, std::vector<ValueId> inputs);
  std::vector<ValueId> node(Op op, std::vector<ValueId> inputs, size_t num_outputs);
  ValueId unary(std::string_view name, ValueId x) { return node(make_op(name), {x}); }
  ValueId binary(std::string_view name, ValueId a, ValueId b) {
    return node(make_op(name), {a, b});
  }
  void output(ValueId v);

  // Runs the passes on `graph`; both versions must compute the same on random inputs in which every
  // symbol is `symbol_value`, and a second run must change nothing. Returns the operators left, in
  // order, joined by blanks.
  std::string run(const std::vector<Pass>& passes, double tolerance = 0,
                  const PassOptions& options = {}, int64_t symbol_value = 3);

 private:
  std::vector<ValueId> outputs_;
  uint32_t state_ = 1;
  float next();
};

std::string operators(const Graph& g);

}  // namespace ferry
