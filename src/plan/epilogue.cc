// SPDX-License-Identifier: Apache-2.0
#include "plan/epilogue.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "ops/fusion/group.h"
#include "ops/math/binary.h"
#include "ops/math/clip.h"
#include "ops/math/unary.h"
#include "ops/nn/conv.h"
#include "plan/eltwise_program.h"

namespace ferry {
namespace {

bool is_add(const Node& node) {
  const auto* binary = node.op.as<Binary>();
  return binary != nullptr && binary->kind == BinaryKind::kAdd;
}

bool is_relu(const Node& node) {
  const auto* unary = node.op.as<Unary>();
  return unary != nullptr && unary->kind == UnaryKind::kRelu;
}

// One value per column of a matrix with the columns of `matrix`, or a single one.
bool is_row_or_scalar(const Type& t, const Type& matrix) {
  for (size_t a = 0; a + 1 < t.rank(); ++a) {
    if (!(*t.shape)[a].is_constant(1)) return false;
  }
  return t.rank() == 0 || (t.shape->back().is_constant(1) && t.rank() <= matrix.rank()) ||
         (t.rank() <= matrix.rank() && t.shape->back() == matrix.shape->back());
}

ValueId other_operand(const Node& node, ValueId carried) {
  return node.inputs[0] == carried ? node.inputs[1] : node.inputs[0];
}

}  // namespace

int FusedAnchor::in_place_input() const {
  const auto read = [&](const std::vector<int>& by) {
    return std::find(by.begin(), by.end(), residual) != by.end();
  };
  return read(inputs) || read(tail_inputs) ? -1 : residual;
}

void FusedAnchor::renumber_inputs(const std::vector<int>& to) {
  const auto renumber = [&](int& input) {
    if (input >= 0) input = to[static_cast<size_t>(input)];
  };
  std::for_each(inputs.begin(), inputs.end(), renumber);
  std::for_each(tail_inputs.begin(), tail_inputs.end(), renumber);
  renumber(residual);
  anchor = nullptr;
}

bool FusedAnchor::reads(int input) const {
  return input == inputs[0] || input == residual ||
         std::find(tail_inputs.begin(), tail_inputs.end(), input) != tail_inputs.end();
}

bool has_one_tap(const Conv& conv, const Dims& weights) {
  const auto all = [](const auto& list, size_t from, int64_t wanted) {
    return std::all_of(list.begin() + std::min(from, list.size()), list.end(),
                       [&](int64_t x) { return x == wanted; });
  };
  return all(weights, 2, 1) && all(conv.strides, 0, 1) && all(conv.pads, 0, 0);
}

bool is_one_tap(const Conv& conv, const Dims& weights) {
  return conv.group == 1 && has_one_tap(conv, weights);
}

bool is_pointwise(const Graph& graph, const Node& node) {
  const auto* conv = node.op.as<Conv>();
  if (conv == nullptr || !conv->x_last() || !conv->y_last()) return false;
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNone) continue;
    const GraphValue& v = graph.value(node.inputs[i]);
    if (!v.constant || v.overridable) return false;
  }
  const Tensor& w = *graph.value(node.inputs[1]).constant;
  return w.dtype() == DType::kFloat32 && is_one_tap(*conv, w.dims());
}

bool extends_epilogue(const Graph& graph, const Node& node, ValueId carried) {
  if (!is_elt_node(graph, node)) return false;
  const Type& type = graph.value(carried).type;
  if (type.rank() == 0 || !(graph.value(node.outputs[0]).type == type)) return false;
  // A bound or exponent that is the carried value itself.
  for (size_t i = num_elt_operands(node); i < node.inputs.size(); ++i) {
    if (node.inputs[i] == carried) return false;
  }
  if (num_elt_operands(node) == 1) return true;
  const ValueId other = other_operand(node, carried);
  if (other == carried) return false;  // two uses: not a chain
  const Type& t = graph.value(other).type;
  return t == type || is_row_or_scalar(t, type);
}

namespace {

// Follows the chain of a group's body from its anchor's output.
class ChainReader {
 public:
  ChainReader(const KernelRequest& request, const Graph& body, const std::vector<int>& step_input,
              FusedAnchor& out)
      : request_(request), body_(body), step_input_(step_input), out_(out) {}

  bool read(ValueId carried) {
    while (!body_.is_output(carried)) {
      if (body_.value(carried).users.size() != 1) return false;
      const Node& next = body_.node(body_.value(carried).users[0]);
      if (!in_registers(next, carried)) break;
      carried = next.outputs[0];
    }
    if (body_.is_output(carried)) return true;
    const Node& next = body_.node(body_.value(carried).users[0]);
    return next.op.as<Conv>() != nullptr ? read_pointwise(next) : read_tail(carried);
  }

 private:
  const Tensor* constant(ValueId v) const {
    const int i = v == kNone ? -1 : step_input_[v];
    return i < 0 ? nullptr : request_.constant(static_cast<size_t>(i));
  }

  // A second convolution, and at most one bound after it.
  bool read_pointwise(const Node& conv) {
    FusedAnchor::Pointwise then;
    then.anchor = &conv;
    for (ValueId v : conv.inputs) then.inputs.push_back(v == kNone ? -1 : step_input_[v]);
    const ValueId y = conv.outputs[0];
    if (!body_.is_output(y)) {
      if (body_.value(y).users.size() != 1) return false;
      const Node& bound = body_.node(body_.value(y).users[0]);
      if (!body_.is_output(bound.outputs[0]) || !read_bounds(bound, then.lo, then.hi)) return false;
    }
    out_.then = std::move(then);
    return true;
  }

