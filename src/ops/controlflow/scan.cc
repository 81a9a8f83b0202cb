// SPDX-License-Identifier: Apache-2.0
#include "ops/controlflow/scan.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/controlflow/body_types.h"
#include "ops/controlflow/stack_outputs.h"
#include "ops/move.h"
#include "ops/registry.h"
#include "ops/small_tensors.h"
#include "ops/walk.h"

namespace ferry {
namespace {

int64_t entry(const std::vector<int64_t>& list, size_t i) { return list.empty() ? 0 : list[i]; }

struct Counts {
  size_t states, scan_inputs, scan_outputs;
};

Result<Counts> counts_of(const Scan& op, size_t inputs, size_t outputs) {
  const auto wanted = [](const std::vector<int64_t>& list, size_t n, const char* name) -> Status {
    if (list.empty() || list.size() == n) return {};
    return invalid_model("{} has {} entries, wanted are {}", name, list.size(), n);
  };
  if (op.num_scan_inputs < 1 || static_cast<uint64_t>(op.num_scan_inputs) > inputs) {
    return invalid_model("num_scan_inputs is {}, the node has {} inputs", op.num_scan_inputs,
                         inputs);
  }
  Counts n;
  n.scan_inputs = static_cast<size_t>(op.num_scan_inputs);
  n.states = inputs - n.scan_inputs;
  if (outputs < n.states) {
    return invalid_model("the node has {} states and {} outputs", n.states, outputs);
  }
  n.scan_outputs = outputs - n.states;
  FERRY_RETURN_IF_ERROR(wanted(op.scan_input_axes, n.scan_inputs, "scan_input_axes"));
  FERRY_RETURN_IF_ERROR(wanted(op.scan_input_directions, n.scan_inputs, "scan_input_directions"));
  FERRY_RETURN_IF_ERROR(wanted(op.scan_output_axes, n.scan_outputs, "scan_output_axes"));
  FERRY_RETURN_IF_ERROR(
      wanted(op.scan_output_directions, n.scan_outputs, "scan_output_directions"));
  return n;
}

// The types of the elements that the body sees, and the number of iterations (invalid: not known).
Status element_types(const Scan& op, const InferContext& c, const Counts& n,
                     std::vector<GraphValue>& elements, Dim& trips) {
  trips = Dim::invalid();
  for (size_t i = 0; i < n.scan_inputs; ++i) {
    FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(n.states + i, types::kAll, 1));
    if (x.shape) {
      FERRY_ASSIGN_OR_RETURN(const size_t axis,
                             normalize_axis(entry(op.scan_input_axes, i), x.rank()));
      const Dim d = (*x.shape)[axis];
      if (!trips.is_invalid() && Dim::known_different(trips, d)) {
        return shape_mismatch("scan input {} has {} elements, another has {}", i, d.to_string(),
                              trips.to_string());
      }
      if (trips.is_invalid() || d.is_constant()) trips = d;
      x.shape->erase(x.shape->begin() + static_cast<std::ptrdiff_t>(axis));
    }
    elements.emplace_back();
    elements.back().type = std::move(x);
  }
  return {};
}

Status infer(const Scan& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Counts n, counts_of(op, c.num_inputs(), c.num_outputs()));
  std::vector<GraphValue> facts, elements, outputs;
  for (size_t i = 0; i < n.states; ++i) facts.push_back(input_facts(c, i));
  Dim trips;
  FERRY_RETURN_IF_ERROR(element_types(op, c, n, elements, trips));
  const auto infer_body =
      [&](const std::vector<GraphValue>& before) -> Result<std::vector<GraphValue>> {
    std::vector<GraphValue> inputs = before;
    inputs.insert(inputs.end(), elements.begin(), elements.end());
    FERRY_ASSIGN_OR_RETURN(outputs, c.infer_body(0, std::move(inputs)));
    if (outputs.size() != c.num_outputs()) {
      return invalid_model("the body has {} outputs, the node has {}", outputs.size(),
                           c.num_outputs());
    }
    return std::vector<GraphValue>(outputs.begin(),
                                   outputs.begin() + static_cast<std::ptrdiff_t>(n.states));
  };
  FERRY_RETURN_IF_ERROR(settle_carried(facts, c.body(0).scope, infer_body));
  const OuterSymbols outer(c, 0);
  for (size_t i = 0; i < n.states; ++i) {
    c.set_type(i, outer.exported(c, i, facts[i].type));
    if (auto known = outer.exported(facts[i].known)) c.set_known(i, *std::move(known));
  }
  for (size_t i = 0; i < n.scan_outputs; ++i) {
    c.set_type(n.states + i, stacked_type(c, n.states + i, outer, outputs[n.states + i].type, trips,
                                          entry(op.scan_output_axes, i)));
  }
  return {};
}

