// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>

#include "verb.h"

namespace ferry::cli {
namespace {

int64_t parse_size(const std::string& option, const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    throw CLI::ValidationError(option, "'" + text + "' is no size; wanted an integer of 0 or more");
  }
  return value;
}

const ValueInfo& input_named(const Model& model, const std::string& name) {
  std::string names;
  for (const ValueInfo& v : model.inputs()) {
    if (v.name == name) return v;
    names += (names.empty() ? "'" : ", '") + v.name + "'";
  }
  fail(Code::kInvalidArgument, "the model has no input '{}'; its inputs are {}", name,
       names.empty() ? "none" : names);
}

void bind_symbol(SymbolSizes& sizes, const std::string& symbol, int64_t size,
                 const std::string& who) {
  const auto [it, added] = sizes.emplace(symbol, size);
  if (!added && it->second != size) {
    fail(Code::kShapeMismatch, "{}: dim '{}' is {} here and {} elsewhere", who, symbol, size,
         it->second);
  }
}

int64_t assumed_size(const ValueInfo& v, size_t axis) {
  if (axis == 0) return 1;
  if (v.dims.size() == 4) return 224;
  return 16;
}

}  // namespace

void EngineOptions::add_to(CLI::App& verb, bool with_threads) {
  const char* group = "Engine";
  if (with_threads) {
    verb.add_option("--threads", session.threads, "threads of one run; 0: chosen for the model")
        ->check(CLI::Range(0, 4096))
        ->group(group);
  }
  verb.add_option("--tuning-ms", session.tuning_ms,
                  "milliseconds of the first runs to measure what is fastest; default 200")
      ->check(CLI::Range(0, INT32_MAX))
      ->group(group);
  verb.add_option("--accuracy", accuracy, "fast (default) or exact: no Winograd, no re-association")
      ->check(CLI::IsMember({"fast", "exact"}))
      ->group(group);
  verb.add_option("--prefer", prefer, "speed (default) or memory")
      ->check(CLI::IsMember({"speed", "memory"}))
      ->group(group);
  add_load_to(verb);
  verb.add_option("--max-fold-bytes", max_fold_bytes,
                  "bytes of constants computed at load: 512M; 0: 64 MiB or twice the model")
      ->group(group);
  verb.add_option("--max-fold-bytes-per-value", max_fold_bytes_per_value,
                  "the same for one constant; default 64MiB")
      ->group(group);
  verb.add_option("--isa", session.isa,
                  "scalar, avx2 or avx512; default: as FERRY_ISA says, or the machine's best")
      ->check(CLI::IsMember({"scalar", "avx2", "avx512"}))
      ->group(group);
  verb.add_option("--cache", session.cache,
                  "folder that keeps what was made of a model for the next time; off: none, also "
                  "when FERRY_CACHE names one")
      ->group(group);
  verb.add_option("--cache-limit", cache_limit, "bytes that --cache may hold: 512M; default 8GiB")
      ->group(group);
  verb.add_flag("--verify-cache", session.verify_cache, "check the weights in the cache too")
      ->group(group);
  verb.add_option("--passes-off", session.passes_off, "passes to leave out (see info --passes)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  verb.add_flag("--no-optimize", no_optimize, "run the model as written")->group(group);
  verb.add_flag("--reference-kernels", session.reference_kernels,
                "only the slow kernels that fast ones are tested against")
      ->group(group);
}

void EngineOptions::add_load_to(CLI::App& verb) {
  const char* group = "Engine";
  verb.add_option("--memory-limit", memory_limit,
                  "bytes of tensors that loading, and the session, may hold: 512M, 2GiB")
      ->group(group);
  verb.add_option("--limit", limits,
                  "a limit on the file: --limit max_nodes=1000,max_file_bytes=2GiB (repeatable; "
                  "docs/limits.md)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
}

SessionOptions EngineOptions::get() const {
  SessionOptions options = session;
  options.optimize = !no_optimize;
  options.accuracy = accuracy == "exact" ? Accuracy::kExact : Accuracy::kFast;
  options.prefer = prefer == "memory" ? Prefer::kMemory : Prefer::kSpeed;
  if (!memory_limit.empty()) {
    options.memory_limit_bytes = parse_bytes("--memory-limit", memory_limit);
  }
  if (!cache_limit.empty()) {
    options.cache_limit_bytes = parse_bytes("--cache-limit", cache_limit);
  }
  if (!max_fold_bytes.empty()) {
    options.max_fold_bytes = parse_bytes("--max-fold-bytes", max_fold_bytes, 0);
  }
  if (!max_fold_bytes_per_value.empty()) {
    options.max_fold_bytes_per_value =
        parse_bytes("--max-fold-bytes-per-value", max_fold_bytes_per_value, 0);
  }
  return options;
}

LoadOptions EngineOptions::get_load() const {
  LoadOptions options;
  if (!memory_limit.empty()) {
    options.memory_limit_bytes = parse_bytes("--memory-limit", memory_limit);
  }
  for (const std::string& text : limits) {
    const auto [name, value] = split_assignment("--limit", text);
    const uint64_t number = name.ends_with("_bytes")
                                ? parse_bytes("--limit", value, 0)
                                : static_cast<uint64_t>(parse_size("--limit", value));
    const Status status = set_limit(options.limits, name, number);
    if (!status.ok()) throw CLI::ValidationError("--limit", status.message());
  }
  return options;
}

void ShapeOptions::add_to(CLI::App& verb) {
  verb.add_option("--dim", dims, "size of a named dim: --dim N=1 (repeatable)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group("Sizes");
  verb.add_option("--shape", shapes, "shape of an input: --shape input=1x3x224x224 (repeatable)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group("Sizes");
}

std::pair<std::string, std::string> split_assignment(const std::string& option,
                                                     const std::string& text) {
  // The last '=' that leaves something on both sides: names of values may hold '='.
  const size_t at = text.rfind('=');
  if (at == std::string::npos || at == 0 || at + 1 == text.size()) {
    throw CLI::ValidationError(option, "'" + text + "' is not name=value");
  }
  return {text.substr(0, at), text.substr(at + 1)};
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == at)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

uint64_t parse_bytes(const std::string& option, const std::string& text, uint64_t least) {
  uint64_t whole = 0;
  const auto [stop, wrong] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (wrong == std::errc() && stop == text.data() + text.size() && whole >= least) return whole;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string unit(end, text.data() + text.size());
  constexpr double kUnlimited = 1.8e19;
  static const std::map<std::string, double> units = {
      {"", 1},     {"B", 1},        {"k", 1e3},         {"kB", 1e3},
      {"K", 1e3},  {"M", 1e6},      {"MB", 1e6},        {"G", 1e9},
      {"GB", 1e9}, {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}};
  const auto it = units.find(unit);
  if (error != std::errc() || it == units.end() || !(value > 0) ||
      value * it->second > kUnlimited || value * it->second < 1) {
    throw CLI::ValidationError(option, "'" + text + "' is no size; wanted 512M, 2GiB or the like");
  }
  return static_cast<uint64_t>(value * it->second);
}

std::string check_whole_number(const std::string& text) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && at == end) return {};
  return "'" + text + "' is no whole number from 0 to 2^64 - 1";
}

std::string check_seconds(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && at == end && value >= 0 && value <= 3600) return {};
  return "'" + text + "' is no number of seconds from 0 to 3600";
}

std::string check_not_empty(const std::string& text) { return text.empty() ? "is empty" : ""; }

void allow_only(const CLI::App& verb, const std::string& flag,
                std::initializer_list<std::string_view> allowed, const std::string& why) {
  for (const CLI::Option* option : verb.get_options()) {
    const std::string name = option->get_name();
    if (option->count() == 0 || name == flag) continue;
    if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) continue;
    throw CLI::ValidationError(flag, fmt::format("{}; leave out {}", why, name));
  }
}

