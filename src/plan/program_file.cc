// SPDX-License-Identifier: Apache-2.0
#include "plan/program_file.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>
#include <unordered_set>

#include "base/allocator.h"
#include "base/blake2b.h"
#include "base/status.h"
#include "ir/infer.h"
#include "ir/verify.h"
#include "plan/byte_stream.h"
#include "plan/graph_codec.h"

namespace ferry {
namespace {

constexpr char kMagic[8] = {'F', 'E', 'R', 'R', 'Y', 'P', 'R', 'G'};
constexpr uint32_t kVersion = 1;
// Magic, version, zero, bytes of the file, bytes of the table, digest of the table and all before.
constexpr size_t kHeadBytes = 8 + 4 + 4 + 8 + 8 + sizeof(Digest);
// Smaller constants are checked with the table, and always read.
constexpr size_t kLargeConstant = size_t{16} << 10;

uint64_t aligned(uint64_t at) { return (at + kAlignment - 1) / kAlignment * kAlignment; }

Digest digest_of_head(uint64_t file_bytes, std::span<const std::byte> table) {
  ByteWriter sizes;
  sizes.number(file_bytes);
  sizes.number(static_cast<uint64_t>(table.size()));
  Blake2b hash;
  hash.update(sizes.bytes());
  hash.update(table);
  return hash.finish();
}

// Every reader of the constant has packed it and reads the panel alone.
bool is_only_packed(const Program& program, const PanelStore& panels,
                    const std::vector<const Step*>& step_of, ValueId v) {
  const Graph& g = *program.graph;
  if (g.value(v).overridable || g.is_output(v)) return false;
  for (NodeId user : g.value(v).users) {
    const Node& n = g.node(user);
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      if (n.inputs[i] != v) continue;
      if (!panels.was_packed(g, user, i) || step_of[user]->kernel->reads_input(i)) return false;
    }
  }
  return true;
}

struct SectionPlace {
  std::string label;
  uint64_t offset = 0, bytes = 0;
  Digest digest{};
};

}  // namespace

std::span<const std::byte> ProgramImage::Section::bytes() const {
  if (panel) return {static_cast<const std::byte*>(panel->data()), panel->bytes()};
  return {static_cast<const std::byte*>(constant.raw()), constant.size_bytes()};
}

ProgramImage ProgramImage::describe(const Graph& graph, const Program& program,
                                    const PanelStore& panels, std::string key) {
  ProgramImage image;
  image.key_ = std::move(key);
  std::vector<const Step*> step_of(program.graph->num_nodes(), nullptr);
  for (const Step& step : program.steps) step_of[step.node] = &step;
  image.graph_ = encode_graph(graph, [&](const Graph& g, ValueId v) -> ConstantPlace {
    const Tensor& t = *g.value(v).constant;
    if (t.dtype() == DType::kString) return std::nullopt;
    if (&g == &graph && is_only_packed(program, panels, step_of, v)) {
      return std::vector<uint64_t>();
    }
    if (t.size_bytes() < kLargeConstant) return std::nullopt;
    image.sections_.push_back({t, nullptr});
    return std::vector<uint64_t>{image.sections_.size() - 1};
  });
  image.constants_ = image.sections_.size();
  for (const PanelPtr& panel : panels.panels()) image.sections_.push_back({Tensor(), panel});
  return image;
}

