// SPDX-License-Identifier: Apache-2.0
#include "onnx/tensor_proto.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <protozero/pbf_writer.hpp>

#include "base/float16.h"
#include "onnx/import.h"
#include "onnx/test_model.h"

namespace ferry::onnx {
namespace {

namespace fs = std::filesystem;
using namespace proto;  // NOLINT: the vocabulary of these tests

Result<Tensor> read(const std::string& message, std::shared_ptr<void> owner = nullptr) {
  Wire wire(message, {});
  ExternalData none("", {}, {});
  return TensorReader(wire, std::move(owner), none, nullptr).read(message);
}

std::string head(const std::vector<int64_t>& dims, int type) {
  std::string m;
  protozero::pbf_writer w(m);
  for (int64_t d : dims) w.add_int64(1, d);
  w.add_int32(2, type);
  w.add_string(8, "t");
  return m;
}

template <class... T>
std::string with_int32(std::string m, T... values) {
  const std::vector<int32_t> list = {values...};
  protozero::pbf_writer(m).add_packed_int32(5, list.begin(), list.end());
  return m;
}

void expect_error(const std::string& message, Code code, const std::string& words) {
  const auto t = read(message);
  ASSERT_FALSE(t.ok()) << words;
  EXPECT_EQ(code_name(t.status().code()), code_name(code)) << t.status().to_string();
  EXPECT_NE(t.status().message().find(words), std::string::npos) << t.status().message();
}

TEST(TensorProto, TypedFieldsOfEveryWidth) {
  const auto i32 = read(with_int32(head({3}, 6), 1, -2, INT32_MIN));
  ASSERT_TRUE(i32.ok()) << i32.status().to_string();
  EXPECT_EQ(i32->data<int32_t>()[2], INT32_MIN);
  EXPECT_EQ(read(with_int32(head({2}, 3), -128, 127))->data<int8_t>()[0], -128);
  EXPECT_EQ(read(with_int32(head({2}, 4), 65535, 1))->data<uint16_t>()[0], 65535);
  EXPECT_EQ(static_cast<float>(read(with_int32(head({1}, 10), 0x3c00))->data<half>()[0]), 1.0f);
  EXPECT_EQ(read(with_int32(head({2}, 9), 7, 0))->data<uint8_t>()[0], 1);
  // Five 4-bit elements in three bytes.
  const auto u4 = read(with_int32(head({5}, 21), 0x21, 0x43, 0x05));
  ASSERT_TRUE(u4.ok()) << u4.status().to_string();
  EXPECT_EQ(u4->size_bytes(), 3u);
  EXPECT_EQ(u4->data<uint8_t>()[1], 0x43);
  // Unpacked elements are as good as packed ones.
  std::string loose = head({2}, 7);
  protozero::pbf_writer(loose).add_int64(7, 5);
  protozero::pbf_writer(loose).add_int64(7, -6);
  EXPECT_EQ(read(loose)->data<int64_t>()[1], -6);
  std::string u32 = head({1}, 12);
  protozero::pbf_writer(u32).add_uint64(11, 4000000000u);
  EXPECT_EQ(read(u32)->data<uint32_t>()[0], 4000000000u);
  std::string complex = head({1}, 14);
  protozero::pbf_writer(complex).add_float(4, 1.5f);
  protozero::pbf_writer(complex).add_float(4, -2.0f);
  EXPECT_EQ(read(complex)->data<float>()[1], -2.0f);
  std::string strings = head({2}, 8);
  protozero::pbf_writer(strings).add_bytes(6, "a");
  protozero::pbf_writer(strings).add_bytes(6, "");
  EXPECT_EQ(read(strings)->data<std::string>()[0], "a");
}

TEST(TensorProto, ZeroSizeAndScalars) {
  EXPECT_EQ(read(head({0, 3}, 1))->describe(), "f32[0,3]");
  EXPECT_EQ(read(raw_tensor("t", {}, 1, std::string(4, '\0')))->describe(), "f32[]");
}

TEST(TensorProto, ViewsAlignedBytesAndCopiesOthers) {
  alignas(64) static char storage[64];
  const std::string message = raw_tensor("t", {2}, 1, std::string(8, '\1'));
  const auto owner = std::make_shared<int>(0);
  int views = 0;
  for (size_t shift = 0; shift < 4; ++shift) {
    std::copy(message.begin(), message.end(), storage + shift);
    const std::string_view moved(storage + shift, message.size());
    Wire wire(moved, {});
    ExternalData none("", {}, {});
    const auto t = TensorReader(wire, owner, none, nullptr).read(moved);
    ASSERT_TRUE(t.ok());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(t->raw()) % 4, 0u);
    const auto* at = static_cast<const char*>(t->raw());
    if (at >= storage && at < storage + sizeof(storage)) ++views;
  }
  EXPECT_EQ(views, 1);
}

TEST(TensorProto, RefusesWrongSizesAndTypes) {
  expect_error(raw_tensor("w", {3}, 1, std::string(8, '\0')), Code::kInvalidModel,
               "tensor 'w': 8 bytes of data, f32[3] wants 12");
  expect_error(raw_tensor("w", {3}, 21, std::string(3, '\0')), Code::kInvalidModel,
               "u4[3] wants 2");
  expect_error(head({3}, 1), Code::kInvalidModel, "has no data");
  expect_error(with_int32(head({3}, 6), 1, 2), Code::kInvalidModel,
               "holds 2 elements, the dimensions want 3");
  expect_error(with_int32(head({1}, 6), 1, 2), Code::kInvalidModel, "holds more than 1 elements");
  expect_error(with_int32(head({1}, 1), 1), Code::kInvalidModel, "holds 0 elements");
  expect_error(with_int32(head({1LL << 40}, 6), 1), Code::kInvalidModel, "holds too few elements");
  expect_error(raw_tensor("w", {-1}, 1, ""), Code::kInvalidModel, "dimension -1 is negative");
  expect_error(raw_tensor("w", {INT64_MAX, 4}, 1, ""), Code::kLimitExceeded, "overflows");
  expect_error(raw_tensor("w", {1}, 0, ""), Code::kInvalidModel, "element type is missing");
  expect_error(raw_tensor("w", {1}, 99, ""), Code::kUnsupportedType, "element type 99");
  expect_error(raw_tensor("w", {1}, 8, "x"), Code::kInvalidModel, "strings cannot be raw data");
  expect_error(raw_tensor("w", std::vector<int64_t>(17, 1), 1, std::string(4, '\0')),
               Code::kLimitExceeded, "rank 17");
  expect_error(raw_tensor("w", std::vector<int64_t>(65, 1), 1, std::string(4, '\0')),
               Code::kLimitExceeded, "the limit is 64");
}

std::string sparse(const std::string& values, const std::string& indices,
                   const std::vector<int64_t>& dims) {
  std::string m;
  protozero::pbf_writer w(m);
  w.add_message(1, values);
  w.add_message(2, indices);
  for (int64_t d : dims) w.add_int64(3, d);
  return m;
}

Result<Tensor> read_sparse(const std::string& message, bool strict = false) {
  Wire wire(message, {});
  ExternalData none("", {}, {});
  return TensorReader(wire, nullptr, none, nullptr, true, strict).read_sparse(message);
}

void expect_refused(const std::string& message, bool strict, const std::string& words) {
  const Status status = read_sparse(message, strict).status();
  EXPECT_NE(status.message().find(words), std::string::npos) << status.to_string();
}

TEST(SparseTensorProto, BecomesDense) {
  const std::string values = tensor("s", {2}, {5, 6});
  const auto linear = read_sparse(sparse(values, int64_tensor_proto("", {2}, {1, 3}), {2, 2}));
  ASSERT_TRUE(linear.ok()) << linear.status().to_string();
  EXPECT_EQ(linear->data<float>()[1], 5);
  EXPECT_EQ(linear->data<float>()[2], 0);
  const auto pairs =
      read_sparse(sparse(values, int64_tensor_proto("", {2, 2}, {0, 1, 1, 1}), {2, 2}));
  ASSERT_TRUE(pairs.ok()) << pairs.status().to_string();
  EXPECT_EQ(pairs->data<float>()[3], 6);
  for (int64_t bad : {-1, 4}) {
    const auto t = read_sparse(sparse(values, int64_tensor_proto("", {2}, {0, bad}), {2, 2}));
    EXPECT_NE(t.status().message().find("sparse tensor 's': sparse index 1 lies outside f32[2,2]"),
              std::string::npos)
        << t.status().message();
  }
  EXPECT_FALSE(read_sparse(sparse(values, int64_tensor_proto("", {3}, {0, 1, 2}), {4})).ok());
}

TEST(SparseTensorProto, OrderOfIndices) {
  const auto pair = [](const std::vector<int64_t>& indices) {
    return sparse(tensor("s", {2}, {5, 6}), int64_tensor_proto("", {2}, indices), {2, 2});
  };
  const auto swapped = read_sparse(pair({3, 1}));
  ASSERT_TRUE(swapped.ok()) << swapped.status().to_string();
  EXPECT_EQ(swapped->data<float>()[1], 6);
  EXPECT_TRUE(read_sparse(pair({1, 3}), true).ok());
  expect_refused(pair({3, 1}), true, "sparse index 1 lies before the one ahead of it");
  for (bool strict : {false, true}) {
    expect_refused(pair({3, 3}), strict, "element 3 (row-major) is given twice");
  }
  const std::string nothing = sparse(tensor("s", {0}, {}), "", {2, 2});
  const auto zeros = read_sparse(nothing, true);
  ASSERT_TRUE(zeros.ok()) << zeros.status().to_string();
  EXPECT_EQ(zeros->data<float>()[3], 0);
  EXPECT_TRUE(read_sparse(sparse(tensor("s", {0}, {}), "", {0})).ok());
  expect_refused(sparse(tensor("s", {0}, {}), "", {0}), true, "wanted are dimensions of 1 or more");
}

TEST(TensorProto, DataInTwoPlaces) {
  const auto strictly = [](const std::string& message) {
    Wire wire(message, {});
    ExternalData none("", {}, {});
    return TensorReader(wire, nullptr, none, nullptr, true, true).read(message).status();
  };
  std::string two = tensor("t", {1}, {1});
  const std::vector<int64_t> one = {1};
  protozero::pbf_writer(two).add_packed_int64(7, one.begin(), one.end());
  EXPECT_NE(strictly(two).message().find("tensor 't': its data are in 2 fields"), std::string::npos)
      << strictly(two).message();
  const std::string outside = external_tensor("w", {1}, 1, {{"location", "w.bin"}});
  std::string both = outside;
  protozero::pbf_writer(both).add_bytes(9, "1234");
  EXPECT_NE(strictly(both).message().find("are external and in the file as well"),
            std::string::npos)
      << strictly(both).message();
}

// --- external data

class External : public testing::Test {
 protected:
  void SetUp() override {
    root_ =
        fs::temp_directory_path() / ("ferry_external_" + std::to_string(::getpid()) + "_" +
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root_);
    fs::create_directories(root_ / "models/sub");
    write(root_ / "secret.bin", 64);
    write(root_ / "models/w.bin", 64);
    write(root_ / "models/sub/w.bin", 64);
  }
  void TearDown() override { fs::remove_all(root_); }

