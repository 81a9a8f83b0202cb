// SPDX-License-Identifier: Apache-2.0
#include "outputs.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <system_error>

#include "npy.h"
#include "npz.h"
#include "verb.h"

namespace ferry::cli {
namespace {

namespace fs = std::filesystem;

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low, sum = 0;
  int64_t count = 0, nans = 0, infinities = 0;

  void add(double v) {
    ++count;
    if (std::isnan(v)) {
      ++nans;
      return;
    }
    if (std::isinf(v)) ++infinities;
    low = std::min(low, v);
    high = std::max(high, v);
    sum += v;
  }
};

template <class T>
void add_all(const Tensor& t, Range& r) {
  for (const T v : t.elements<T>()) r.add(static_cast<double>(v));
}

double half_to_double(uint16_t h) {
  const int exponent = h >> 10 & 31, mantissa = h & 0x3FF;
  const double sign = (h & 0x8000) != 0 ? -1 : 1;
  if (exponent == 31) return mantissa != 0 ? std::nan("") : sign * HUGE_VAL;
  return sign * std::ldexp(exponent == 0 ? mantissa : mantissa + 1024, std::max(exponent, 1) - 25);
}

// False when elements have no order.
bool range_of(const Tensor& t, Range& r) {
  switch (t.dtype()) {
    case DType::kFloat32:
      return add_all<float>(t, r), true;
    case DType::kFloat64:
      return add_all<double>(t, r), true;
    case DType::kUInt8:
      return add_all<uint8_t>(t, r), true;
    case DType::kInt8:
      return add_all<int8_t>(t, r), true;
    case DType::kUInt16:
      return add_all<uint16_t>(t, r), true;
    case DType::kInt16:
      return add_all<int16_t>(t, r), true;
    case DType::kUInt32:
      return add_all<uint32_t>(t, r), true;
    case DType::kInt32:
      return add_all<int32_t>(t, r), true;
    case DType::kUInt64:
      return add_all<uint64_t>(t, r), true;
    case DType::kInt64:
      return add_all<int64_t>(t, r), true;
    case DType::kBool:
      return add_all<bool>(t, r), true;
    case DType::kFloat16:
      for (uint16_t h : std::span(t.data<uint16_t>(), static_cast<size_t>(t.count()))) {
        r.add(half_to_double(h));
      }
      return true;
    case DType::kBFloat16:
      for (uint16_t h : std::span(t.data<uint16_t>(), static_cast<size_t>(t.count()))) {
        r.add(std::bit_cast<float>(static_cast<uint32_t>(h) << 16));
      }
      return true;
    default:
      return false;
  }
}

// JSON has no infinity: as text.
Json number(double v) {
  if (std::isfinite(v)) return v;
  return v > 0 ? "inf" : "-inf";
}

// A name as a file's name: what a path would take apart becomes '_'.
std::string file_name(std::string name) {
  for (char& c : name) {
    if (c == '/' || c == '\\' || c == ':' || static_cast<unsigned char>(c) < 32) c = '_';
  }
  if (name.empty() || name.front() == '.') name.insert(0, "_");
  return name;
}

// Sequences and maps as tensors "name.0", "name.1", ...
void flatten(const std::string& name, const Value& value, NamedTensors& tensors) {
  if (value.is_tensor()) {
    tensors.emplace_back(name, value.tensor());
  } else if (value.is_sequence()) {
    for (size_t i = 0; i < value.sequence().size(); ++i) {
      flatten(fmt::format("{}.{}", name, i), value.sequence()[i], tensors);
    }
  } else if (value.is_map()) {
    tensors.emplace_back(name + ".keys", value.map().keys);
    for (size_t i = 0; i < value.map().values.size(); ++i) {
      flatten(fmt::format("{}.{}", name, i), value.map().values[i], tensors);
    }
  }
}

bool is_channels(int64_t n) { return n >= 1 && n <= 4; }

// A picture by its dims alone.
bool looks_like_picture(const Value& value) {
  if (!value.is_tensor()) return false;
  const Tensor& t = value.tensor();
  if (t.dtype() != DType::kFloat32 && t.dtype() != DType::kUInt8) return false;
  const Dims& d = t.dims();
  if (d.size() == 4) return d[0] == 1 && (is_channels(d[1]) || is_channels(d[3]));
  return d.size() == 3 ? is_channels(d[0]) || is_channels(d[2]) : d.size() == 2;
}

void write_output_picture(const std::string& path, const OrderedValues& outputs,
                          PictureOptions picture, const InputOptions& asked,
                          std::vector<std::string>& notes) {
  const std::pair<std::string, Value>* chosen = outputs.size() == 1 ? &outputs[0] : nullptr;
  for (const auto& output : outputs) {
    if (chosen == &output || !looks_like_picture(output.second)) continue;
    if (chosen != nullptr) {
      fail(Code::kInvalidArgument,
           "{}: both '{}' and '{}' look like pictures; say which with --fetch", path, chosen->first,
           output.first);
    }
    chosen = &output;
  }
  if (chosen == nullptr || !chosen->second.is_tensor()) {
    fail(Code::kShapeMismatch, "{}: no output looks like a picture; write to .npz or a folder",
         path);
  }
  const Tensor& t = chosen->second.tensor();
  if (asked.layout.empty() && t.rank() >= 3) {
    const bool planar = is_channels(t.dim(t.rank() - 3)), packed = is_channels(t.dims().back());
    if (planar != packed) picture.layout = planar ? PictureLayout::kNchw : PictureLayout::kNhwc;
  }
  const bool plain = t.dtype() == DType::kUInt8;
  if (!plain && t.rank() >= 2 && t.rank() <= 4) {
    const size_t back = picture.layout == PictureLayout::kNchw ? 3 : 1;
    const int64_t channels = t.rank() == 2 ? 1 : t.dim(t.rank() - back);
    asked.check_channels(channels,
                         fmt::format("{}: output '{}' ({})", path, chosen->first, t.describe()));
  }
  std::vector<std::string> details;
  check(write_picture(path, t, picture, &details).with_context("output '" + chosen->first + "'"));
  notes.push_back(fmt::format(
      "wrote {}: output '{}' {}, {}, {}, {}{}, {}", path, chosen->first, t.describe(),
      picture.layout == PictureLayout::kNchw ? "nchw" : "nhwc",
      picture.order == PictureOrder::kRgb ? "rgb" : "bgr",
      plain                                  ? "samples 0-255"
      : picture.range == PictureRange::kUnit ? "range 0-1"
                                             : "range 0-255",
      plain ? "" : asked.normalisation(),
      picture.rounding == PictureRounding::kNearest ? "rounded to nearest" : "rounded down"));
  for (const std::string& d : details) notes.push_back("  " + d);
}

}  // namespace

