// SPDX-License-Identifier: Apache-2.0
// Symbolic contents of integer tensors, carried through elementwise operators.
#pragma once

#include <functional>
#include <optional>

#include "ir/infer.h"

namespace ferry {

// Sets the known contents of output i (element type `dtype`), unless a value may not fit the type.
void set_known_if_fits(InferContext& c, size_t i, DType dtype, KnownInts values);

// The known contents of input i expanded to `to`; nullopt when they or the shapes are not known.
std::optional<KnownInts> known_expanded(const InferContext& c, size_t i, const Dims& to);

// Sets output 0 from the known contents of the inputs, element by element: `f` sees one element of
// each input and gives that of the output, or nullopt when it cannot tell. `shape`: of the output.
void propagate_known(InferContext& c, DType dtype, const std::optional<Shape>& shape,
                     const std::function<std::optional<Dim>(std::span<const Dim>)>& f);

// a / b rounded towards zero and a - b * that, when b cannot be negative. Where it is 0 the
// division fails.
std::optional<Dim> truncated_div(const Dim& a, const Dim& b);
std::optional<Dim> truncated_mod(const Dim& a, const Dim& b);
// Comparisons, when they hold or fail for all values of the symbols.
std::optional<bool> known_equal(const Dim& a, const Dim& b);
std::optional<bool> known_less(const Dim& a, const Dim& b);

}  // namespace ferry
