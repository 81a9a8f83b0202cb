// SPDX-License-Identifier: Apache-2.0
#include "ops/tensor/identity.h"

#include "ops/registry.h"

namespace ferry {
namespace {

Status infer(const Identity&, InferContext& c) {
  c.set_type(0, c.type(0));
  if (auto known = c.partly_known(0)) c.set_known(0, *std::move(known));
  return {};
}

Status eval(const Identity&, EvalContext& c) { return c.set_output(0, c.value(0)); }

}  // namespace

void register_identity(OpRegistry& r) {
  r.op<Identity>("Identity").since(25).infer(infer).reference(eval);
}

}  // namespace ferry
