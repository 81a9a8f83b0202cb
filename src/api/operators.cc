// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "ferry/inspect.h"
#include "onnx/graph_builder.h"
#include "onnx/schema.h"
#include "onnx/upgrade/upgrade.h"
#include "onnx/upgrade/table.h"
#include "ops/registry.h"
#include "ops_cpu/kernels.h"

namespace ferry {
namespace {

// Whether the shape rule takes a tensor of this type as input 0. Rules look at input 0 first; what
// they then miss of other inputs or attributes says nothing about it.
bool takes(const OpDef& def, DType type) {
  const Op op(&def, def.make());
  GraphValue x;
  x.name = "x";
  x.type = Type::tensor(type);
  std::vector<const GraphValue*> inputs(std::max<size_t>(def.inputs.min, 1), &x);
  std::vector<GraphValue> made(std::clamp<size_t>(def.outputs.min, 1, 8));
  std::vector<GraphValue*> outputs;
  for (GraphValue& v : made) outputs.push_back(&v);
  InferContext context(op, std::move(inputs), std::move(outputs), {}, 0);
  const Status status = def.infer(op, context);
  return status.code() != Code::kUnsupportedType ||
         status.message().find("input 0") == std::string::npos;
}

std::vector<std::string> types_of(const OpDef& def) {
  std::vector<std::string> names;
  // Bodies would be inferred; those operators take anything.
  if (def.inputs.max == 0 || !def.bodies.empty()) return names;
  for (int i = 1; i < kNumDTypes; ++i) {
    const auto type = static_cast<DType>(i);
    if (takes(def, type)) names.emplace_back(dtype_name(type));
  }
  return names;
}

std::vector<int> versions_of(const std::string& name) {
  std::vector<int> versions;
  for (const onnx::Schema& s : onnx::schema_history(name)) versions.push_back(s.since);
  return versions;
}

}  // namespace

std::vector<OperatorInfo> list_operators() {
  std::map<std::string, OperatorInfo> all;
  for (const auto& [name, def] : op_registry().all()) {
    OperatorInfo info;
    info.name = name;
    info.since = def->since_version;
    info.versions = versions_of(name);
    info.types = types_of(*def);
    for (const KernelCandidate& k : cpu_kernels().candidates(name)) {
      auto& kernels = info.kernels;
      if (std::find(kernels.begin(), kernels.end(), k.name) == kernels.end()) {
        kernels.push_back(k.name);
      }
    }
    for (const AttrBinding& a : def->attrs) info.attributes.push_back(a.name);
    all.emplace(name, std::move(info));
  }
  const auto rewritten = [&](std::string_view name) {
    OperatorInfo info;
    info.name = name;
    info.versions = versions_of(info.name);
    if (!info.versions.empty()) info.since = info.versions.back();
    info.rewritten = true;
    all.emplace(info.name, std::move(info));
  };
  for (const onnx::UpgradeRow& row : onnx::upgrade_rows()) {
    if (row.before == onnx::kAnyVersion) rewritten(row.op);
  }
  rewritten("Constant");
  rewritten(onnx::kGradient);
  std::vector<OperatorInfo> list;
  for (auto& [name, info] : all) list.push_back(std::move(info));
  return list;
}

}  // namespace ferry
