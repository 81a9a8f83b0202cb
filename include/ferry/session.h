// SPDX-License-Identifier: Apache-2.0
// Session: a model made ready for this machine, and run.
//
//   auto session = ferry::Session::create(*model, {.threads = 2});
//   auto outputs = session->run({{"image", pixels}});   // outputs["scores"].tensor()
//
// Threads: a Session may be run from several threads at once; each run uses its own memory. Copies
// are the same session; one that was moved from may only be assigned to or destroyed.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ferry/inspect.h"
#include "ferry/model.h"
#include "ferry/status.h"
#include "ferry/tensor.h"

namespace ferry {

enum class Accuracy : int {
  kFast = 0,   // Winograd in fp32 and re-association allowed; subnormals count as zero
  kExact = 1,  // neither
};

enum class Prefer : int {
  kSpeed = 0,
  // Fewer resident bytes before speed: no weights in a transformed form that is larger than the
  // plain one (3x3 convolutions run directly, not by Winograd), parts of a Concat are computed in
  // place only where that does not enlarge the arena, and between runs only one arena is kept and
  // no buffers. Results are within rounding of the other's; those of Accuracy::kExact are the same
  // bits.
  kMemory = 1,
};

struct SessionOptions {
  // Threads that one run may use, the caller included; 0: chosen for the model and the sizes of its
  // inputs, at most all CPUs of the affinity mask and the cgroup's quota (report().threads and
  // threads_reason tell). Results do not depend on it.
  int threads = 0;
  Accuracy accuracy = Accuracy::kFast;
  Prefer prefer = Prefer::kSpeed;
  // Bytes of tensors (weights, arenas, outputs) that this session may hold; 0: 80 % of the
  // machine's or the cgroup's memory.
  uint64_t memory_limit_bytes = 0;
  // Constant folding: bytes of one folded value, and of all that are kept; 0 for the latter: 64 MiB
  // or twice the model and its external data, whichever is more. What would exceed them is computed
  // at run time instead.
  uint64_t max_fold_bytes_per_value = uint64_t{64} << 20;
  uint64_t max_fold_bytes = 0;
  // Rewrites before planning; false runs the model as written.
  bool optimize = true;
  // Names of passes to leave out (`ferry info --passes` lists them).
  std::vector<std::string> passes_off = {};
  // Only reference kernels: slow, the oracle of the fast ones.
  bool reference_kernels = false;
  // "scalar", "avx2" or "avx512"; empty: as the environment's FERRY_ISA says, else the best of this
  // machine. More than FERRY_ISA names is an error, as is a level that the machine lacks.
  std::string isa = {};
  // Milliseconds of the first runs that may be spent on finding out what is fastest here, and as
  // many on moving weights to huge pages that loading did not get at once: such runs may take
  // longer than later ones. 0: a cost model decides alone, and nothing moves. Never changes a
  // result.
  int tuning_ms = 200;
  // Folder of the program cache: what a session makes of a model is kept there and mapped by the
  // next one, in any process (docs/program_cache.md). Empty: as the environment's FERRY_CACHE says,
  // else none; "off": none. The folder is made when it is missing, for its owner alone.
  std::string cache = {};
  // Bytes that the folder may hold; the programs not used for longest go first. 0: 8 GiB.
  uint64_t cache_limit_bytes = 0;
  // Reads all of a cached program before it is used, and makes it anew when a bit has changed.
  // Otherwise this is checked of everything but the weights.
  bool verify_cache = false;
};

struct RunOptions {
  // Set from another thread to stop the run: it returns kCancelled. Borrowed for the call.
  const std::atomic<bool>* cancel = nullptr;
  // Longest time the run may take; zero: no limit. Past it the run returns kDeadlineExceeded.
  std::chrono::nanoseconds timeout = std::chrono::nanoseconds::zero();
};

using NamedValues = std::map<std::string, Value>;

// What a session holds and how it was made.
struct SessionReport {
  struct Pass {
    std::string name;
    size_t changes = 0;
    double milliseconds = 0;
  };
  struct Step {
    std::string node;  // source nodes
    std::string op;
    std::string kernel;  // "reference" for the slow path
    std::string tactic;
    std::string why_not;                       // candidates that refused, with reasons
    std::vector<std::string> inputs, outputs;  // types
    double flops = 0;  // when shapes do not depend on the inputs; else see flops_at; 0: not known
    size_t depth = 0;  // 0: the main program; 1: a body of the step before it; ...
  };
  std::vector<Pass> passes;
  std::vector<Step> steps;
  std::string memory_formula;                   // bytes of the arena over the input's symbols
  uint64_t packed_bytes = 0;                    // weights in the kernels' form
  uint64_t source_bytes = 0;                    // the constants that they were packed from
  uint64_t arena_bytes = 0, scratch_bytes = 0;  // of the last run; scratch: of all threads
  uint64_t used_bytes = 0, peak_bytes = 0;      // of tensors, now and at most so far
  int threads = 1;                              // that the next run may use
  std::string threads_reason;  // why so many: "measured: 1 thread 12.0 us, 2 threads 8.1 us"
  std::string isa;
  double load_milliseconds = 0;
  // What the program cache did: "off"; "hit": the program is mapped from there; "written": it was
  // not there, and is now; "rebuilt": it was there and of no use, and was written again; "unused":
  // it could be neither read nor written.
  std::string cache = "off";
  std::string cache_file;    // its path; empty where there is none
  std::string cache_reason;  // why not a hit, or why not written
  uint64_t cache_bytes = 0;  // of the file
};

class FERRY_API Session {
 public:
  // Optimises, plans and packs. Errors: kInvalidArgument (an option), kOutOfMemory, kUnsupportedOp.
  static Result<Session> create(const Model& model, const SessionOptions& options = {});

