// SPDX-License-Identifier: Apache-2.0
// Values of Ferry from and to Python objects.
//
// In:  arrays of NumPy and of anything with __dlpack__ on the CPU are viewed, not copied, when they
//      are C-contiguous, aligned and in the machine's byte order; numbers, text and lists are
//      converted to the element type that the model wants.
// Out: arrays own Ferry's memory; strings are object arrays; sequences are lists; maps are dicts;
//      an absent optional is None.
// The caller holds the GIL.
#pragma once

#include <nanobind/nanobind.h>

#include <string>
#include <vector>

#include "ferry/model.h"
#include "ferry/tensor.h"
#include "time_left.h"

namespace ferry::python {

// Imports NumPy's C API. Raises ImportError.
void start_numpy();
// The NumPy dtype of each element type, by its number: ml_dtypes' where it is installed, else the
// integer of the same size (ferry/types.py makes the list).
void set_dtypes(nanobind::list dtypes);
nanobind::object numpy_dtype(DType type);

// What the model wants to see at one place, and how an error calls that place.
struct Wanted {
  std::string name;  // "input 'x'"
  std::string type;  // "f32[N,3]", "seq(i64[...])"
};

// Objects whose memory is viewed: they must live until the values are gone.
using Keep = std::vector<nanobind::object>;

// Raise DeadlineExceeded and Cancelled among others: hundreds of thousands of objects take long.
Value to_value(nanobind::handle object, const Wanted& wanted, Keep& keep,
               const TimeLeft& time = {});
nanobind::object to_python(Value value, const TimeLeft& time = {});

// A view of a writable, C-contiguous array that a run writes into.
Tensor to_target(nanobind::handle array, const Wanted& wanted);
// Makes sure that `value` is in `target`'s memory: copies when the run had to place it elsewhere.
void finish_target(const Value& value, Tensor& target, const std::string& name);

}  // namespace ferry::python
