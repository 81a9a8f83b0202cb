// SPDX-License-Identifier: Apache-2.0
#include "runtime/program_cache.h"

#include <link.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "base/blake2b.h"
#include "base/status.h"
#include "plan/byte_stream.h"
#include "plan/graph_codec.h"

namespace ferry {
namespace {

constexpr uint64_t kDefaultLimit = uint64_t{8} << 30;
constexpr std::string_view kEnding = ".ferryprogram";
// Constants from this size on are told apart by the state of their file, if that is larger than
// kSmallFile: reading them would cost more than all the rest of loading.
constexpr size_t kLargeConstant = size_t{1} << 10;
constexpr uint64_t kSmallFile = uint64_t{4} << 20;
// A file that is younger may change again without a change of its time of modification.
constexpr std::chrono::seconds kClockStep{2};

// The build id that the linker gave to what holds this function: another build may pack otherwise.
int find_build_id(dl_phdr_info* info, size_t, void* result) {
  const auto here = reinterpret_cast<uintptr_t>(&find_build_id);
  bool mine = false;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& p = info->dlpi_phdr[i];
    const uintptr_t begin = info->dlpi_addr + p.p_vaddr;
    mine = mine || (p.p_type == PT_LOAD && here >= begin && here < begin + p.p_memsz);
  }
  if (!mine) return 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& p = info->dlpi_phdr[i];
    if (p.p_type != PT_NOTE) continue;
    const auto* note = reinterpret_cast<const char*>(info->dlpi_addr + p.p_vaddr);  // NOLINT
    const char* end = note + p.p_memsz;
    while (end - note >= static_cast<ptrdiff_t>(sizeof(ElfW(Nhdr)))) {
      ElfW(Nhdr) head;
      std::memcpy(&head, note, sizeof(head));
      const char* name = note + sizeof(head);
      const char* content = name + (head.n_namesz + 3u) / 4 * 4;
      const char* next = content + (head.n_descsz + 3u) / 4 * 4;
      if (next > end) break;
      if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == 4 &&
          std::memcmp(name, "GNU", 4) == 0) {
        static_cast<std::string*>(result)->assign(content, head.n_descsz);
        return 1;
      }
      note = next;
    }
  }
  return 1;
}

const std::string& build_id() {
  static const std::string id = [] {
    std::string found;
    dl_iterate_phdr(find_build_id, &found);
    return found;
  }();
  return id;
}

bool is_settled(const FileIdentity& file) {
  using std::chrono::duration_cast;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto age = duration_cast<std::chrono::nanoseconds>(now).count() - file.modified_ns;
  return age > std::chrono::nanoseconds(kClockStep).count();
}

// The graph, with the places of large constants of large files, and all else by content.
Digest digest_of(const Graph& source) {
  Blake2b contents;
  const std::vector<std::byte> graph =
      encode_graph(source, [&](const Graph& g, ValueId v) -> ConstantPlace {
        const Tensor& t = *g.value(v).constant;
        if (t.dtype() == DType::kString || t.size_bytes() < kLargeConstant) return std::nullopt;
        const auto place = find_file_place(t.raw(), t.size_bytes());
        if (place && place->file.size_bytes > kSmallFile && is_settled(place->file)) {
          return std::vector<uint64_t>{place->file.inode, place->file.size_bytes,
                                       static_cast<uint64_t>(place->file.modified_ns),
                                       place->offset};
        }
        contents.update({static_cast<const std::byte*>(t.raw()), t.size_bytes()});
        return std::vector<uint64_t>();
      });
  const Digest large = contents.finish();
  Blake2b all;
  all.update(graph);
  all.update(std::as_bytes(std::span(large)));
  return all.finish();
}

