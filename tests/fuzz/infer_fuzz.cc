// SPDX-License-Identifier: Apache-2.0
// Any operator with any attributes on inputs of any type: shape inference, then the reference
// kernel on inputs that have those types, whose results inference must have foretold.
#include "fuzz.h"
#include "ir/infer.h"
#include "operators.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ferry;
  FuzzedDataProvider in(data, size);
  const auto budget = MemoryBudget::create(fuzz::kMemory);
  fuzz::OneNode one;
  if (!fuzz::make_node(in, *budget, one)) return 0;
  const Status inferred = infer_node(*one.graph, one.node);
  fuzz::check(inferred);
  if (!inferred.ok()) return 0;
  // An inferred type must be printable and comparable whatever it holds.
  for (ValueId v : one.graph->outputs()) static_cast<void>(one.graph->value(v).type.to_string());
  std::vector<Value> outputs;
  const StopToken stop(nullptr, StopToken::Clock::now() + std::chrono::milliseconds(200));
  InterpretOptions options;
  options.budget = budget.get();
  options.poll = [&]() -> Status {
    if (stop.reason() == StopToken::Reason::kGoOn) return {};
    return make_error(Code::kDeadlineExceeded, "time is up");
  };
  const Status ran = interpret(*one.graph, one.inputs, outputs, options);
  fuzz::check(ran);
  if (ran.ok()) fuzz::check_types(one, outputs);
  return 0;
}