  // The bounds of a Relu, or of a Clip by constants.
  bool read_bounds(const Node& node, float& lo, float& hi) const {
    if (is_relu(node)) {
      lo = 0;
      return true;
    }
    if (node.op.as<Clip>() == nullptr) return false;
    for (size_t i = 1; i < node.inputs.size() && i < 3; ++i) {
      if (node.inputs[i] == kNone) continue;
      const Tensor* bound = constant(node.inputs[i]);
      if (bound == nullptr || std::isnan(*bound->data<float>())) return false;
      (i == 1 ? lo : hi) = *bound->data<float>();
    }
    return true;
  }

  // Takes `node` into the part that kernels do in registers: residual, then clip.
  bool in_registers(const Node& node, ValueId carried) {
    if (clipped_) return false;
    if (is_add(node) && out_.residual < 0) {
      const ValueId other = other_operand(node, carried);
      if (constant(other) != nullptr || !(body_.value(other).type == body_.value(carried).type)) {
        return false;
      }
      out_.residual = step_input_[other];
      return true;
    }
    return clipped_ = read_bounds(node, out_.lo, out_.hi);
  }

  bool read_tail(ValueId carried) {
    EltCompiler compiler;
    compiler.operand(carried);
    std::vector<const Node*> nodes;
    for (ValueId v = carried; !body_.is_output(v); v = nodes.back()->outputs[0]) {
      if (body_.value(v).users.size() != 1) return false;
      nodes.push_back(&body_.node(body_.value(v).users[0]));
      if (num_elt_operands(*nodes.back()) == 1) continue;
      const ValueId other = other_operand(*nodes.back(), v);
      if (compiler.operand(other) == out_.tail_inputs.size() + 1) {
        out_.tail_inputs.push_back(step_input_[other]);
      }
    }
    for (const Node* n : nodes) {
      std::vector<const Tensor*> constants;
      for (ValueId v : n->inputs) constants.push_back(constant(v));
      if (!compiler.add(*n, constants)) return false;
    }
    out_.tail = std::move(compiler).finish();
    return true;
  }

  const KernelRequest& request_;
  const Graph& body_;
  const std::vector<int>& step_input_;
  FusedAnchor& out_;
  bool clipped_ = false;
};

}  // namespace

void run_tail(const EltKernels& kernels, const FusedAnchor& anchor, const StepContext& c,
              const TailMatrix& y, int64_t r0, int64_t r1, int64_t c0, int64_t c1,
              void* scratch) noexcept {
  EltOperand operands[kMaxEltInstructions + 2];
  float* tile = y.data + (r0 - y.first) * y.pitch + c0;
  operands[0] = {tile, y.pitch, 1};
  for (size_t i = 0; i < anchor.tail_inputs.size(); ++i) {
    const auto input = static_cast<size_t>(anchor.tail_inputs[i]);
    const Tensor& t = c.input(input);
    const auto* p = t.data<float>();
    if (t.count() == 1)
      operands[i + 1] = {p, 0, 0};
    else if (t.count() == y.cols && t.dim(t.rank() - 1) == y.cols)
      operands[i + 1] = {p + c0, 0, 1};
    else
      operands[i + 1] = {p + r0 * c.input_pitch(input) + c0, c.input_pitch(input), 1};
  }
  eltwise_region(kernels, anchor.tail, operands, tile, y.pitch, r1 - r0, c1 - c0, scratch);
}

std::variant<FusedAnchor, std::string> find_anchor(const KernelRequest& request,
                                                   std::string_view op) {
  FusedAnchor out;
  out.exact = request.exact;
  if (request.node.op.is(op)) {
    out.anchor = &request.node;
    for (size_t i = 0; i < request.node.inputs.size(); ++i) {
      out.inputs.push_back(request.node.inputs[i] == kNone ? -1 : static_cast<int>(i));
    }
    return out;
  }
  if (request.node.bodies.size() != 1) return std::string("not a group");
  const auto* group = request.node.op.as<Group>();
  if (group != nullptr && group->strips) return std::string("stages that run in strips");
  const Graph& body = *request.node.bodies[0];
  const NodeId first = body.first();
  if (first == kNone || !body.node(first).op.is(op)) return fmt::format("the group has no {}", op);
  const Node& anchor = body.node(first);
  std::vector<int> step_input(body.num_values(), -1);
  for (size_t i = 0; i < body.inputs().size(); ++i) {
    step_input[body.inputs()[i]] = static_cast<int>(i);
  }
  out.anchor = &anchor;
  for (ValueId v : anchor.inputs) out.inputs.push_back(v == kNone ? -1 : step_input[v]);
  if (!ChainReader(request, body, step_input, out).read(anchor.outputs[0])) {
    return std::string("the group's tail is no chain of elementwise operations");
  }
  return out;
}

void add_anchor_kernel(KernelRegistry& r, std::string_view op, const std::string& name,
                       Result<KernelOffer> (*make)(const KernelRequest&, const FusedAnchor&)) {
  const std::string op_name(op);
  const auto offer = [op_name, make](const KernelRequest& request) -> Result<KernelOffer> {
    auto found = find_anchor(request, op_name);
    if (auto* why = std::get_if<std::string>(&found)) return KernelOffer(std::move(*why));
    return make(request, std::get<FusedAnchor>(found));
  };
  r.add(op, name, offer);
  r.add("ferry.Group", name, offer);
}

}  // namespace ferry
