// SPDX-License-Identifier: Apache-2.0
// The program cache: what comes out of it computes the same bits, whatever happens to the file.
#include "runtime/program_cache.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <random>

#include "base/blake2b.h"
#include "base/sanitizers.h"
#include "plan/byte_stream.h"
#include "plan/graph_codec.h"
#include "plan/op_state.h"
#include "runtime/program_cache_tester.h"

namespace ferry {
namespace {

// Sanitizers make a load tens of times slower.
constexpr int kFewer = kAddressSanitizer || kThreadSanitizer ? 10 : 1;

class ProgramCacheTest : public ::testing::Test, public ProgramCacheTester {
 protected:
  void SetUp() override { build_model(); }
};

TEST_F(ProgramCacheTest, ASecondSessionMapsWhatTheFirstMade) {
  const auto plain = make({.threads = 1, .cache = "off"});
  EXPECT_EQ(plain->report().cache, "off");
  const std::string wanted = results(*plain);
  const auto first = make(options());
  EXPECT_EQ(first->report().cache, "written") << first->report().cache_reason;
  EXPECT_EQ(results(*first), wanted);
  const auto second = make(options());
  const SessionReport report = second->report();
  EXPECT_EQ(report.cache, "hit") << report.cache_reason;
  EXPECT_EQ(results(*second), wanted);
  EXPECT_TRUE(report.passes.empty());
  EXPECT_EQ(report.packed_bytes, plain->report().packed_bytes);
  EXPECT_EQ(report.source_bytes, plain->report().source_bytes);
  EXPECT_EQ(report.memory_formula, plain->report().memory_formula);
  EXPECT_EQ(report.cache_bytes, std::filesystem::file_size(report.cache_file));
  ASSERT_EQ(report.steps.size(), plain->report().steps.size());
  for (size_t i = 0; i < report.steps.size(); ++i) {
    EXPECT_EQ(report.steps[i].kernel, plain->report().steps[i].kernel);
    EXPECT_EQ(report.steps[i].tactic, plain->report().steps[i].tactic);
    EXPECT_EQ(report.steps[i].node, plain->report().steps[i].node);
    EXPECT_EQ(report.steps[i].inputs, plain->report().steps[i].inputs);
  }
  // Weights are neither allocated nor folded.
  EXPECT_LT(report.used_bytes, plain->report().used_bytes / 2);
}

TEST(ProgramCache, LayersWithTheSameWeightsShareTheirPanel) {
  ProgramCacheTester t;
  const ValueId table = t.weights({96, 96});
  ValueId x = t.input({Dim::symbol("N"), 96});
  for (int i = 0; i < 3; ++i) x = t.unary("Tanh", t.node(make_op("MatMul"), {x, table}));
  t.output(x);
  const auto first = t.make(t.options());
  const std::string wanted = t.results(*first);
  const auto second = t.make(t.options());
  for (Engine* engine : {first.get(), second.get()}) {
    const SessionReport report = engine->report();
    EXPECT_EQ(report.cache, engine == first.get() ? "written" : "hit") << report.cache_reason;
    EXPECT_EQ(report.packed_bytes, 96 * 96 * sizeof(float));
    EXPECT_EQ(t.results(*engine), wanted);
    EXPECT_LT(report.cache_bytes, 2 * report.packed_bytes);
  }
}

TEST_F(ProgramCacheTest, OptionsMatter) {
  EXPECT_EQ(make(options())->report().cache, "written");
  EXPECT_EQ(make(options())->report().cache, "hit");
  SessionOptions two = options();
  two.threads = 2;
  EXPECT_EQ(make(two)->report().cache, "written");
  SessionOptions exact = options();
  exact.accuracy = Accuracy::kExact;
  EXPECT_EQ(make(exact)->report().cache, "written");
  SessionOptions scalar = options();
  scalar.isa = "scalar";
  EXPECT_EQ(make(scalar)->report().cache, "written");
  SessionOptions plain = options();
  plain.passes_off = {"fuse_activations"};
  EXPECT_EQ(make(plain)->report().cache, "written");
  SessionOptions unoptimised = options();
  unoptimised.optimize = false;
  EXPECT_EQ(make(unoptimised)->report().cache, "written");
  EXPECT_EQ(make(unoptimised)->report().cache, "hit");
  SessionOptions reference = options();
  reference.reference_kernels = true;
  EXPECT_EQ(make(reference)->report().cache, "written");
  const auto again = make(reference);
  EXPECT_EQ(again->report().cache, "hit");
  EXPECT_EQ(files().size(), 7u);
}

TEST_F(ProgramCacheTest, AnotherWeightIsAnotherModel) {
  EXPECT_EQ(make(options())->report().cache, "written");
  for (ValueId v = 0; v < graph.num_values(); ++v) {
    if (!graph.value(v).constant) continue;
    graph.value(v).constant = *graph.value(v).constant->clone();
    graph.value(v).constant->data<float>()[0] += 1;
    break;
  }
  EXPECT_EQ(make(options())->report().cache, "written");
  EXPECT_EQ(make(options())->report().cache, "hit");
}

TEST_F(ProgramCacheTest, TheSameModelAndOptionsGiveTheSameBytes) {
  const auto one = make(options());
  SessionOptions other = options();
  other.cache = folder_ + "/other";
  const auto two = make(other);
  EXPECT_EQ(two->report().cache, "written");
  EXPECT_EQ(std::filesystem::path(one->report().cache_file).filename(),
            std::filesystem::path(two->report().cache_file).filename());
  EXPECT_TRUE(read(one->report().cache_file) == read(two->report().cache_file));
}

TEST_F(ProgramCacheTest, OtherOutputsAndInternalValuesWorkOnAHit) {
  (void)make(options());
  const auto hit = make(options());
  const auto plain = make({.threads = 1});
  std::string name;
  for (ValueId v : graph.outputs()) name = graph.value(v).name;
  std::vector<Value> a, b;
  const std::vector<Value> in = inputs({{"N", 2}, {"T", 7}});
  ASSERT_TRUE(hit->run_for(in, {name}, a, {}).ok());
  ASSERT_TRUE(plain->run_for(in, {name}, b, {}).ok());
  EXPECT_EQ(std::memcmp(a[0].tensor().raw(), b[0].tensor().raw(), b[0].tensor().size_bytes()), 0);
}

TEST_F(ProgramCacheTest, AFolderThatCannotBeUsedIsReportedAndNothingElse) {
  SessionOptions o = options();
  o.cache = folder_ + "/file/below";
  write(folder_ + "/file", "no folder");
  const auto e = make(o);
  EXPECT_EQ(e->report().cache, "unused");
  EXPECT_NE(e->report().cache_reason.find("file"), std::string::npos);
  EXPECT_EQ(results(*e), results(*make({.threads = 1})));
}

TEST_F(ProgramCacheTest, AProgramOverTheLimitIsNotWritten) {
  SessionOptions o = options();
  o.cache_limit_bytes = 1000;
  const auto e = make(o);
  EXPECT_EQ(e->report().cache, "unused");
  EXPECT_NE(e->report().cache_reason.find("cache_limit_bytes"), std::string::npos);
  EXPECT_TRUE(files().empty());
}

TEST_F(ProgramCacheTest, TheEnvironmentNamesAFolder) {
  ::setenv("FERRY_CACHE", folder_.c_str(), 1);
  EXPECT_EQ(make({.threads = 1})->report().cache, "written");
  EXPECT_EQ(make({.threads = 1, .cache = "off"})->report().cache, "off");
  ::unsetenv("FERRY_CACHE");
  EXPECT_EQ(make({.threads = 1})->report().cache, "off");
}

// Where a flipped bit must be noticed without a check of the sections: the head and the table.
size_t checked_bytes(const std::string& file) {
  uint64_t table = 0;
  std::memcpy(&table, file.data() + 24, sizeof(table));
  return 64 + table;
}

TEST_F(ProgramCacheTest, DamageIsAReportedRebuild) {
  const std::string path = make(options())->report().cache_file, good = read(path);
  const std::string wanted = results(*make(options()));
  SessionOptions unverified = options();
  unverified.verify_cache = false;
  std::mt19937 random(1);
  for (int i = 0; i < 60; ++i) {
    std::string bad = good;
    const bool cut = i % 3 == 0;
    const size_t at = random() % (i % 3 == 1 ? checked_bytes(good) : good.size());
    if (cut)
      bad.resize(at);
    else
      bad[at] = static_cast<char>(bad[at] ^ (1 << random() % 8));
    write(path, bad);
    const auto e = make(i % 3 == 2 ? options() : unverified);
    const std::string state = e->report().cache;
    EXPECT_TRUE(state == "rebuilt" || (state == "hit" && !cut)) << state << " at " << at;
    EXPECT_EQ(results(*e), wanted) << (cut ? "cut at " : "flipped at ") << at;
    if (state == "rebuilt") {
      EXPECT_FALSE(e->report().cache_reason.empty());
      EXPECT_TRUE(read(path) == good);
    }
  }
}

// 64-byte aligned, as a mapping is.
struct Copy {
  explicit Copy(const std::string& bytes)
      : memory(*allocate_buffer(bytes.size() + 1, nullptr)), size(bytes.size()) {
    std::memcpy(memory.get(), bytes.data(), size);
  }
  std::span<const std::byte> span() const {
    return {static_cast<const std::byte*>(memory.get()), size};
  }
  std::shared_ptr<void> memory;
  size_t size;
};

std::string key_of(const std::string& file) {
  uint32_t length = 0;
  std::memcpy(&length, file.data() + 64, sizeof(length));
  return file.substr(68, length);
}

// Every position of head and table, and thousands in the sections.
TEST_F(ProgramCacheTest, NoFlippedBitOrMissingEndIsRead) {
  const std::string good = read(make(options())->report().cache_file), key = key_of(good);
  ASSERT_TRUE(read_program(Copy(good).span(), Copy(good).memory, key, true, nullptr).ok());
  const size_t table = checked_bytes(good);
  std::mt19937 random(2);
  size_t accepted = 0;
  const auto read_bad = [&](const std::string& bad) {
    const Copy copy(bad);
    const auto loaded = read_program(copy.span(), copy.memory, key, true, nullptr);
    accepted += loaded.ok() ? 1 : 0;
    EXPECT_TRUE(loaded.ok() || loaded.status().code() == Code::kInvalidModel);
    return loaded.ok();
  };
  for (int i = 0; i < 3000 / kFewer; ++i) {
    const size_t at = i < 1500 ? static_cast<size_t>(i) * table / 1500 : random() % good.size();
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << random() % 8));
    // Only the gaps between sections are not covered, and nobody reads them.
    if (read_bad(bad)) {
      EXPECT_TRUE(at >= table && good[at] == 0) << at;
    }
  }
  EXPECT_LT(accepted, 200u);
  for (int i = 0; i < 300 / kFewer; ++i) {
    EXPECT_FALSE(
        read_bad(good.substr(0, i < 200 ? static_cast<size_t>(i) : random() % good.size())));
  }
}

