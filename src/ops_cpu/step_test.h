// SPDX-License-Identifier: Apache-2.0
// StepTester: runs one operator on its reference kernel and as a planned step, for every
// instruction set and on one and two threads, and compares.
//
//   StepTester("Softmax").attr("axis", int64_t{1}).input(x).kernel("softmax_f32").run();
#pragma once

#include <string>
#include <vector>

#include "base/cpu.h"
#include "ops/op_tester.h"

namespace ferry {

class StepTester {
 public:
  explicit StepTester(std::string op) : op_(std::move(op)) {}
  // With fields that no attribute of ONNX sets.
  explicit StepTester(Op op) : op_(op.def().full_name()), given_(std::move(op)) {}

  StepTester& attr(const std::string& name, AttrValue value);
  StepTester& input(Tensor t);     // given at run time
  StepTester& constant(Tensor t);  // part of the model
  StepTester& no_input();
  StepTester& outputs(size_t n);
  StepTester& symbolic();  // the dims of run-time inputs are symbols when planning
  // The step that must have been chosen.
  StepTester& kernel(std::string name);
  StepTester& tolerance(double rtol, double atol);
  // Results of one and two threads must agree to the bit, with the reference within the tolerance.
  void run();
  // The reference and the step must both fail with these words in their messages.
  void run_error(const std::string& words);

 private:
  struct Input {
    Tensor tensor;
    bool constant = false;
  };
  std::unique_ptr<Graph> build() const;
  // Runs the planned step, stopped on the way a few times and then twice to its end; the status of
  // the last run.
  Status try_on(Isa isa, int threads, std::vector<Value>& results) const;
  std::vector<Value> runtime_inputs() const;

  std::string op_, kernel_;
  Op given_;
  std::vector<std::pair<std::string, AttrValue>> attrs_;
  std::vector<Input> inputs_;
  size_t outputs_ = 1;
  bool symbolic_ = false;
  double rtol_ = 0, atol_ = 0;
};

}  // namespace ferry
