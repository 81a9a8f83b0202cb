// SPDX-License-Identifier: Apache-2.0
#include "base/output_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace ferry {
namespace {

namespace fs = std::filesystem;

struct OutputFileTest : testing::Test {
  fs::path folder = fs::path(testing::TempDir()) / ("output_file_" + std::to_string(::getpid()));

  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }

  static void put(const fs::path& path, std::string_view text) { std::ofstream(path) << text; }
  static std::string get(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static Status write(const fs::path& path, std::string_view text, bool commit = true) {
    if (commit) return write_file(path, text.data(), text.size());
    OutputFile out;
    const Status status = out.open(path);
    return status.ok() ? out.write(text.data(), text.size()) : status;
  }
  int64_t files() const {
    return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
  }
};

TEST_F(OutputFileTest, TakesThePlaceOfWhatWasThere) {
  put(folder / "a", "before");
  fs::permissions(folder / "a", fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_TRUE(write(folder / "a", "after").ok());
  EXPECT_EQ(get(folder / "a"), "after");
  EXPECT_EQ(fs::status(folder / "a").permissions(), fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_TRUE(write(folder / "b", "new").ok());
  EXPECT_EQ(files(), 2);
}

TEST_F(OutputFileTest, WithoutCommitNothingChanges) {
  put(folder / "a", "before");
  ASSERT_TRUE(write(folder / "a", "after", false).ok());
  EXPECT_EQ(get(folder / "a"), "before");
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileTest, ALinkStaysALink) {
  put(folder / "a", "before");
  fs::create_symlink("a", folder / "link");
  ASSERT_TRUE(write(folder / "link", "after").ok());
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(get(folder / "a"), "after");
}

TEST_F(OutputFileTest, DevicesAreWrittenInPlace) {
  const fs::path device = "/dev/null";
  ASSERT_TRUE(write(device, "gone").ok());
  EXPECT_TRUE(fs::is_character_file(device));
}

TEST_F(OutputFileTest, SaysWhyNot) {
  EXPECT_EQ(write(folder, "x").message(), "is a directory");
  EXPECT_EQ(write("", "x").message(), "has no name");
  EXPECT_EQ(write(folder / "none" / "x", "x").code(), Code::kIoError);
  EXPECT_EQ(files(), 0);
}

}  // namespace
}  // namespace ferry
