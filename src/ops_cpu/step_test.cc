// SPDX-License-Identifier: Apache-2.0
#include "ops_cpu/step_test.h"

#include <algorithm>
#include <cstring>

#include "base/status.h"
#include "ir/eval.h"
#include "ir/infer.h"
#include "ops_cpu/kernels.h"
#include "plan/program.h"
#include "runtime/run_context.h"

namespace ferry {

StepTester& StepTester::attr(const std::string& name, AttrValue value) {
  attrs_.emplace_back(name, std::move(value));
  return *this;
}
StepTester& StepTester::input(Tensor t) {
  inputs_.push_back({std::move(t), false});
  return *this;
}
StepTester& StepTester::constant(Tensor t) {
  inputs_.push_back({std::move(t), true});
  return *this;
}
StepTester& StepTester::no_input() {
  inputs_.emplace_back();
  return *this;
}
StepTester& StepTester::outputs(size_t n) {
  outputs_ = n;
  return *this;
}
StepTester& StepTester::symbolic() {
  symbolic_ = true;
  return *this;
}
StepTester& StepTester::kernel(std::string name) {
  kernel_ = std::move(name);
  return *this;
}
StepTester& StepTester::tolerance(double rtol, double atol) {
  rtol_ = rtol;
  atol_ = atol;
  return *this;
}

std::unique_ptr<Graph> StepTester::build() const {
  auto graph = std::make_unique<Graph>();
  const OpDef* def = op_registry().find(op_);
  EXPECT_NE(def, nullptr) << op_;
  std::shared_ptr<void> attrs = def->make();
  for (const auto& [name, value] : attrs_) {
    const AttrBinding* binding = def->find_attr(name);
    EXPECT_NE(binding, nullptr) << name;
    EXPECT_TRUE(binding->set(attrs.get(), value).ok()) << name;
  }
  Node node;
  node.name = "test";
  node.op = given_.defined() ? given_ : Op(def, std::move(attrs));
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Tensor& t = inputs_[i].tensor;
    if (!t.defined()) {
      node.inputs.push_back(kNone);
      continue;
    }
    const std::string name = "i" + std::to_string(i);
    Shape shape = shape_of(t.dims());
    for (size_t a = 0; symbolic_ && a < shape.size(); ++a) {
      shape[a] = Dim::symbol(name + "d" + std::to_string(a));
    }
    node.inputs.push_back(inputs_[i].constant
                              ? graph->add_constant(t, name)
                              : graph->add_input(name, Type::tensor(t.dtype(), std::move(shape))));
  }
  for (size_t i = 0; i < outputs_; ++i) {
    node.outputs.push_back(graph->add_value("o" + std::to_string(i)));
  }
  std::vector<ValueId> outputs = node.outputs;
  const NodeId id = graph->add_node(std::move(node));
  graph->set_outputs(outputs);
  const Status inferred = infer_node(*graph, id);
  EXPECT_TRUE(inferred.ok()) << inferred.message();
  return graph;
}

std::vector<Value> StepTester::runtime_inputs() const {
  std::vector<Value> inputs;
  for (const Input& i : inputs_) {
    if (i.tensor.defined() && !i.constant) inputs.emplace_back(i.tensor);
  }
  return inputs;
}

Status StepTester::try_on(Isa isa, int threads, std::vector<Value>& results) const {
  PlanOptions options;
  options.isa = isa;
  options.threads = threads;
  options.kernels = &cpu_kernels();
  FERRY_ASSIGN_OR_RETURN(auto program, make_program(build(), options));
  bool found = false;
  std::string seen;
  for (const Step& step : program->steps) {
    found = found || step.kernel->name() == kernel_;
    seen += step.kernel->name() + " ";
    for (const std::string& why : step.refused) seen += "(" + why + ") ";
  }
  EXPECT_TRUE(found) << "the steps are " << seen;
  const std::vector<Value> inputs = runtime_inputs();
  RunContext context(*program, std::make_shared<BufferPool>(nullptr));
  const auto run = [&](const StopToken* stop) {
    Team team(threads, false, stop);
    RunControl control;
    control.team = &team;
    control.stop = stop;
    results.clear();
    return context.run(inputs, results, control);
  };
  // Stopped on the way, first at the beginning and then ever later, it leaves nothing behind.
  for (int64_t question = 2; question < 100; question += question / 2) {
    const StopToken stop(question);
    if (run(&stop).code() != Code::kCancelled) break;
  }
  // Twice: the second run finds the state of the first.
  const Status first = run(nullptr);
  return first.ok() ? run(nullptr) : first;
}

namespace {

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.dtype() == DType::kString) {
    return std::ranges::equal(a.elements<std::string>(), b.elements<std::string>());
  }
  return a.size_bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.size_bytes()) == 0;
}

}  // namespace

void StepTester::run() {
  std::vector<Value> want;
  const Status status = interpret(*build(), runtime_inputs(), want);
  ASSERT_TRUE(status.ok()) << status.message();
  for (Isa isa : supported_isas()) {
    SCOPED_TRACE(op_ + " on " + std::string(isa_name(isa)));
    std::vector<Value> one, two;
    const Status first = try_on(isa, 1, one), second = try_on(isa, 2, two);
    ASSERT_TRUE(first.ok()) << first.message();
    ASSERT_TRUE(second.ok()) << second.message();
    ASSERT_EQ(one.size(), want.size());
    ASSERT_EQ(two.size(), want.size());
    for (size_t i = 0; i < want.size(); ++i) {
      const Tensor &a = one[i].tensor(), &b = two[i].tensor();
      ASSERT_EQ(a.size_bytes(), b.size_bytes());
      EXPECT_TRUE(same_bits(a, b)) << "one and two threads differ in output " << i;
      expect_equal(one[i], want[i], rtol_, atol_, "output " + std::to_string(i));
    }
  }
}

void StepTester::run_error(const std::string& words) {
  std::vector<Value> results;
  const Status wanted = interpret(*build(), runtime_inputs(), results);
  EXPECT_NE(wanted.message().find(words), std::string::npos) << wanted.message();
  for (Isa isa : supported_isas()) {
    const Status seen = try_on(isa, 2, results);
    EXPECT_NE(seen.message().find(words), std::string::npos) << seen.message();
  }
}

}  // namespace ferry
