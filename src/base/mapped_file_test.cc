// SPDX-License-Identifier: Apache-2.0
#include "base/mapped_file.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <numeric>
#include <vector>

namespace ferry {
namespace {

// Resident pages of mapped files, in KiB.
long resident_file_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssFile:")) return std::strtol(line.c_str() + 8, nullptr, 10);
  }
  return -1;
}

struct WrittenFile {
  std::string path = testing::TempDir() + "mapped_file_test.bin";
  explicit WrittenFile(size_t bytes) {
    std::vector<char> content(bytes);
    for (size_t i = 0; i < bytes; ++i) content[i] = static_cast<char>(i % 251);
    std::ofstream(path, std::ios::binary)
        .write(content.data(), static_cast<std::streamsize>(bytes));
  }
  ~WrittenFile() { std::remove(path.c_str()); }
};

long sum_of(std::span<const std::byte> bytes) {
  return std::accumulate(bytes.begin(), bytes.end(), 0L,
                         [](long sum, std::byte b) { return sum + std::to_integer<long>(b); });
}

TEST(MappedFile, DroppedPagesComeBack) {
  constexpr size_t kBytes = size_t{8} << 20;
  const WrittenFile written(kBytes);
  const auto file = MappedFile::open(written.path);
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  const std::span<const std::byte> bytes = (*file)->bytes();
  const long sum = sum_of(bytes);
  const long before = resident_file_kib();
  if (before < 0) GTEST_SKIP() << "the system does not tell what is resident";
  release_pages(bytes.data() + 1, kBytes - 2);
  EXPECT_LE(resident_file_kib(), before - long{kBytes >> 10} * 9 / 10);
  EXPECT_EQ(sum_of(bytes), sum);
}

TEST(MappedFile, OtherMemoryIsLeftAlone) {
  constexpr size_t kBytes = size_t{1} << 20;
  std::vector<std::byte> own(kBytes, std::byte{3});
  release_pages(own.data(), kBytes);
  release_pages(nullptr, 0);
  EXPECT_EQ(sum_of(own), 3 * long{kBytes});
  const WrittenFile written(kBytes);
  const auto file = MappedFile::open(written.path, {.map = false});
  ASSERT_TRUE(file.ok());
  const long sum = sum_of((*file)->bytes());
  release_pages((*file)->bytes().data(), kBytes);
  EXPECT_EQ(sum_of((*file)->bytes()), sum);
}

TEST(MappedFile, ACopyCountsAsMemory) {
  const WrittenFile written(size_t{1} << 20);
  const auto budget = MemoryBudget::create(size_t{1} << 19);
  EXPECT_TRUE(MappedFile::open(written.path, {.budget = budget.get()}).ok());
  const auto copy = MappedFile::open(written.path, {.map = false, .budget = budget.get()});
  ASSERT_EQ(copy.status().code(), Code::kOutOfMemory);
  EXPECT_NE(copy.status().message().find(written.path), std::string::npos);
  const auto enough = MemoryBudget::create(size_t{1} << 21);
  {
    const auto held = MappedFile::open(written.path, {.map = false, .budget = enough.get()});
    ASSERT_TRUE(held.ok());
    EXPECT_GE(enough->used(), size_t{1} << 20);
  }
  EXPECT_EQ(enough->used(), 0u);
}

}  // namespace
}  // namespace ferry