// Whatever the table holds, reading it stays inside of the file.
TEST_F(ProgramCacheTest, AForgedTableIsRefusedOrAGraph) {
  const auto engine = make(options());
  const std::string good = read(engine->report().cache_file), key = key_of(good);
  const size_t table = checked_bytes(good);
  std::mt19937 random(3);
  int refused = 0;
  for (int i = 0; i < 4000 / kFewer; ++i) {
    std::string bad = good;
    const int edits = 1 + static_cast<int>(random() % 4);
    for (int e = 0; e < edits; ++e) {
      char& c = bad[68 + key.size() + random() % (table - 68 - key.size())];
      c = random() % 2 == 0 ? static_cast<char>(random())
                            : static_cast<char>(c ^ (1 << random() % 8));
    }
    ByteWriter sizes;
    sizes.number(static_cast<uint64_t>(bad.size()));
    sizes.number(static_cast<uint64_t>(table - 64));
    Blake2b hash;
    hash.update(sizes.bytes());
    hash.update(std::as_bytes(std::span(bad)).subspan(64, table - 64));
    const Digest digest = hash.finish();
    std::memcpy(bad.data() + 32, digest.data(), digest.size());
    const Copy copy(bad);
    refused += read_program(copy.span(), copy.memory, key, false, nullptr).ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 400 / kFewer);
}