  static void write(const fs::path& path, size_t size) {
    std::ofstream out(path, std::ios::binary);
    for (size_t i = 0; i < size; ++i) out.put(static_cast<char>(i));
  }

  Result<ImportedModel> load(const std::vector<std::pair<std::string, std::string>>& entries,
                             bool map = true) {
    std::ofstream(root_ / "models/m.onnx", std::ios::binary) << model(graph(
        {.outputs = {value("w", {"2"})}, .initializers = {external_tensor("w", {2}, 1, entries)}}));
    return import_file((root_ / "models/m.onnx").string(), {.map = map});
  }
  void expect_error(const std::vector<std::pair<std::string, std::string>>& entries,
                    const std::string& words) {
    const auto m = load(entries);
    ASSERT_FALSE(m.ok()) << words;
    EXPECT_NE(m.status().message().find(words), std::string::npos) << m.status().message();
    EXPECT_NE(m.status().message().find("m.onnx: tensor 'w': external data"), std::string::npos)
        << m.status().message();
  }

  fs::path root_;
};

TEST_F(External, ReadsBesideTheModel) {
  for (bool map : {true, false}) {
    for (const char* name : {"w.bin", "./sub/../w.bin", "sub/w.bin", "./w.bin"}) {
      const auto m =
          load({{"location", name}, {"offset", "4"}, {"length", "8"}, {"checksum", "0"}}, map);
      if (std::string(name).find("..") != std::string::npos) {
        EXPECT_FALSE(m.ok());
        continue;
      }
      ASSERT_TRUE(m.ok()) << m.status().to_string();
      const Tensor& w = *m->graph->value(m->graph->outputs()[0]).constant;
      EXPECT_EQ(w.data<uint8_t>()[0], 4);
    }
  }
}

TEST_F(External, NeedsNoLengthAndFollowsNoBasepath) {
  for (const char* offset : {"4", "56"}) {
    const auto m = load({{"location", "w.bin"}, {"offset", offset}, {"basepath", "/nowhere"}});
    ASSERT_TRUE(m.ok()) << m.status().to_string();
    const Tensor& w = *m->graph->value(m->graph->outputs()[0]).constant;
    EXPECT_EQ(w.data<uint8_t>()[0], std::stoi(offset));
  }
  expect_error({{"location", "w.bin"}, {"offset", "57"}},
               "8 bytes at offset 57 wanted, the file has 64 bytes");
}

TEST_F(External, LiesInAnotherFolderOrABuffer) {
  write(root_ / "models/sub/w.bin", 8);
  fs::remove(root_ / "models/w.bin");
  const std::vector<std::pair<std::string, std::string>> entries = {{"location", "w.bin"}};
  EXPECT_FALSE(load(entries).ok());
  const std::string path = (root_ / "models/m.onnx").string();
  EXPECT_TRUE(import_file(path, {.external_folder = (root_ / "models/sub").string()}).ok());
  const std::string buffer(8, '\2');
  ImportOptions options;
  options.external_buffers["w.bin"] = {bytes(buffer), nullptr};
  const auto m = import_file(path, options);
  ASSERT_TRUE(m.ok()) << m.status().to_string();
  EXPECT_EQ(m->graph->value(m->graph->outputs()[0]).constant->data<uint8_t>()[0], 2);
}

TEST_F(External, RefusesToLeaveTheFolder) {
  for (bool by_hand : {false, true}) {
    set_openat2_disabled(by_hand);
    expect_error({{"location", "../secret.bin"}}, "holds '..'");
    expect_error({{"location", "sub/../../secret.bin"}}, "holds '..'");
    expect_error({{"location", (root_ / "secret.bin").string()}}, "is an absolute path");
    fs::create_symlink(root_ / "secret.bin", root_ / "models/link.bin");
    expect_error({{"location", "link.bin"}}, "symbolic link");
    fs::create_directory_symlink(root_, root_ / "models/dir");
    const auto through = load({{"location", "dir/secret.bin"}, {"length", "8"}});
    EXPECT_FALSE(through.ok());
    fs::create_hard_link(root_ / "secret.bin", root_ / "models/hard.bin");
    expect_error({{"location", "hard.bin"}}, "has 2 hard links");
    expect_error({{"location", "sub"}}, "is no regular file");
    expect_error({{"location", "absent.bin"}}, "cannot be opened");
    expect_error({{"location", ""}}, "is empty");
    expect_error({{"location", std::string("a\0b", 3)}}, "zero byte");
    for (const char* made : {"link.bin", "dir", "hard.bin"}) fs::remove(root_ / "models" / made);
  }
  set_openat2_disabled(false);
}

TEST_F(External, RefusesLiesAboutOffsetAndLength) {
  expect_error({{"location", "w.bin"}, {"offset", "60"}, {"length", "8"}},
               "8 bytes at offset 60 wanted, the file has 64 bytes");
  expect_error({{"location", "w.bin"}, {"offset", "18446744073709551615"}, {"length", "8"}},
               "at offset 18446744073709551615");
  expect_error({{"location", "w.bin"}, {"offset", "-4"}}, "'offset' is '-4'");
  expect_error({{"location", "w.bin"}, {"length", "8x"}}, "'length' is '8x'");
  expect_error({{"location", "w.bin"}, {"size", "8"}}, "key 'size' is not known");
  const auto m = load({{"location", "w.bin"}, {"length", "12"}});
  EXPECT_NE(m.status().message().find("12 bytes of data, f32[2] wants 8"), std::string::npos);
}

TEST_F(External, ModelsGivenAsBytesNeedAFolderOrABuffer) {
  const std::string bytes_of_model = model(graph(
      {.outputs = {value("w", {"2"})},
       .initializers = {external_tensor("w", {2}, 1, {{"location", "w.bin"}, {"length", "8"}})}}));
  EXPECT_NE(import_bytes(bytes(bytes_of_model), nullptr).status().message().find("given as bytes"),
            std::string::npos);
  EXPECT_TRUE(
      import_bytes(bytes(bytes_of_model), nullptr, {.external_folder = (root_ / "models").string()})
          .ok());
  const std::string buffer(8, '\2');
  ImportOptions options;
  options.external_buffers["w.bin"] = {bytes(buffer), nullptr};
  const auto m = import_bytes(bytes(bytes_of_model), nullptr, options);
  ASSERT_TRUE(m.ok()) << m.status().to_string();
  EXPECT_EQ(m->graph->value(m->graph->outputs()[0]).constant->data<uint8_t>()[0], 2);
}

}  // namespace
}  // namespace ferry::onnx
