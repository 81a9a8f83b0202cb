// SPDX-License-Identifier: Apache-2.0
#include "types.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "ferry/printable.h"
#include "ferry/session.h"
#include "text.h"

namespace nb = nanobind;

namespace ferry::python {
namespace {

nb::object shape_of(const ValueInfo& info) {
  if (!info.has_rank) return nb::none();
  nb::list shape;
  for (const DimInfo& dim : info.dims) {
    if (dim.size >= 0)
      shape.append(dim.size);
    else
      shape.append(dim.symbol);
  }
  return nb::tuple(shape);
}

nb::object dtype_of_info(const ValueInfo& info) {
  return info.is_tensor ? numpy_dtype(info.dtype) : nb::none();
}

void bind_value_info(nb::module_& m) {
  nb::class_<ValueInfo>(m, "ValueInfo", "An input or output of a model.")
      .def_ro("name", &ValueInfo::name)
      .def_ro("type", &ValueInfo::type, "Ferry's text: 'f32[N,3,H,W]', 'seq(i64[...])'.")
      .def_ro("is_tensor", &ValueInfo::is_tensor)
      .def_ro("optional", &ValueInfo::optional, "An input that has a default.")
      .def_prop_ro("dtype", &dtype_of_info, nb::sig("def dtype(self) -> numpy.dtype | None"),
                   "NumPy's dtype of a tensor; None for sequences and maps.")
      .def_prop_ro(
          "onnx_type", [](const ValueInfo& info) { return static_cast<int>(info.dtype); },
          "The number of the element type in ONNX.")
      .def_prop_ro("shape", &shape_of, nb::sig("def shape(self) -> tuple[int | str, ...] | None"),
                   "Sizes, or expressions over named sizes; None when the rank is not known.")
      .def("__repr__",
           [](const ValueInfo& info) { return printable(info.name + ": " + info.type); });
}

void bind_metadata(nb::module_& m) {
  nb::class_<ModelMetadata>(m, "ModelMetadata", "What a model file says about itself.")
      .def_ro("producer_name", &ModelMetadata::producer_name)
      .def_ro("producer_version", &ModelMetadata::producer_version)
      .def_ro("domain", &ModelMetadata::domain)
      .def_ro("doc", &ModelMetadata::doc)
      .def_ro("graph_name", &ModelMetadata::graph_name)
      .def_ro("ir_version", &ModelMetadata::ir_version)
      .def_ro("model_version", &ModelMetadata::model_version)
      .def_ro("opsets", &ModelMetadata::opsets)
      .def_ro("properties", &ModelMetadata::properties)
      .def("__repr__", [](const ModelMetadata& said) {
        std::string text = "<ferry.ModelMetadata '" + said.graph_name + "' of '" +
                           said.producer_name + "', IR " + std::to_string(said.ir_version);
        for (const auto& [domain, version] : said.opsets) {
          text += ", " + (domain.empty() ? "ai.onnx" : domain) + " " + std::to_string(version);
        }
        return printable(text + ">");
      });
}

void bind_report(nb::module_& m) {
  using Report = SessionReport;
  nb::class_<Report::Pass>(m, "Pass", "A rewrite of the model before it was planned.")
      .def_ro("name", &Report::Pass::name)
      .def_ro("changes", &Report::Pass::changes)
      .def_ro("milliseconds", &Report::Pass::milliseconds)
      .def("__repr__", [](const Report::Pass& p) {
        return p.name + ": " + std::to_string(p.changes) + " changes";
      });
  nb::class_<Report::Step>(m, "Step", "One step of a run and the kernel that computes it.")
      .def_ro("node", &Report::Step::node, "The nodes of the source model.")
      .def_ro("op", &Report::Step::op)
      .def_ro("kernel", &Report::Step::kernel, "'reference' for the slow path.")
      .def_ro("tactic", &Report::Step::tactic)
      .def_ro("why_not", &Report::Step::why_not, "Faster kernels that refused, with reasons.")
      .def_ro("inputs", &Report::Step::inputs)
      .def_ro("outputs", &Report::Step::outputs)
      .def_ro("flops", &Report::Step::flops, "When shapes do not depend on the inputs; else 0.")
      .def_ro("depth", &Report::Step::depth,
              "0: the main program; 1: a body of the step before it; ...")
      .def("__repr__", [](const Report::Step& s) {
        return printable(s.op + " '" + s.node + "': " + s.kernel);
      });
  nb::class_<Report>(m, "SessionReport", "What a session holds and how it was made.")
      .def_ro("passes", &Report::passes)
      .def_ro("steps", &Report::steps)
      .def_ro("memory_formula", &Report::memory_formula,
              "Bytes of the arena over the symbols of the inputs.")
      .def_ro("packed_bytes", &Report::packed_bytes, "Of weights in the kernels' form.")
      .def_ro("source_bytes", &Report::source_bytes, "Of the constants that they were packed from.")
      .def_ro("arena_bytes", &Report::arena_bytes,
              "Of values between inputs and outputs, last run.")
      .def_ro("scratch_bytes", &Report::scratch_bytes, "Of the steps' scratch, all threads.")
      .def_ro("used_bytes", &Report::used_bytes, "Of tensors that the session holds now.")
      .def_ro("peak_bytes", &Report::peak_bytes, "Of tensors that it has held at most.")
      .def_ro("threads", &Report::threads, "That the next run may use.")
      .def_ro("threads_reason", &Report::threads_reason, "Why so many.")
      .def_ro("isa", &Report::isa)
      .def_ro("load_milliseconds", &Report::load_milliseconds)
      .def_ro("cache", &Report::cache,
              "What the program cache did: 'off', 'hit', 'written', 'rebuilt' or 'unused'.")
      .def_ro("cache_file", &Report::cache_file)
      .def_ro("cache_reason", &Report::cache_reason, "Why it was no hit, or was not written.")
      .def_ro("cache_bytes", &Report::cache_bytes)
      .def("__repr__", [](const Report& r) {
        return "<ferry.SessionReport " + std::to_string(r.steps.size()) + " steps, " +
               std::to_string(r.threads) + " threads, " + r.isa + ", cache " + r.cache + ", " +
               std::to_string(r.peak_bytes) + " bytes at most>";
      });
}

}  // namespace

void bind_types(nb::module_& m) {
  bind_value_info(m);
  bind_metadata(m);
  bind_report(m);
}

}  // namespace ferry::python