  const std::vector<ValueInfo>& inputs() const;
  const std::vector<ValueInfo>& outputs() const;

  // Runs the model once with inputs by name; outputs by name.
  //
  // Inputs are borrowed for the call; those with a default may be left out. Dims with a name bind
  // on first use and must agree across inputs.
  //
  // Errors: kInvalidArgument   a name the model lacks, a missing input, a wrong element type
  //         kShapeMismatch     dims contradict the model or each other
  //         kOutOfMemory, kCancelled, kDeadlineExceeded
  Result<NamedValues> run(const NamedValues& inputs, const RunOptions& options = {}) const;

  // The same for chosen outputs; any internal value may be asked for by its name. Only what they
  // need is computed. The first call for a set of names plans it.
  Result<NamedValues> run(const NamedValues& inputs, const std::vector<std::string>& outputs,
                          const RunOptions& options = {}) const;

  // The same in model order, into `outputs`: a tensor there of the right type and dims (borrowed
  // memory too) is written in place, anything else is replaced. Once warm, fast kernels allocate
  // nothing; reference kernels, bodies of loops and sizes that depend on data may.
  Status run(std::span<const Value> inputs, std::vector<Value>& outputs,
             const RunOptions& options = {}) const;

  SessionReport report() const;

  // The value of report().memory_formula, in bytes, when the inputs' named dims have these sizes.
  // Errors: kInvalidArgument  a size is missing, or a name is not known
  //         kShapeMismatch    sizes that the model cannot take
  Result<uint64_t> arena_bytes_at(const SymbolSizes& symbols) const;
  // Floating-point operations per step (see FlopCount), in the order of report().steps. Same
  // errors.
  Result<std::vector<double>> flops_at(const SymbolSizes& symbols) const;

  // Bytes that each step reads and writes at least, packed weights included, in the order of
  // report().steps; 0 for views and where a shape depends on data. Same errors.
  Result<std::vector<double>> bytes_at(const SymbolSizes& symbols) const;

  // Seconds per step over one run, in the order of report().steps; a body's steps all its turns.
  Result<std::vector<double>> profile(std::span<const Value> inputs) const;

  struct Impl;

 private:
  explicit Session(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace ferry
