// SPDX-License-Identifier: Apache-2.0
// Inverse(x) => Loop over the columns of [x, 1] (Gauss and Jordan, the largest pivot of a column
// first), whose right half is the inverse then. A matrix without one gives NaN or infinity.
#include <deque>
#include <protozero/pbf_writer.hpp>

#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {
namespace {

// One column, a node per line: output, operator, inputs, and perhaps an attribute. i: the column's
// number; a [batch, n, 2n]; rows [n]: 0, 1, ...; `order` lets the pivot's row and row i change
// places, and rows that have been pivots come last.
constexpr std::string_view kElimination =
    "one Constant value_ints=1\n"
    "two Constant value_ints=2\n"
    "column Gather a i axis=2\n"
    "size Abs column\n"
    "done Less rows i\n"
    "done_1 CastLike done size\n"
    "least Neg done_1\n"
    "candidate Where done least size\n"
    "pivot ArgMax candidate axis=1\n"
    "at_i Equal rows i\n"
    "at_pivot Equal rows pivot\n"
    "moved Where at_pivot i rows\n"
    "order Where at_i pivot moved\n"
    "places Unsqueeze order two\n"
    "sorted GatherND a places batch_dims=1\n"
    "row Gather sorted i axis=1\n"
    "factors Gather sorted i axis=2\n"
    "head Gather factors i axis=1\n"
    "head_1 Unsqueeze head one\n"
    "scaled Div row head_1\n"
    "scaled_row Unsqueeze scaled one\n"
    "factor_column Unsqueeze factors two\n"
    "part Mul factor_column scaled_row\n"
    "rest Sub sorted part\n"
    "is_row Unsqueeze at_i one\n"
    "next Where is_row scaled_row rest\n"
    "go_on Identity on\n"
    "same_rows Identity rows\n";

std::string_view next_part(std::string_view& text, char end) {
  const size_t n = text.find(end);
  const std::string_view part = text.substr(0, n);
  text.remove_prefix(n == std::string_view::npos ? text.size() : n + 1);
  return part;
}

struct OwnedGraph {
  GraphProto graph;
  std::deque<std::string> text;
};

std::shared_ptr<const GraphProto> loop_body() {
  auto owner = std::make_shared<OwnedGraph>();
  for (std::string_view text = kElimination; !text.empty();) {
    std::string_view line = next_part(text, '\n');
    NodeProto n;
    n.outputs = {next_part(line, ' ')};
    n.op_type = n.name = next_part(line, ' ');
    n.newest = true;
    while (!line.empty()) {
      std::string_view value = next_part(line, ' ');
      const std::string_view name = next_part(value, '=');
      if (value.empty()) {
        n.inputs.push_back(name);
        continue;
      }
      const bool list = n.op_type == "Constant";
      std::string& bytes = owner->text.emplace_back();
      protozero::pbf_writer(bytes).add_int64(list ? 8 : 3, value[0] - '0');
      AttributeProto a;
      a.name = name;
      a.type = list ? AttributeType::kInts : AttributeType::kInt;
      a.message = bytes;
      n.attributes.push_back(std::move(a));
    }
    owner->graph.nodes.push_back(std::move(n));
  }
  for (std::string_view name : {"i", "on", "a", "rows"}) owner->graph.inputs.push_back({name, {}});
  for (std::string_view name : {"go_on", "next", "same_rows"}) {
    owner->graph.outputs.push_back({name, {}});
  }
  return {owner, &owner->graph};
}

Status inverse(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 1));
  FERRY_ASSIGN_OR_RETURN(const DType type, dtype_of_input(node, r, 0));
  Emitter e(r);
  const bool narrow = type == DType::kFloat16;
  const ValueId x = narrow ? e.cast(node.inputs[0], DType::kFloat32) : node.inputs[0];
  const ValueId shape = e("Shape", {x}), n = e.size(x, -1);
  const ValueId batch = e("ReduceProd", {e("Shape", {x}, {{"end", -2}})}, {{"keepdims", 1}});
  const ValueId matrices = e("Concat", {batch, n, n}, {{"axis", 0}});
  const ValueId rows = e.range(n);
  const ValueId across = e("Unsqueeze", {rows, e.ints({0})});
  const ValueId down = e("Unsqueeze", {rows, e.ints({1})});
  const ValueId unit = e("CastLike", {e("Equal", {across, down}), x});
  const ValueId units = e("Expand", {unit, matrices});
  SourceNode loop;
  loop.op_type = "Loop";
  loop.inputs = {
      e("Reshape", {n, e.ints({})}), kNone,
      e("Concat", {e("Reshape", {x, matrices}, {{"allowzero", 1}}), units}, {{"axis", 2}}), rows};
  loop.outputs = {r.new_value(), r.new_value()};
  loop.bodies.emplace_back("body", loop_body());
  const ValueId both = loop.outputs[0];
  e.add(std::move(loop));
  const ValueId right = e("Slice", {both, n, e("Add", {n, n}), e.ints({2})});
  const ValueId y = e("Reshape", {right, shape}, {{"allowzero", 1}});
  if (narrow) {
    become(node, "CastLike", {y, node.inputs[0]});
  } else {
    become(node, "Identity", {y});
  }
  return e.status();
}

}  // namespace

void add_contrib_inverse(std::vector<UpgradeRow>& rows) {
  rows.push_back({"com.microsoft.Inverse", kAnyVersion, inverse});
}

}  // namespace ferry::onnx