// kill -9 at any moment leaves the old file, the new one, or one that the next writer sweeps.
TEST_F(ProgramCacheTest, AKilledWriterDoesNoHarm) {
  const std::string wanted = results(*make({.threads = 1}));
  std::mt19937 random(4);
  int killed_while_writing = 0;
  for (int round = 0; round < 60 / kFewer; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (;;) {
        remove_programs();
        const auto made = Engine::create(graph, options(), cpu_kernels());
        if (!made.ok()) ::_exit(1);
      }
    }
    ::usleep(static_cast<useconds_t>(random() % 40'000));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    for (const std::string& f : files()) killed_while_writing += f.find("unfinished") != f.npos;
    const auto e = make(options());
    const std::string state = e->report().cache;
    EXPECT_TRUE(state == "hit" || state == "written") << state << ": " << e->report().cache_reason;
    EXPECT_EQ(results(*e), wanted);
  }
  // Whatever is left, a writer sweeps it.
  std::filesystem::remove(make(options())->report().cache_file);
  EXPECT_EQ(make(options())->report().cache, "written");
  EXPECT_EQ(files().size(), 1u);
  RecordProperty("killed_while_writing", killed_while_writing);
}

TEST_F(ProgramCacheTest, ProcessesWriteAndReadAtOnce) {
  const std::string wanted = results(*make({.threads = 1}));
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (int k = 0; k < 15; ++k) {
        if (k % 5 == i) remove_programs();
        const auto made = make(options());
        const std::string state = made->report().cache;
        if (results(*made) != wanted) ::_exit(2);
        if (state != "hit" && state != "written") {
          ADD_FAILURE() << state << ": " << made->report().cache_reason;
          ::_exit(1);
        }
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
}

// Every operator of the registry survives the way to bytes and back, fields and all.
TEST(GraphCodec, EveryOperator) {
  for (const auto& [name, def] : op_registry().all()) {
    if (!def->bodies.empty()) continue;
    const std::shared_ptr<void> attrs = def->make();
    for (const AttrBinding& b : def->attrs) {
      // Whatever kind the attribute has, one of these sets it.
      for (const AttrValue& v :
           {AttrValue(int64_t{1}), AttrValue(0.75f), AttrValue(std::string("s")),
            AttrValue(std::vector<int64_t>{3, 4}), AttrValue(std::vector<float>{0.5f, -1})}) {
        (void)b.set(attrs.get(), v);
      }
    }
    std::vector<int64_t> state = get_state(Op(def.get(), attrs));
    for (int64_t& field : state) field = 1;
    ASSERT_TRUE(set_state(*def, attrs.get(), state)) << name;
    EXPECT_EQ(get_state(Op(def.get(), attrs)), state) << name;
    Graph g;
    Node n;
    n.name = "n";
    n.op = Op(def.get(), attrs);
    for (uint32_t i = 0; i < def->inputs.min; ++i) {
      n.inputs.push_back(g.add_input("x" + std::to_string(i), Type::tensor(DType::kFloat32)));
    }
    n.outputs.push_back(
        g.add_value("y", Type::tensor(DType::kFloat32, Shape{Dim::symbol("N"), 2})));
    const Op op = n.op;
    const ValueId y = n.outputs[0];
    g.add_node(std::move(n));
    g.set_outputs({y});
    const auto bytes = encode_graph(g, [](const Graph&, ValueId) { return std::nullopt; });
    const auto back = decode_graph(bytes, {}, nullptr);
    ASSERT_TRUE(back.ok()) << name << ": " << back.status().to_string();
    const Node& m = (*back)->node((*back)->first());
    EXPECT_TRUE(m.op == op) << name;
    EXPECT_EQ(get_state(m.op), state) << name;
    EXPECT_TRUE(encode_graph(**back, [](const Graph&, ValueId) { return std::nullopt; }) == bytes);
  }
}

TEST(GraphCodec, Dims) {
  const Dim n = Dim::symbol("N"), m = Dim::symbol("M");
  const Dim sum = n * m * 3 - m + 7;
  const Shape shape = {5,
                       n,
                       sum,
                       floor_div(sum, 2),
                       ceil_div(n, m + 1),
                       mod(n, 3),
                       min(n, m),
                       max(sum, n),
                       floor_scale(n, 1.5f),
                       broadcast(n, m),
                       select_equal(n, m, sum, 4),
                       Dim::invalid(),
                       floor_div(max(n, m) * broadcast(n, 4), 2) + n};
  Graph g;
  const ValueId x = g.add_input("x", Type::tensor(DType::kFloat32, shape));
  g.value(x).known = KnownInts{sum, 3};
  const ValueId named = g.add_value("another name");
  g.set_outputs({named});
  g.replace_uses(named, x);
  const auto bytes = encode_graph(g, {});
  const auto back = decode_graph(bytes, {}, nullptr);
  ASSERT_TRUE(back.ok()) << back.status().to_string();
  const Shape& seen = *(*back)->value(0).type.shape;
  ASSERT_EQ(seen.size(), shape.size());
  for (size_t i = 0; i < shape.size(); ++i) {
    EXPECT_TRUE(seen[i] == shape[i]) << seen[i].to_string() << " and " << shape[i].to_string();
  }
  EXPECT_TRUE((*(*back)->value(0).known)[0] == sum);
  EXPECT_EQ((*back)->output_names()[0], "another name");
}

}  // namespace
}  // namespace ferry