// Everything that the program depends on.
std::string make_key(const Graph& source, const SessionOptions& o, const PlanOptions& plan) {
  ByteWriter key;
  key.text(build_id());
  key.text(isa_name(plan.isa));
  key.number(static_cast<uint64_t>(plan.threads));  // what runs in strips depends on it
  key.number(static_cast<uint8_t>(o.accuracy));
  key.number(static_cast<uint8_t>(o.prefer));
  key.number(static_cast<uint8_t>(o.optimize));
  key.number(static_cast<uint8_t>(o.reference_kernels));
  key.number(o.max_fold_bytes_per_value);
  key.number(o.max_fold_bytes);
  std::vector<std::string> off = o.passes_off;
  if (const char* more = std::getenv("FERRY_PASSES_OFF")) off.push_back(more);
  key.list(off, [&](const std::string& name) { key.text(name); });
  const Digest graph = digest_of(source);
  key.raw(graph.data(), graph.size());
  const auto bytes = key.bytes();
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::string folder_of(const SessionOptions& options) {
  std::string folder = options.cache;
  if (folder.empty()) {
    if (const char* env = std::getenv("FERRY_CACHE")) folder = env;
  }
  return folder == "off" ? std::string() : folder;
}

// The program takes and gives what the model does.
Status check_interface(const Graph& source, const Graph& program) {
  const auto differ = [&](const std::vector<ValueId>& a, const std::vector<ValueId>& b, auto same) {
    return !std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](ValueId x, ValueId y) {
      return same(source.value(x), program.value(y));
    });
  };
  const auto same_input = [](const GraphValue& a, const GraphValue& b) {
    return a.name == b.name && a.type == b.type && a.overridable == b.overridable;
  };
  if (differ(source.inputs(), program.inputs(), same_input)) {
    return invalid_model("its inputs are not the model's");
  }
  if (source.output_names() != program.output_names()) {
    return invalid_model("its outputs are not the model's");
  }
  return {};
}

}  // namespace

std::unique_ptr<ProgramCache> ProgramCache::open(const SessionOptions& options) {
  const std::string path = folder_of(options);
  if (path.empty()) return nullptr;
  std::unique_ptr<ProgramCache> cache(new ProgramCache(options));
  cache->report_.state = "unused";
  auto folder = CacheFolder::open(path);
  if (!folder.ok())
    cache->report_.reason = folder.status().message();
  else if (build_id().empty())
    cache->report_.reason = "this build has no build id (link it with --build-id)";
  else
    cache->folder_ = *std::move(folder);
  return cache;
}

std::unique_ptr<LoadedProgram> ProgramCache::find(const Graph& source, const PlanOptions& plan,
                                                  MemoryBudget* budget) {
  if (!folder_) return nullptr;
  key_ = make_key(source, options_, plan);
  name_ = hex(blake2b(std::as_bytes(std::span(key_)))).substr(0, 32) + std::string(kEnding);
  report_.file = folder_->path_of(name_);
  auto file = folder_->find(name_);
  if (!file.ok()) {
    report_.reason = file.status().message();
    return nullptr;
  }
  if (!*file) {
    report_.reason = "no program of this model and these options is there";
    return nullptr;
  }
  found_ = true;
  const std::span<const std::byte> bytes = (*file)->bytes();
  auto loaded = read_program(bytes, std::static_pointer_cast<void>(*file), key_,
                             options_.verify_cache, budget);
  Status status = loaded.ok() ? check_interface(source, *loaded->graph) : loaded.status();
  if (!status.ok()) {
    report_.reason = status.message();
    return nullptr;
  }
  report_.state = "hit";
  report_.bytes = bytes.size();
  return std::make_unique<LoadedProgram>(*std::move(loaded));
}

void ProgramCache::reject(const Status& why) {
  report_.state = "unused";
  report_.reason = why.message();
  report_.bytes = 0;
}

void ProgramCache::describe(const Graph& graph, const Program& program, const PanelStore& panels) {
  if (!folder_) return;
  image_ = std::make_unique<ProgramImage>(ProgramImage::describe(graph, program, panels, key_));
}

void ProgramCache::write() {
  const std::unique_ptr<ProgramImage> image = std::move(image_);
  if (!image) return;
  const uint64_t limit =
      options_.cache_limit_bytes == 0 ? kDefaultLimit : options_.cache_limit_bytes;
  if (image->size_bytes() > limit) {
    report_.reason = fmt::format("the program takes about {} bytes, cache_limit_bytes is {}",
                                 image->size_bytes(), limit);
    return;
  }
  uint64_t bytes = 0;
  const Status status = folder_->put(name_, limit, [&](const CacheFolder::Append& append) {
    return image->write([&](std::span<const std::byte> part) {
      bytes += part.size();
      return append(part);
    });
  });
  if (!status.ok()) {
    report_.reason = status.message();
    return;
  }
  report_.state = found_ ? "rebuilt" : "written";
  report_.bytes = bytes;
}

}  // namespace ferry
