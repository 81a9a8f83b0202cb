// SPDX-License-Identifier: Apache-2.0
#include "inputs.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <system_error>

#include "fill.h"
#include "npy.h"
#include "npz.h"

namespace ferry::cli {
namespace {

std::string names_of(const std::vector<ValueInfo>& values) {
  std::string text;
  for (const ValueInfo& v : values) text += (text.empty() ? "'" : ", '") + v.name + "'";
  return text.empty() ? "none" : text;
}

size_t input_index(const Model& model, const std::string& name) {
  const auto& inputs = model.inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].name == name) return i;
  }
  fail(Code::kInvalidArgument, "the model has no input '{}'; its inputs are {}", name,
       names_of(inputs));
}

// The input that a file without a name is for.
std::string only_input(const Model& model, const std::string& path) {
  std::vector<std::string> needed;
  for (const ValueInfo& v : model.inputs()) {
    if (!v.optional) needed.push_back(v.name);
  }
  if (needed.size() != 1) {
    fail(Code::kInvalidArgument, "{}: for which input? Write --input name={}; the inputs are {}",
         path, path, names_of(model.inputs()));
  }
  return needed[0];
}

void set_input(Inputs& inputs, const std::string& name, Value value, const std::string& option,
               const std::string& path) {
  if (!inputs.values.emplace(name, std::move(value)).second) {
    throw CLI::ValidationError(option, path + ": input '" + name + "' is given twice");
  }
}

void add_npz(const Model& model, const std::string& name, const std::string& path, Inputs& inputs) {
  NamedTensors arrays = read_npz(path);
  if (arrays.empty()) fail(Code::kInvalidArgument, "{}: holds no arrays", path);
  if (name.empty()) {
    for (auto& [key, tensor] : arrays) {
      input_index(model, key);
      set_input(inputs, key, std::move(tensor), "--input", path);
    }
    return;
  }
  input_index(model, name);
  if (arrays.size() == 1) {
    return set_input(inputs, name, std::move(arrays[0].second), "--input", path);
  }
  for (auto& [key, tensor] : arrays) {
    if (key == name) return set_input(inputs, name, std::move(tensor), "--input", path);
  }
  fail(Code::kInvalidArgument, "{}: holds {} arrays, none named '{}'", path, arrays.size(), name);
}

void add_file(const Model& model, const std::string& text, Inputs& inputs) {
  // A file may hold '=' in its name: what exists as it stands is a file.
  std::string name, path = text;
  std::error_code ignored;
  if (!std::filesystem::exists(text, ignored) && text.find('=') != std::string::npos) {
    std::tie(name, path) = split_assignment("--input", text);
  }
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension == ".npz") return add_npz(model, name, path, inputs);
  if (extension != ".npy" && extension != ".pb") {
    throw CLI::ValidationError("--input",
                               path + ": wanted a .npy, .npz or .pb file" +
                                   (is_picture_path(path) ? "; pictures go to --image" : ""));
  }
  if (name.empty()) name = only_input(model, path);
  const size_t index = input_index(model, name);
  set_input(inputs, name,
            extension == ".pb" ? read_value(model, index, path).value()
                               : Value(parse_npy(read_file(path), path)),
            "--input", path);
}

// The input that takes a picture: the named one, or the only tensor of rank 4 that no file is for.
const ValueInfo& picture_input(const Model& model, const InputOptions& options,
                               const NamedValues& given) {
  if (!options.image_input.empty()) {
    return model.inputs()[input_index(model, options.image_input)];
  }
  const ValueInfo *found = nullptr, *taken = nullptr;
  for (const ValueInfo& v : model.inputs()) {
    const bool fits = v.is_tensor && v.has_rank && v.dims.size() == 4 && !v.optional &&
                      (v.dtype == DType::kFloat32 || v.dtype == DType::kUInt8);
    if (fits && given.contains(v.name)) {
      taken = &v;
      continue;
    }
    if (fits && found != nullptr) {
      fail(Code::kInvalidArgument,
           "--image: both '{}' and '{}' could take a picture; say which with "
           "--image-input",
           found->name, v.name);
    }
    if (fits) found = &v;
  }
  if (found == nullptr && taken != nullptr) return *taken;
  if (found == nullptr) {
    fail(Code::kInvalidArgument,
         "--image: no input takes a picture, wanted f32 or u8 of 4 dims; "
         "the inputs are {}",
         names_of(model.inputs()));
  }
  return *found;
}

bool is_channels(const DimInfo& d) { return d.size == 1 || d.size == 3 || d.size == 4; }