SymbolSizes given_sizes(const Model& model, const ShapeOptions& options) {
  SymbolSizes sizes;
  const std::vector<std::string> symbols = input_symbols(model);
  for (const std::string& text : options.dims) {
    const auto [name, size] = split_assignment("--dim", text);
    if (std::find(symbols.begin(), symbols.end(), name) == symbols.end()) {
      std::string known;
      for (const std::string& s : symbols) known += (known.empty() ? "'" : ", '") + s + "'";
      fail(Code::kInvalidArgument, "the model's inputs have no dim '{}'; they have {}", name,
           known.empty() ? "fixed shapes" : known);
    }
    bind_symbol(sizes, name, parse_size("--dim", size), "--dim " + text);
  }
  for (const std::string& text : options.shapes) {
    const auto [name, shape] = split_assignment("--shape", text);
    const ValueInfo& input = input_named(model, name);
    std::vector<std::string> parts = split(shape, 'x');
    if (shape == "[]") parts.clear();
    if (input.has_rank && parts.size() != input.dims.size()) {
      fail(Code::kShapeMismatch, "--shape {}: {} dims, but '{}' is {}", text, parts.size(), name,
           input.type);
    }
    for (size_t i = 0; i < parts.size() && input.has_rank; ++i) {
      const int64_t size = parse_size("--shape", parts[i]);
      const DimInfo& dim = input.dims[i];
      if (dim.size >= 0 && dim.size != size) {
        fail(Code::kShapeMismatch, "--shape {}: dim {} is {}, but '{}' is {}", text, i, size, name,
             input.type);
      }
      if (dim.size < 0) bind_symbol(sizes, dim.symbol, size, "--shape " + text);
    }
  }
  return sizes;
}

SymbolSizes all_sizes(const Model& model, const ShapeOptions& options,
                      std::vector<std::string>& assumed) {
  SymbolSizes sizes = given_sizes(model, options);
  for (const ValueInfo& v : model.inputs()) {
    for (size_t i = 0; i < v.dims.size(); ++i) {
      const DimInfo& dim = v.dims[i];
      if (dim.size >= 0 || sizes.contains(dim.symbol)) continue;
      sizes[dim.symbol] = assumed_size(v, i);
      assumed.push_back(fmt::format("{}={}", dim.symbol, sizes[dim.symbol]));
    }
  }
  return sizes;
}

Dims dims_at(const ValueInfo& input, const SymbolSizes& sizes) {
  if (!input.has_rank) {
    fail(Code::kInvalidArgument, "input '{}' ({}) has no rank; give it with --input", input.name,
         input.type);
  }
  Dims dims;
  for (const DimInfo& d : input.dims) dims.push_back(d.size >= 0 ? d.size : sizes.at(d.symbol));
  return dims;
}

std::string value_text(const ValueInfo& value) {
  return fmt::format("{}  {}{}", value.name, value.type, value.optional ? "  (has a default)" : "");
}

}  // namespace ferry::cli
