// SPDX-License-Identifier: Apache-2.0
// Sizes that callers give to the named dims of a model's inputs.
#pragma once

#include "ferry/inspect.h"
#include "tensor/dim.h"

namespace ferry {

// Every dim of the inputs has a size, and nothing else has. Errors: kInvalidArgument.
Status check_symbols(const Model& model, const SymbolSizes& symbols);

// `symbols` must outlive what is returned.
SymbolLookup lookup_of(const SymbolSizes& symbols);

}  // namespace ferry
