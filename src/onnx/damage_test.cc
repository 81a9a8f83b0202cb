// SPDX-License-Identifier: Apache-2.0
// Files that are no models: empty, text, truncated, garbage. Nothing but an error may happen.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <protozero/pbf_writer.hpp>
#include <random>

#include "onnx/import.h"
#include "onnx/test_model.h"

namespace ferry::onnx {
namespace {

using namespace proto;  // NOLINT: the vocabulary of these tests

std::string good_model() {
  return model(
      graph({.nodes = {node("Softmax", {"w"}, {"a"}, {int_attr("axis", -1)}, {.name = "n"}),
                       node("Twice", {"a"}, {"y"}, {}, {.domain = "my"})},
             .inputs = {value("x", {"N", "3"})},
             .outputs = {value("y", {"2"})},
             .initializers = {tensor("w", {2}, {1, 2}), int64_tensor_proto("i", {1}, {3})}}),
      {.functions = {function({.name = "Twice",
                               .domain = "my",
                               .inputs = {"a"},
                               .outputs = {"b"},
                               .nodes = {node("Softmax", {"a"}, {"b"})}})}});
}

std::string message_of(const std::string& content) {
  const auto m = import_bytes(bytes(content), nullptr);
  return m.ok() ? "ok" : m.status().message();
}

TEST(Damage, SaysWhatTheFileIs) {
  EXPECT_EQ(message_of(good_model()), "ok");
  EXPECT_EQ(message_of(""), "not an ONNX model: the file is empty");
  EXPECT_EQ(message_of("hello, this is text\n"), "not an ONNX model: a text file");
  EXPECT_EQ(message_of("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"),
            "not an ONNX model: a Git LFS pointer; fetch the file itself with 'git lfs pull'");
  EXPECT_EQ(message_of("PK\x03\x04 something"),
            "not an ONNX model: a zip archive, as torch.save, NumPy's savez and Keras write; "
            "PyTorch's torch.onnx.export writes ONNX");
  EXPECT_EQ(message_of("\x93NUMPY\x01"), "not an ONNX model: an array of NumPy (.npy)");
  EXPECT_EQ(message_of("\x1f\x8b\x08\xff"), "not an ONNX model: a gzip archive; unpack it first");
  EXPECT_NE(message_of("\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8").find("not an ONNX model"),
            std::string::npos);
  // A message without a graph.
  EXPECT_EQ(message_of(std::string("\x08\x07", 2)), "not an ONNX model: it holds no graph");
}

// Lengths are 64 bits: one of 2^40 is not one of 0.
TEST(Damage, LengthsAreNotCutTo32Bits) {
  std::string text("\x08\x0a\x3a", 3);
  text += std::string("\x80\x80\x80\x80\x80\x20", 6) + "xx";
  EXPECT_NE(message_of(text).find("the data ends early"), std::string::npos) << message_of(text);
  // The same in a field that is skipped.
  text[2] = 0x7a;
  EXPECT_NE(message_of(text).find("the data ends early"), std::string::npos) << message_of(text);
}

TEST(Damage, NamesTheFile) {
  const auto path = std::filesystem::temp_directory_path() / "ferry_damage_test.onnx";
  std::ofstream(path) << "just text";
  const auto m = import_file(path.string());
  EXPECT_EQ(m.status().message(), path.string() + ": not an ONNX model: a text file");
  std::filesystem::remove(path);
  const auto missing = import_file(path.string());
  EXPECT_EQ(missing.status().code(), Code::kIoError);
  EXPECT_NE(missing.status().message().find(path.string()), std::string::npos);
  EXPECT_EQ(import_file("/").status().code(), Code::kIoError);
}

TEST(Damage, EveryTruncationIsAnError) {
  const std::string whole = good_model();
  for (size_t n = 0; n < whole.size(); ++n) {
    // Allocated to the byte, so that a sanitizer sees a read past the end.
    const std::vector<char> part(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(n));
    const auto m = import_bytes(std::as_bytes(std::span(part)), nullptr);
    if (m.ok()) continue;  // cut behind the graph: fewer functions would be unknown operators
    EXPECT_FALSE(m.status().message().empty());
  }
  EXPECT_NE(message_of(whole.substr(0, whole.size() / 2)).find("damaged ONNX model"),
            std::string::npos);
  EXPECT_NE(message_of(whole.substr(0, whole.size() / 2)).find("at byte"), std::string::npos);
}

TEST(Damage, FlippedBytesNeverCrash) {
  const std::string whole = good_model();
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string damaged = whole;
    const int flips = 1 + static_cast<int>(random() % 3);
    for (int i = 0; i < flips; ++i)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    const std::vector<char> exact(damaged.begin(), damaged.end());
    const auto m = import_bytes(std::as_bytes(std::span(exact)), nullptr,
                                {.limits = {.max_nodes = 1000, .max_values = 1000}});
    EXPECT_TRUE(m.ok() || m.status().code() != Code::kInternal);
  }
}

// Training information, annotations and device configurations are not needed to run.
TEST(Damage, ShowsInWhatIsNotRead) {
  const auto with = [](int field, const std::string& part) {
    std::string bytes = good_model();
    protozero::pbf_writer(bytes).add_message(static_cast<protozero::pbf_tag_type>(field), part);
    return import_bytes(std::as_bytes(std::span(bytes)), nullptr).status();
  };
  const std::string pair("\x0a\x01k", 3), cut("\x0a\x05k", 3);
  const std::string binding = std::string("\x1a\x03", 2);
  EXPECT_TRUE(with(20, binding + pair).ok()) << with(20, binding + pair).to_string();
  EXPECT_TRUE(with(26, pair).ok());
  EXPECT_NE(with(20, binding + cut).message().find("the data ends early"), std::string::npos);
  EXPECT_NE(with(26, cut).message().find("the data ends early"), std::string::npos);
}

TEST(Damage, GarbageNeverCrashes) {
  std::mt19937 random(11);
  for (int round = 0; round < 5000; ++round) {
    std::vector<char> garbage(random() % 200);
    for (char& c : garbage) c = static_cast<char>(random());
    EXPECT_FALSE(import_bytes(std::as_bytes(std::span(garbage)), nullptr).ok());
  }
}

}  // namespace
}  // namespace ferry::onnx
