// SPDX-License-Identifier: Apache-2.0
#include "ops/controlflow/stack_outputs.h"

#include "base/status.h"
#include "ops/arguments.h"
#include "ops/tensor/concatenate.h"

namespace ferry {

Type stacked_type(const InferContext& c, size_t i, const OuterSymbols& outer, const Type& element,
                  const Dim& trips, int64_t axis) {
  if (!element.shape) return Type::tensor(element.dtype);
  const Result<size_t> at = normalize_axis(axis, element.rank() + 1);
  if (!at.ok()) return Type::tensor(element.dtype);
  Type type = Type::tensor(element.dtype, element.shape);
  type.shape->insert(type.shape->begin() + static_cast<std::ptrdiff_t>(*at), Dim(0));
  type = outer.exported(c, i, type);
  (*type.shape)[*at] = trips.is_invalid() ? c.fresh_dim(i, *at) : trips;
  return type;
}

namespace {

Status empty_output(EvalContext& c, size_t i, int64_t axis) {
  if (!c.has_output(i)) return {};
  const Type type = c.output_type(i);
  if (!type.is_tensor()) return invalid_argument("output {} of no iterations has no type", i);
  Dims dims;
  if (type.shape) {
    FERRY_ASSIGN_OR_RETURN(const size_t at, normalize_axis(axis, type.rank()));
    for (const Dim& d : *type.shape) dims.push_back(d.is_constant() ? d.constant() : 0);
    dims[at] = 0;
  } else {
    dims.push_back(0);
  }
  return c.output(i, type.dtype, dims).status();
}

}  // namespace

Status stack_outputs(EvalContext& c, size_t i, std::vector<Tensor> parts, int64_t axis) {
  if (parts.empty()) return empty_output(c, i, axis);
  const size_t rank = parts[0].rank() + 1;
  FERRY_RETURN_IF_ERROR(check_rank(rank));
  FERRY_ASSIGN_OR_RETURN(const size_t at, normalize_axis(axis, rank));
  for (Tensor& t : parts) {
    if (t.rank() + 1 != rank) {
      return shape_mismatch("output {} has rank {} in one iteration, {} in another", i, rank - 1,
                            t.rank());
    }
    Dims dims(std::span(t.dims().begin(), at));
    dims.push_back(1);
    for (size_t a = at; a + 1 < rank; ++a) dims.push_back(t.dim(a));
    t = t.reshaped(dims);
  }
  return concatenate(c, parts, at, i);
}

}  // namespace ferry