void choose_layout(const ValueInfo& input, const InputOptions& options, PictureOptions& picture) {
  const bool nchw = is_channels(input.dims[1]), nhwc = is_channels(input.dims[3]);
  if (options.layout.empty() && nhwc && !nchw) picture.layout = PictureLayout::kNhwc;
  const DimInfo& channels = input.dims[picture.layout == PictureLayout::kNchw ? 1 : 3];
  if (channels.size >= 0 && !is_channels(channels)) {
    fail(Code::kShapeMismatch,
         "--image: input '{}' ({}) takes {} channels as {}, a picture has 1, 3 "
         "or 4",
         input.name, input.type, channels.size,
         picture.layout == PictureLayout::kNchw ? "nchw" : "nhwc");
  }
  if (channels.size >= 0) picture.channels = static_cast<int>(channels.size);
}

void add_picture(const Model& model, const InputOptions& options, Inputs& inputs) {
  const ValueInfo& input = picture_input(model, options, inputs.values);
  if (!input.has_rank || input.dims.size() != 4) {
    fail(Code::kShapeMismatch, "--image: input '{}' ({}) takes no picture", input.name, input.type);
  }
  PictureOptions& p = inputs.picture;
  choose_layout(input, options, p);
  p.dtype = input.dtype;
  options.check_channels(p.channels,
                         fmt::format("--image: input '{}' ({})", input.name, input.type));
  const Picture picture = read_picture(options.image, p).value();
  const bool plain = p.dtype == DType::kUInt8;
  inputs.notes.push_back(fmt::format("input '{}': {} ({}, {}x{}) as {}, {}, {}, {}{}", input.name,
                                     options.image, picture.format, picture.width, picture.height,
                                     picture.tensor.describe(),
                                     p.layout == PictureLayout::kNchw ? "nchw" : "nhwc",
                                     p.channels == 1                 ? "grey"
                                     : p.order == PictureOrder::kRgb ? "rgb"
                                                                     : "bgr",
                                     plain                            ? "samples 0-255"
                                     : p.range == PictureRange::kUnit ? "range 0-1"
                                                                      : "range 0-255",
                                     options.normalisation()));
  for (const std::string& note : picture.notes) inputs.notes.push_back("  " + note);
  set_input(inputs, input.name, picture.tensor, "--image", options.image);
}

// Sizes that given tensors bind, so that random ones fit them.
void bind_given(const Model& model, const NamedValues& given, SymbolSizes& sizes) {
  for (const ValueInfo& v : model.inputs()) {
    const auto it = given.find(v.name);
    if (it == given.end() || !it->second.is_tensor() || !v.has_rank) continue;
    const Tensor& t = it->second.tensor();
    for (size_t i = 0; i < v.dims.size() && t.rank() == v.dims.size(); ++i) {
      if (v.dims[i].size < 0) sizes[v.dims[i].symbol] = t.dim(i);
    }
  }
}

// What --dim and --shape say of inputs that are given must be so.
void check_given(const Model& model, const NamedValues& given, const ShapeOptions& options) {
  const SymbolSizes asked = given_sizes(model, options);
  for (const auto& [name, value] : given) {
    const SymbolSizes bound = bound_sizes(model, {{name, value}});
    for (const auto& [symbol, size] : bound) {
      const auto it = asked.find(symbol);
      if (it == asked.end() || it->second == size) continue;
      fail(Code::kShapeMismatch,
           "input '{}' is {}: '{}' is {}, but --dim or --shape says {}; leave that out, or give "
           "another file",
           name, value.describe(), symbol, size, it->second);
    }
  }
}

void add_random(const Model& model, const InputOptions& options, Inputs& inputs) {
  std::vector<std::string> assumed;
  SymbolSizes sizes = all_sizes(model, options.shapes, assumed);
  bind_given(model, inputs.values, sizes);
  uint64_t seed = options.seed;
  bool any = false;
  for (const ValueInfo& v : model.inputs()) {
    if (v.optional || inputs.values.contains(v.name)) continue;
    if (!v.is_tensor) {
      fail(Code::kInvalidArgument, "input '{}' ({}) is missing; give it with --input", v.name,
           v.type);
    }
    Tensor t = random_tensor(v.dtype, dims_at(v, sizes), seed++);
    inputs.notes.push_back(
        fmt::format("input '{}': random {}, seed {}", v.name, t.describe(), options.seed));
    inputs.values[v.name] = std::move(t);
    any = true;
  }
  if (!any || assumed.empty()) return;
  std::string text;
  for (const std::string& a : assumed) text += (text.empty() ? "" : ", ") + a;
  if (options.random_only()) {
    inputs.notes.push_back("assumed " + text + " (set with --dim or --shape)");
  }
}

}  // namespace

