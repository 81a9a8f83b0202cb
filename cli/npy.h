// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy files.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "ferry/tensor.h"

namespace ferry::cli {

// The array in the bytes of a .npy file; Fortran order is turned, big endian swapped. `who` names
// the file in errors. Throws Error: kInvalidArgument when damaged, kUnsupportedType for other
// elements.
Tensor parse_npy(std::span<const std::byte> bytes, const std::string& who);

// The bytes of a .npy file. What NumPy has no type for is written as the nearest that it has: bf16
// and f8 as f32, packed integers as 8-bit ones; `note` says so.
std::vector<std::byte> to_npy(const Tensor& tensor, std::string& note);

// Whole files. Throws Error: kIoError.
std::vector<std::byte> read_file(const std::string& path);
void write_file(const std::string& path, std::span<const std::byte> bytes);
// Fails as write_file would for a folder that is not there or may not be written to: before the
// work whose results shall go there.
void check_can_write(const std::string& path);

}  // namespace ferry::cli