Result<Tensor> element_of(EvalContext& c, const Tensor& x, size_t axis, int64_t at) {
  Dims dims, strides;
  const Dims dense = dense_strides(x.dims());
  for (size_t a = 0; a < x.rank(); ++a) {
    if (a == axis) continue;
    dims.push_back(x.dim(a));
    strides.push_back(dense[a]);
  }
  FERRY_ASSIGN_OR_RETURN(const Tensor from, unpacked(c, x));
  FERRY_ASSIGN_OR_RETURN(Tensor y, Tensor::allocate(x.dtype(), dims, c.budget()));
  if (y.count() == 0) return y;
  Tensor bytes = y;
  if (is_packed(x.dtype())) {
    FERRY_ASSIGN_OR_RETURN(bytes, Tensor::allocate(DType::kUInt8, dims, c.budget()));
  }
  FERRY_RETURN_IF_ERROR(visit_storage(from.dtype(), [&]<class T>(TypeTag<T>) {
    return copy_strided(c, from.data<T>() + at * dense[axis], strides, bytes.data<T>(), dims);
  }));
  if (is_packed(x.dtype())) pack_bits(bytes, y);
  return y;
}

Status eval(const Scan& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Counts n, counts_of(op, c.num_inputs(), c.num_outputs()));
  std::vector<size_t> axes;
  int64_t trips = 0;
  for (size_t i = 0; i < n.scan_inputs; ++i) {
    const Tensor& x = c.input(n.states + i);
    FERRY_ASSIGN_OR_RETURN(const size_t axis,
                           normalize_axis(entry(op.scan_input_axes, i), x.rank()));
    axes.push_back(axis);
    if (i > 0 && x.dim(axis) != trips) {
      return shape_mismatch("scan input {} has {} elements, the first has {}", i, x.dim(axis),
                            trips);
    }
    trips = x.dim(axis);
  }
  std::vector<Value> state;
  for (size_t i = 0; i < n.states; ++i) state.push_back(c.value(i));
  std::vector<std::vector<Tensor>> scans(n.scan_outputs);
  for (auto& s : scans) reserve_many(s, trips);
  SmallTensors memory(c);
  for (int64_t t = 0; t < trips; ++t) {
    FERRY_RETURN_IF_ERROR(c.poll());
    std::vector<Value> inputs = std::move(state), outputs;
    for (size_t i = 0; i < n.scan_inputs; ++i) {
      const bool back = entry(op.scan_input_directions, i) != 0;
      FERRY_ASSIGN_OR_RETURN(
          Tensor x, element_of(c, c.input(n.states + i), axes[i], back ? trips - 1 - t : t));
      inputs.emplace_back(std::move(x));
    }
    FERRY_RETURN_IF_ERROR(
        c.run_body(0, std::move(inputs), outputs).with_context(fmt::format("iteration {}", t)));
    if (outputs.size() != c.num_outputs()) {
      return invalid_argument("the body gave {} outputs, wanted are {}", outputs.size(),
                              c.num_outputs());
    }
    for (size_t i = 0; i < n.scan_outputs; ++i) {
      const Value& v = outputs[n.states + i];
      if (!v.is_tensor()) return invalid_argument("scan output {} is {}", i, v.describe());
      FERRY_ASSIGN_OR_RETURN(Tensor kept, memory.keep(v.tensor()));
      scans[i].push_back(std::move(kept));
    }
    outputs.resize(n.states);
    state = std::move(outputs);
  }
  for (size_t i = 0; i < n.states; ++i) FERRY_RETURN_IF_ERROR(c.set_output(i, std::move(state[i])));
  for (size_t i = 0; i < n.scan_outputs; ++i) {
    if (entry(op.scan_output_directions, i) != 0) std::reverse(scans[i].begin(), scans[i].end());
    FERRY_RETURN_IF_ERROR(
        stack_outputs(c, n.states + i, std::move(scans[i]), entry(op.scan_output_axes, i)));
  }
  return {};
}

}  // namespace

void register_scan(OpRegistry& r) {
  r.op<Scan>("Scan")
      .since(25)
      .inputs(1, Arity::kAny)
      .outputs(1, Arity::kAny)
      .required("num_scan_inputs", &Scan::num_scan_inputs)
      .attr("scan_input_axes", &Scan::scan_input_axes)
      .attr("scan_output_axes", &Scan::scan_output_axes)
      .attr("scan_input_directions", &Scan::scan_input_directions)
      .attr("scan_output_directions", &Scan::scan_output_directions)
      .body("body")
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