Status ProgramImage::write(const std::function<Status(std::span<const std::byte>)>& append) const {
  ByteWriter table;
  table.text(key_);
  table.number(static_cast<uint64_t>(graph_.size()));
  table.raw(graph_.data(), graph_.size());
  table.number(static_cast<uint32_t>(constants_));
  table.number(static_cast<uint32_t>(sections_.size()));
  // Places count from the end of the table, whose size they do not change.
  uint64_t at = 0;
  std::map<const Panel*, std::pair<uint64_t, Digest>> written;  // panels that steps share, once
  std::vector<const Section*> in_file;
  for (const Section& s : sections_) {
    std::pair<uint64_t, Digest> place;
    if (const auto before = written.find(s.panel.get()); s.panel && before != written.end()) {
      place = before->second;
    } else {
      place = {at, blake2b(s.bytes())};
      at = aligned(at + s.bytes().size());
      in_file.push_back(&s);
      if (s.panel) written.emplace(s.panel.get(), place);
    }
    table.text(s.panel ? s.panel->label() : "");
    table.number(place.first);
    table.number(static_cast<uint64_t>(s.bytes().size()));
    table.raw(place.second.data(), place.second.size());
  }
  const uint64_t begin = aligned(kHeadBytes + table.bytes().size());
  const uint64_t file_bytes = begin + at;
  ByteWriter head;
  head.raw(kMagic, sizeof(kMagic));
  head.number(kVersion);
  head.number(uint32_t{0});
  head.number(file_bytes);
  head.number(static_cast<uint64_t>(table.bytes().size()));
  const Digest digest = digest_of_head(file_bytes, table.bytes());
  head.raw(digest.data(), digest.size());
  head.raw(table.bytes().data(), table.bytes().size());

  constexpr std::byte kZeros[kAlignment] = {};
  const auto write_padded = [&](std::span<const std::byte> bytes) -> Status {
    FERRY_RETURN_IF_ERROR(append(bytes));
    return append(std::span(kZeros).first(aligned(bytes.size()) - bytes.size()));
  };
  FERRY_RETURN_IF_ERROR(write_padded(head.bytes()));
  for (const Section* s : in_file) FERRY_RETURN_IF_ERROR(write_padded(s->bytes()));
  return {};
}

uint64_t ProgramImage::size_bytes() const {
  uint64_t bytes = kHeadBytes + key_.size() + graph_.size() + 64;
  for (const Section& s : sections_) bytes += aligned(s.bytes().size()) + 128;
  return bytes;
}

