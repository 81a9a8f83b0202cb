// SPDX-License-Identifier: Apache-2.0
#include "onnx/functions.h"

#include <set>

#include "base/nearest.h"
#include "base/status.h"
#include "onnx/graph_builder.h"
#include "onnx/source_order.h"
#include "onnx/upgrade/table.h"
#include "onnx/upgrade/upgrade.h"
#include "ops/registry.h"

namespace ferry::onnx {
namespace {

std::string key_of(std::string_view domain, std::string_view name, std::string_view overload) {
  return fmt::format("{}:{}", full_name(domain, name), overload);
}

// Operators that exist in old files only.
bool is_rewritten(std::string_view name) {
  const auto rows = upgrades_of(name);
  return !rows.empty() && rows.back().before == kAnyVersion;
}

// "; did you mean 'Softmax'?" with a known operator of the same domain.
std::string nearest_operator(std::string_view name) {
  const size_t prefix = name.rfind('.') + 1;  // npos + 1 is 0
  std::vector<std::string> names;
  const auto add = [&](std::string_view known) {
    if (known.rfind('.') + 1 != prefix || !known.starts_with(name.substr(0, prefix))) return;
    names.emplace_back(known.substr(prefix));
  };
  for (const auto& entry : op_registry().all()) add(entry.first);
  for (const UpgradeRow& row : upgrade_rows()) {
    if (row.before == kAnyVersion) add(row.op);
  }
  return did_you_mean(name.substr(prefix), names);
}

// Nodes of one unknown operator.
struct Unknown {
  size_t count = 0;
  std::string examples;
};

// What to do about operators that onnxruntime's optimizer writes. The weights of nchwc lie in
// blocks of 8 or 16 channels, whichever suited the processor; the file does not say which.
std::string_view advice_on(std::string_view op) {
  if (op.starts_with("com.microsoft.nchwc.")) {
    return ". com.microsoft.nchwc is for the processor that the model was optimized on: save it at "
           "onnxruntime's level ORT_ENABLE_EXTENDED or lower";
  }
  if (op.starts_with("com.microsoft.")) {
    return ". Export the model without it, or save it without onnxruntime's optimizations";
  }
  return "";
}

class KnownOps {
 public:
  explicit KnownOps(const Functions& functions) : functions_(functions) {}

  void visit(const std::vector<NodeProto>& nodes) {
    for (const NodeProto& node : nodes) {
      visit(node);
      for (const AttributeProto& a : node.attributes) {
        for (const auto& body : a.graphs) visit(body->nodes);
      }
    }
  }
  const std::map<std::string, Unknown>& unknown() const { return unknown_; }

 private:
  void visit(const NodeProto& node) {
    if (const auto* function = functions_.find(node)) {
      // Its nodes are visited once however often it is called.
      if (seen_.insert(function->proto).second) visit(function->proto->nodes);
      return;
    }
    const std::string name = full_name(node.domain, node.op_type);
    if (name == "Constant" || name == kGradient || is_rewritten(name)) return;
    if (op_registry().find(name) != nullptr) return;
    Unknown& u = unknown_[name];
    static constexpr size_t kExamples = 3;
    if (++u.count <= kExamples) {
      const std::string_view shown =
          !node.name.empty() || node.outputs.empty() ? node.name : node.outputs[0];
      u.examples += fmt::format("{}'{}'", u.count > 1 ? ", " : "", shown);
    } else if (u.count == kExamples + 1) {
      u.examples += ", ...";
    }
  }

  const Functions& functions_;
  std::set<const FunctionProto*> seen_;
  std::map<std::string, Unknown> unknown_;
};

}  // namespace

Result<Functions> Functions::from(const ModelProto& model) {
  Functions functions;
  for (const FunctionProto& f : model.functions) {
    const std::string where = fmt::format("function '{}'", full_name(f.domain, f.name));
    auto opsets = Opsets::from(f.opsets, model.ir_version);
    if (!opsets.ok()) return std::move(opsets).status().with_context(where);
    auto order = source_order(f.nodes);
    if (!order.ok()) return std::move(order).status().with_context(where);
    const bool fresh = functions.functions_
                           .emplace(key_of(f.domain, f.name, f.overload),
                                    Function{&f, *std::move(opsets), *std::move(order)})
                           .second;
    if (!fresh) return invalid_model("{} is defined twice", where);
  }
  return functions;
}

const Functions::Function* Functions::find(const NodeProto& node) const {
  if (functions_.empty()) return nullptr;
  const auto it = functions_.find(key_of(node.domain, node.op_type, node.overload));
  return it == functions_.end() ? nullptr : &it->second;
}

Status check_known_ops(const ModelProto& model, const Functions& functions) {
  KnownOps ops(functions);
  ops.visit(model.graph->nodes);
  const auto& unknown = ops.unknown();
  if (unknown.empty()) return {};
  // A file may name a million.
  constexpr size_t kGuesses = 8;
  std::string list, advice;
  size_t guesses = 0;
  for (const auto& [name, u] : unknown) {
    if (const std::string_view a = advice_on(name); advice.size() < a.size()) advice = a;
    list += fmt::format("{}{} ({} node{}: {}{})", list.empty() ? "" : ", ", name, u.count,
                        u.count == 1 ? "" : "s", u.examples,
                        ++guesses <= kGuesses ? nearest_operator(name) : "");
  }
  return unsupported_op("{} operator{} not known: {}{}", unknown.size(),
                        unknown.size() == 1 ? " is" : "s are", list, advice);
}

}  // namespace ferry::onnx