void InputOptions::add_to(CLI::App& verb) {
  verb.add_option("-i,--input", files,
                  "name=FILE (.npy, .npz, .pb), or FILE for a single input; a .npz without a name "
                  "gives all its arrays (repeatable)")
      ->allow_extra_args(false)
      ->group("Inputs");
  CLI::Option* picture_file =
      verb.add_option("--image", image, "picture file (PNG, JPEG, WebP, TIFF, JPEG 2000, BMP, PNM)")
          ->check(check_not_empty)
          ->group("Inputs");
  verb.add_option("--image-input", image_input, "the input that takes the picture")
      ->needs(picture_file)
      ->group("Inputs");
  verb.add_option("--layout", layout, "nchw or nhwc; default: what the model's input looks like")
      ->check(CLI::IsMember({"nchw", "nhwc"}))
      ->group("Pictures");
  verb.add_option("--order", order, "rgb (default) or bgr")
      ->check(CLI::IsMember({"rgb", "bgr"}))
      ->group("Pictures");
  verb.add_option("--range", range, "0-1 (default) or 0-255: numbers of black and white")
      ->check(CLI::IsMember({"0-1", "0-255"}))
      ->group("Pictures");
  verb.add_option("--mean", mean,
                  "subtracted per channel, in units of the range: 0.485,0.456,0.406")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group("Pictures");
  verb.add_option("--std", std, "divided by per channel, after --mean")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group("Pictures");
  verb.add_option("--rounding", rounding, "nearest (default) or down, when a picture is written")
      ->check(CLI::IsMember({"nearest", "down"}))
      ->group("Pictures");
  verb.add_option("--seed", seed, "of the random numbers for inputs not given; default 0")
      ->check(check_whole_number)
      ->group("Inputs");
  shapes.add_to(verb);
}

PictureOptions InputOptions::picture() const {
  PictureOptions p;
  p.layout = layout == "nhwc" ? PictureLayout::kNhwc : PictureLayout::kNchw;
  p.order = order == "bgr" ? PictureOrder::kBgr : PictureOrder::kRgb;
  p.range = range == "0-255" ? PictureRange::k255 : PictureRange::kUnit;
  p.rounding = rounding == "down" ? PictureRounding::kDown : PictureRounding::kNearest;
  // One number stands for all channels.
  for (size_t i = 0; i < 4; ++i) {
    if (!mean.empty()) p.mean[i] = mean.size() == 1 ? mean[0] : i < mean.size() ? mean[i] : 0;
    if (!std.empty()) p.std[i] = std.size() == 1 ? std[0] : i < std.size() ? std[i] : 1;
  }
  return p;
}

void InputOptions::refuse_unused(bool writes_picture) const {
  const std::pair<const char*, bool> given[] = {{"--layout", !layout.empty()},
                                                {"--order", order != "rgb"},
                                                {"--range", range != "0-1"},
                                                {"--mean", !mean.empty()},
                                                {"--std", !std.empty()}};
  if (rounding != "nearest" && !writes_picture) {
    throw CLI::ValidationError("--rounding", "no picture is written");
  }
  if (writes_picture || !image.empty()) return;
  for (const auto& [name, is_given] : given) {
    if (is_given) {
      throw CLI::ValidationError(name, "is for pictures, and there is none; give one with --image");
    }
  }
}

void InputOptions::check_channels(int64_t channels, const std::string& who) const {
  for (const auto& [name, numbers] : {std::pair("--mean", &mean), std::pair("--std", &std)}) {
    const size_t count = numbers->size();
    if (count <= 1 || count == static_cast<size_t>(channels)) continue;
    fail(Code::kInvalidArgument, "{} has {} channel{}, {} gives {} numbers; wanted {}", who,
         channels, channels == 1 ? "" : "s", name, count,
         channels == 1 ? "one" : fmt::format("one, or {}", channels));
  }
}

std::string InputOptions::normalisation() const {
  std::string text;
  for (const auto& [name, numbers] : {std::pair("mean", &mean), std::pair("std", &std)}) {
    for (size_t i = 0; i < numbers->size(); ++i) {
      text += i == 0 ? fmt::format(", {} ", name) : ",";
      text += fmt::format("{}", (*numbers)[i]);
    }
  }
  return text;
}

Inputs load_inputs(const Model& model, const InputOptions& options) {
  Inputs inputs;
  inputs.picture = options.picture();
  for (const std::string& file : options.files) add_file(model, file, inputs);
  for (const auto& [name, value] : inputs.values) {
    inputs.notes.push_back(fmt::format("input '{}': {}", name, value.describe()));
  }
  if (!options.image.empty()) add_picture(model, options, inputs);
  check_given(model, inputs.values, options.shapes);
  add_random(model, options, inputs);
  return inputs;
}

std::vector<Value> in_order(const Session& session, const NamedValues& named) {
  std::vector<Value> values;
  for (const ValueInfo& v : session.inputs()) {
    const auto it = named.find(v.name);
    values.push_back(it == named.end() ? Value() : it->second);
  }
  return values;
}

SymbolSizes bound_sizes(const Model& model, const NamedValues& named) {
  SymbolSizes sizes;
  bind_given(model, named, sizes);
  return sizes;
}

}  // namespace ferry::cli
