// SPDX-License-Identifier: Apache-2.0
// The C++ interface: inputs of any name, type, dims and contents for a few small models.
#include <fstream>
#include <iterator>
#include <map>

#include "base/allocator.h"
#include "ferry/ferry.h"
#include "fuzz.h"

namespace {

// Nodes in the wire format, written with what the onnx tests use would pull in GoogleTest; these
// few bytes of it are enough.
std::string varint(size_t n) {
  std::string out;
  for (; n > 127; n >>= 7) out += static_cast<char>((n & 127) | 128);
  return out + static_cast<char>(n);
}
std::string field(int number, const std::string& content) {
  return varint(static_cast<size_t>(number << 3 | 2)) + varint(content.size()) + content;
}
std::string number(int field_number, size_t value) {
  return varint(static_cast<size_t>(field_number << 3)) + varint(value);
}
std::string input(const std::string& name, size_t type, const std::vector<std::string>& dims) {
  std::string shape;
  for (const std::string& d : dims) shape += field(1, field(2, d));
  return field(11, field(1, name) + field(2, field(1, number(1, type) + field(2, shape))));
}
std::string node(const std::string& op, const std::vector<std::string>& inputs,
                 const std::string& output) {
  std::string out;
  for (const std::string& i : inputs) out += field(1, i);
  return field(1, out + field(2, output) + field(4, op));
}
std::string model(const std::string& graph) {
  return number(1, 8) + field(7, graph + field(2, "g") + field(12, field(1, "y"))) +
         field(8, field(1, "") + number(2, 17));
}

std::vector<ferry::Session> make_sessions() {
  const std::vector<std::string> graphs = {
      input("a", 1, {"N", "K"}) + input("b", 1, {"K2", "M"}) + node("MatMul", {"a", "b"}, "y"),
      input("a", 1, {"N", "C"}) + input("b", 1, {"C"}) + node("Add", {"a", "b"}, "t") +
          node("Relu", {"t"}, "y"),
      input("a", 7, {"N"}) + input("b", 7, {"M"}) + node("Gather", {"a", "b"}, "y"),
      input("a", 1, {"N", "C", "H", "W"}) + input("b", 1, {"M", "C2", "R", "S"}) +
          node("Conv", {"a", "b"}, "y"),
      input("a", 8, {"N"}) + input("b", 8, {"M"}) + node("Concat", {"a", "b"}, "t") +
          node("Identity", {"t"}, "y"),
      input("a", 1, {"A", "B"}) + input("b", 7, {"R"}) + node("Reshape", {"a", "b"}, "t") +
          node("Softmax", {"t"}, "y"),
  };
  static std::vector<std::string> files;
  std::vector<ferry::Session> sessions;
  for (const std::string& graph : graphs) files.push_back(model(graph));
  for (const std::string& file : files) {
    auto loaded = ferry::Model::from_memory(std::as_bytes(std::span(file)));
    if (!loaded.ok()) continue;  // Concat lacks its axis: that one is a model that does not load
    auto session = ferry::Session::create(*loaded, {.threads = 1, .memory_limit_bytes = 64 << 20});
    if (session.ok()) sessions.push_back(*std::move(session));
  }
  if (sessions.size() < 5) std::abort();
  return sessions;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ferry;
  static const std::vector<Session> kSessions = make_sessions();
  FuzzedDataProvider in(data, size);
  // Sixteen dims of five would be 150 GB.
  const auto budget = MemoryBudget::create(1 << 20);
  const Session& session = kSessions[in.ConsumeIntegral<uint8_t>() % kSessions.size()];
  const RunOptions options{.timeout = std::chrono::milliseconds(100)};
  for (int round = 0; round < 2; ++round) {
    NamedValues inputs;
    for (const ValueInfo& info : session.inputs()) {
      const auto how = in.ConsumeIntegral<uint8_t>();
      if (how == 255) continue;
      const DType dtype = how < 230 ? info.dtype : fuzz::any_dtype(in);
      Dims dims;
      if (how < 200) {
        for (size_t a = 0; a < info.dims.size(); ++a) {
          dims.push_back(in.ConsumeIntegralInRange<int64_t>(0, 6));
        }
      } else {
        dims = fuzz::any_dims(in, Dims::kMaxRank);
      }
      auto t = fuzz::any_tensor(in, dtype, dims, budget.get());
      if (!t.ok()) return 0;
      inputs[how == 254 ? "other" : info.name] = *std::move(t);
    }
    fuzz::check(session.run(inputs, options).status());
    fuzz::check(session.run(inputs, {in.ConsumeRandomLengthString(4)}, options).status());
  }
  return 0;
}