Json summarize(const std::string& name, const Value& value) {
  Json j = {{"name", name}, {"type", value.describe()}};
  if (!value.is_tensor()) return j;
  Range r;
  if (!range_of(value.tensor(), r) || r.count == 0) return j;
  if (r.nans < r.count) {
    j["min"] = number(r.low);
    j["max"] = number(r.high);
    j["mean"] = std::isnan(r.sum) ? Json() : number(r.sum / static_cast<double>(r.count - r.nans));
  }
  if (r.nans > 0) j["nan"] = r.nans;
  if (r.infinities > 0) j["infinite"] = r.infinities;
  return j;
}

std::string summary_text(const Json& summary) {
  std::string text = fmt::format("output '{}': {}", summary["name"].get<std::string>(),
                                 summary["type"].get<std::string>());
  for (const char* key : {"min", "max", "mean"}) {
    if (!summary.contains(key)) continue;
    const Json& v = summary[key];
    text += v.is_number()
                ? fmt::format(", {} {:.6g}", key, v.get<double>())
                : fmt::format(", {} {}", key, v.is_null() ? "none" : v.get<std::string>());
  }
  if (summary.contains("nan")) text += fmt::format(", {} NaN", summary["nan"].get<int64_t>());
  if (summary.contains("infinite")) {
    text += fmt::format(", {} infinite", summary["infinite"].get<int64_t>());
  }
  return text;
}

void write_outputs(const std::string& path, const OrderedValues& outputs,
                   const PictureOptions& picture, const InputOptions& asked,
                   std::vector<std::string>& notes) {
  if (is_picture_path(path)) {
    return write_output_picture(path, outputs, picture, asked, notes);
  }
  NamedTensors tensors;
  for (const auto& [name, value] : outputs) flatten(name, value, tensors);
  const std::string extension = fs::path(path).extension().string();
  if (extension == ".npz") {
    write_npz(path, tensors, notes);
    notes.push_back(fmt::format("wrote {}", path));
    return;
  }
  const auto write_one = [&](const std::string& file, const auto& tensor) {
    std::string note;
    write_file(file, to_npy(tensor.second, note));
    notes.push_back(fmt::format("wrote {}{}{}", file, note.empty() ? "" : ": ", note));
  };
  if (extension == ".npy") {
    if (tensors.size() != 1) {
      fail(Code::kInvalidArgument,
           "{}: one .npy holds one tensor, there are {}; write to .npz, or "
           "choose with --fetch",
           path, tensors.size());
    }
    return write_one(path, tensors[0]);
  }
  std::error_code error;
  if (!extension.empty() && !fs::is_directory(path, error)) {
    fail(Code::kInvalidArgument,
         "{}: files of '{}' are not written; wanted a picture, .npz, .npy or a "
         "folder",
         path, extension);
  }
  fs::create_directories(path, error);
  if (error) fail(Code::kIoError, "{}: {}", path, error.message());
  std::set<std::string> used;
  for (const auto& tensor : tensors) {
    const std::string name = file_name(tensor.first);
    std::string unique = name;
    for (int n = 2; !used.insert(unique).second; ++n) unique = fmt::format("{}_{}", name, n);
    write_one((fs::path(path) / (unique + ".npy")).string(), tensor);
  }
}

}  // namespace ferry::cli
