// SPDX-License-Identifier: Apache-2.0
// Runs the body on the i-th elements of the sequence inputs (tensor inputs as they are) for every
// i; output k is the sequence of what the body's output k was.
// ONNX SequenceMap-17.
#pragma once

namespace ferry {

struct SequenceMap {};

}  // namespace ferry
