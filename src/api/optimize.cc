// SPDX-License-Identifier: Apache-2.0
#include "ferry/optimize.h"

#include <new>

#include "api/model_impl.h"
#include "base/status.h"
#include "ir/constant_memory.h"
#include "onnx/export.h"
#include "passes/pipelines.h"
#include "runtime/pass_names.h"

namespace ferry {
namespace {

size_t count_all(const Graph& graph) {
  size_t count = 0;
  for (NodeId id : graph.order()) {
    ++count;
    for (const auto& body : graph.node(id).bodies) count += count_all(*body);
  }
  return count;
}

std::vector<Pass> passes_of(OptimizeLevel level) {
  switch (level) {
    case OptimizeLevel::kNone:
      return {};
    case OptimizeLevel::kBasic:
      return basic_pipeline();
    case OptimizeLevel::kAll:
      break;
  }
  return standard_pipeline();
}

struct Rewritten {
  std::unique_ptr<Graph> graph;
  OptimizeReport report;
};

Result<Rewritten> rewrite(const Model& model, const OptimizeOptions& options) {
  FERRY_RETURN_IF_ERROR(check_passes_off(options.passes_off));
  Rewritten r;
  r.graph = model.impl()->graph->clone();
  FERRY_RETURN_IF_ERROR(align_constants(*r.graph, nullptr));
  r.report.nodes_before = count_all(*r.graph);
  PassOptions pass_options;
  // At kBasic nothing may change a bit.
  pass_options.exact = options.level != OptimizeLevel::kAll || options.accuracy == Accuracy::kExact;
  pass_options.off = options.passes_off;
  if (options.level != OptimizeLevel::kNone) {
    FERRY_ASSIGN_OR_RETURN(const auto made,
                           run_passes(*r.graph, passes_of(options.level), pass_options));
    for (const PassReport& p : made) r.report.passes.push_back({p.name, p.changes, p.milliseconds});
  }
  r.report.nodes_after = count_all(*r.graph);
  return r;
}

onnx::ExportOptions export_options(const Model& model, const OptimizeOptions& options) {
  onnx::ExportOptions o;
  o.declared_outputs = model.impl()->declared_outputs;
  o.external_data = options.external_data;
  o.opset = options.opset;
  return o;
}

}  // namespace

Result<OptimizeReport> optimize(const Model& model, const std::string& path,
                                const OptimizeOptions& options) {
  try {
    FERRY_ASSIGN_OR_RETURN(Rewritten r, rewrite(model, options));
    FERRY_RETURN_IF_ERROR(
        onnx::export_file(*r.graph, model.impl()->info, path, export_options(model, options)));
    return std::move(r.report);
  } catch (const std::bad_alloc&) {
    return out_of_memory("{}: the machine's memory is used up", path);
  }
}

Result<std::string> optimize_to_bytes(const Model& model, const OptimizeOptions& options) {
  try {
    FERRY_ASSIGN_OR_RETURN(const Rewritten r, rewrite(model, options));
    return onnx::export_bytes(*r.graph, model.impl()->info, export_options(model, options));
  } catch (const std::bad_alloc&) {
    return out_of_memory("the machine's memory is used up");
  }
}

}  // namespace ferry