namespace {

struct Table {
  std::string key;
  std::span<const std::byte> graph;
  uint32_t constants = 0;
  std::vector<SectionPlace> places;
  uint64_t begin = 0;  // of the sections, in the file
};

Result<Table> read_table(std::span<const std::byte> bytes) {
  ByteReader head(bytes);
  const auto magic = head.raw(sizeof(kMagic));
  if (!head.ok() || std::memcmp(magic.data(), kMagic, sizeof(kMagic)) != 0) {
    return invalid_model("it is no saved program");
  }
  const auto version = head.number<uint32_t>(), zero = head.number<uint32_t>();
  if (version != kVersion || zero != 0) {
    return invalid_model("it has version {}, wanted is {}", version, kVersion);
  }
  const auto file_bytes = head.number<uint64_t>(), table_bytes = head.number<uint64_t>();
  const auto digest = head.raw(sizeof(Digest));
  const auto table = head.raw(table_bytes);
  if (!head.ok() || file_bytes != bytes.size()) {
    return invalid_model("it has {} bytes and claims {}", bytes.size(), file_bytes);
  }
  const Digest found = digest_of_head(file_bytes, table);
  if (std::memcmp(found.data(), digest.data(), sizeof(Digest)) != 0) {
    return invalid_model("its table is damaged");
  }
  ByteReader in(table);
  Table t;
  t.key = in.text();
  t.graph = in.raw(in.number<uint64_t>());
  t.constants = in.number<uint32_t>();
  t.begin = aligned(kHeadBytes + table_bytes);
  const uint32_t sections = in.length(2 * sizeof(uint64_t) + sizeof(Digest));
  for (uint32_t i = 0; i < sections && in.ok(); ++i) {
    SectionPlace p;
    p.label = in.text();
    p.offset = in.number<uint64_t>();
    p.bytes = in.number<uint64_t>();
    const auto section_digest = in.raw(sizeof(Digest));
    if (!in.ok()) break;
    std::memcpy(p.digest.data(), section_digest.data(), sizeof(Digest));
    const uint64_t room = file_bytes - std::min(file_bytes, t.begin);
    if (p.offset % kAlignment != 0 || p.offset > room || p.bytes > room - p.offset) in.fail();
    t.places.push_back(std::move(p));
  }
  if (!in.ok() || !in.at_end() || t.constants > t.places.size()) {
    return invalid_model("its table makes no sense");
  }
  return t;
}

// Attributes that must be there are. Symbols of fresh dims are named after values: two of the same
// name would be taken for equal.
Status check_nodes(const Graph& g) {
  std::unordered_set<std::string_view> names;
  for (NodeId id = g.first(); id != kNone; id = g.next(id)) {
    const Node& n = g.node(id);
    for (const AttrBinding& b : n.op.def().attrs) {
      if (b.required && !b.get(n.op.attrs())) {
        return invalid_model("{} has no attribute '{}'", n.describe(), b.name);
      }
    }
    for (ValueId v : n.outputs) {
      if (v == kNone || names.insert(g.value(v).name).second) continue;
      return invalid_model("two values have the name '{}'", g.value(v).name);
    }
    for (const auto& body : n.bodies) FERRY_RETURN_IF_ERROR(check_nodes(*body));
  }
  return {};
}

// Types and known contents of what nodes compute.
void forget_types(Graph& g) {
  for (ValueId v = 0; v < g.num_values(); ++v) g.value(v).known.reset();
  for (NodeId id = g.first(); id != kNone; id = g.next(id)) {
    for (ValueId v : g.node(id).outputs) {
      if (v != kNone) g.value(v).type = Type();
    }
    for (const auto& body : g.node(id).bodies) forget_types(*body);
  }
}

// Memory is planned by the types: they are those that the operators' own rules give, which look at
// the attributes too.
Status infer_again(Graph& graph) {
  FERRY_RETURN_IF_ERROR(check_nodes(graph));
  forget_types(graph);
  FERRY_RETURN_IF_ERROR(infer_graph(graph));
  return verify(graph);
}

}  // namespace

Result<LoadedProgram> read_program(std::span<const std::byte> bytes, std::shared_ptr<void> owner,
                                   const std::string& key, bool check_sections,
                                   MemoryBudget* budget) {
  FERRY_ASSIGN_OR_RETURN(const Table table, read_table(bytes));
  if (table.key != key) return invalid_model("it is of another model, other options or machine");
  const auto section = [&](const SectionPlace& p) {
    return bytes.subspan(table.begin + p.offset, p.bytes);
  };
  for (size_t i = 0; check_sections && i < table.places.size(); ++i) {
    if (blake2b(section(table.places[i])) != table.places[i].digest) {
      return invalid_model("its section {} is damaged", i);
    }
  }
  const auto find = [&](const std::vector<uint64_t>& place, DType type, const Dims& dims) {
    if (place.size() != 1 || place[0] >= table.constants || type == DType::kString) return Tensor();
    const auto from = section(table.places[place[0]]);
    Tensor t = Tensor::share(type, dims, const_cast<std::byte*>(from.data()), owner);
    return t.size_bytes() == from.size() ? t : Tensor();
  };
  LoadedProgram loaded;
  FERRY_ASSIGN_OR_RETURN(loaded.graph, decode_graph(table.graph, find, budget));
  if (const Status sound = infer_again(*loaded.graph); !sound.ok()) {
    return invalid_model("its graph is not sound: {}", sound.message());
  }
  std::vector<PanelStore::Packed> packed;
  for (size_t i = table.constants; i < table.places.size(); ++i) {
    packed.push_back({table.places[i].label, section(table.places[i])});
  }
  loaded.panels = PanelStore(std::move(packed), std::move(owner));
  return loaded;
}

}  // namespace ferry
