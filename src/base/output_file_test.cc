// SPDX-License-Identifier: Apache-2.0
#include "base/output_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  // Writes and commits a pair; `lost` names the one whose new bytes are gone when it takes its
  // place, as if the process had ended there.
  Status write_pair(std::string_view text, const std::string& lost = {}) const {
    OutputFile part, whole;
    for (auto [file, name] : {std::pair(&part, "part"), std::pair(&whole, "whole")}) {
      Status status = file->open(folder / name);
      if (status.ok()) status = file->write(text.data(), text.size());
      if (!status.ok()) return status;
    }
    for (const fs::path& p : std::vector<fs::path>(fs::directory_iterator(folder), {})) {
      if (p.extension() == ".tmp" && p.filename().string().starts_with(lost + ".")) fs::remove(p);
    }
    return OutputFile::commit_both(part, whole);
  }
  std::string pair() const { return get(folder / "part") + " " + get(folder / "whole"); }
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

TEST_F(OutputFileTest, APairIsNeverHalfNew) {
  ASSERT_TRUE(write_pair("one").ok());
  EXPECT_EQ(pair(), "one one");
  ASSERT_TRUE(write_pair("two").ok());
  EXPECT_EQ(pair(), "two two");
  EXPECT_EQ(files(), 2);

  const Status part = write_pair("three", "part");
  EXPECT_EQ(part.code(), Code::kIoError);
  EXPECT_NE(part.message().find("part: cannot be replaced"), std::string::npos) << part.message();
  EXPECT_EQ(pair(), "two ");
  put(folder / "whole", "two");
  EXPECT_EQ(write_pair("four", "whole").code(), Code::kIoError);
  EXPECT_EQ(pair(), "four ");
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileTest, APairThatIsNotCommittedStaysOld) {
  ASSERT_TRUE(write_pair("one").ok());
  {
    OutputFile part, whole;
    ASSERT_TRUE(part.open(folder / "part").ok());
    ASSERT_TRUE(whole.open(folder / "whole").ok());
    ASSERT_TRUE(part.write("two", 3).ok());
  }
  EXPECT_EQ(pair(), "one one");
  EXPECT_EQ(files(), 2);
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
