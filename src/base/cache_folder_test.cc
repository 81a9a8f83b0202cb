// SPDX-License-Identifier: Apache-2.0
#include "base/cache_folder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/blake2b.h"
#include "base/status.h"

namespace ferry {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Blake2b, KnownDigests) {
  EXPECT_EQ(hex(blake2b({})), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
  EXPECT_EQ(hex(blake2b(bytes_of("abc"))),
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
  const std::string a(129, 'a');
  EXPECT_EQ(hex(blake2b(bytes_of(std::string_view(a).substr(1)))),
            "ae2aa48507885c4c950fb809b2076f959cde9f8ea6da260d9a3587df33dac450");
  EXPECT_EQ(hex(blake2b(bytes_of(a))),
            "2f64744a6de0d2c0b56e64cf6e29a5aaa255010d415d51c75ccc82f73dccd865");
}

TEST(Blake2b, PartsDoNotMatter) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * 7);
  const Digest whole = blake2b(bytes_of(text));
  for (const size_t part : {1u, 3u, 127u, 128u, 129u, 256u, 999u}) {
    Blake2b hash;
    for (size_t at = 0; at < text.size(); at += part) {
      hash.update(bytes_of(std::string_view(text).substr(at, part)));
    }
    EXPECT_EQ(hash.finish(), whole) << part;
  }
}

class CacheFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "ferry-cache-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    path_ = root_ + "/made/here";
  }
  void TearDown() override { fs::remove_all(root_); }

  std::unique_ptr<CacheFolder> open() {
    auto folder = CacheFolder::open(path_);
    EXPECT_TRUE(folder.ok()) << folder.status().to_string();
    return folder.ok() ? *std::move(folder) : nullptr;
  }
  static Status put(const CacheFolder& folder, const std::string& name, std::string_view text,
                    uint64_t limit = 1 << 20) {
    return folder.put(name, limit,
                      [&](const CacheFolder::Append& append) { return append(bytes_of(text)); });
  }
  static std::string read(const CacheFolder& folder, const std::string& name) {
    auto file = folder.find(name);
    EXPECT_TRUE(file.ok()) << file.status().to_string();
    if (!file.ok() || !*file) return "(none)";
    const auto bytes = (*file)->bytes();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  static mode_t mode(const std::string& path) {
    struct stat info = {};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777;
  }

  std::string root_, path_;
};

TEST_F(CacheFolderTest, WritesAndFinds) {
  const auto folder = open();
  EXPECT_EQ(read(*folder, "a.x"), "(none)");
  ASSERT_TRUE(put(*folder, "a.x", "one").ok());
  EXPECT_EQ(read(*folder, "a.x"), "one");
  ASSERT_TRUE(put(*folder, "a.x", "another").ok());
  EXPECT_EQ(read(*folder, "a.x"), "another");
  EXPECT_EQ(mode(path_), 0700u);
  EXPECT_EQ(mode(path_ + "/a.x"), 0600u);
}

TEST_F(CacheFolderTest, AFileThatIsOpenStaysWhateverHappensToItsName) {
  const auto folder = open();
  ASSERT_TRUE(put(*folder, "a.x", "one").ok());
  const auto file = folder->find("a.x").value();
  ASSERT_TRUE(put(*folder, "a.x", "two").ok());
  fs::remove(path_ + "/a.x");
  EXPECT_EQ(std::memcmp(file->bytes().data(), "one", 3), 0);
}

TEST_F(CacheFolderTest, AFailureLeavesTheOldFileAndNoOther) {
  const auto folder = open();
  ASSERT_TRUE(put(*folder, "a.x", "one").ok());
  const Status status = folder->put("a.x", 1 << 20, [&](const CacheFolder::Append& append) {
    EXPECT_TRUE(append(bytes_of("half")).ok());
    return io_error("no more");
  });
  EXPECT_EQ(status.code(), Code::kIoError);
  EXPECT_EQ(read(*folder, "a.x"), "one");
  EXPECT_EQ(std::distance(fs::directory_iterator(path_), fs::directory_iterator()), 1);
}

TEST_F(CacheFolderTest, WhatWasNotUsedForLongestGoes) {
  const auto folder = open();
  const std::string kilobyte(1000, 'k');
  for (const char* name : {"a.x", "b.x", "c.x", "other.y"}) {
    ASSERT_TRUE(put(*folder, name, kilobyte).ok());
    ::usleep(20'000);
  }
  EXPECT_EQ(read(*folder, "a.x"), kilobyte);  // used last
  ::usleep(20'000);
  ASSERT_TRUE(put(*folder, "d.x", kilobyte, 3000).ok());
  EXPECT_EQ(read(*folder, "a.x"), kilobyte);
  EXPECT_EQ(read(*folder, "b.x"), "(none)");
  EXPECT_EQ(read(*folder, "c.x"), kilobyte);
  EXPECT_EQ(read(*folder, "other.y"), kilobyte);
  ASSERT_TRUE(put(*folder, "d.x", kilobyte, 1).ok());  // never what was just written
  EXPECT_EQ(read(*folder, "d.x"), kilobyte);
  EXPECT_EQ(read(*folder, "a.x"), "(none)");
}

TEST_F(CacheFolderTest, WhatAKilledWriterLeftIsSweptAndALivingOnesIsNot) {
  const auto folder = open();
  std::ofstream(path_ + "/.unfinished-1-0-a.x") << "left";
  std::ofstream(path_ + "/.unfinished-2-0-a.x") << "being written";
  const int fd = ::open((path_ + "/.unfinished-2-0-a.x").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::flock(fd, LOCK_EX), 0);
  ASSERT_TRUE(put(*folder, "a.x", "one").ok());
  EXPECT_FALSE(fs::exists(path_ + "/.unfinished-1-0-a.x"));
  EXPECT_TRUE(fs::exists(path_ + "/.unfinished-2-0-a.x"));
  ::close(fd);
}

TEST_F(CacheFolderTest, RefusesWhatOthersMayWriteAndLinks) {
  fs::create_directories(path_);
  ::chmod(path_.c_str(), 0777);
  EXPECT_EQ(CacheFolder::open(path_).status().code(), Code::kIoError);
  ::chmod(path_.c_str(), 0755);
  const auto folder = open();
  ASSERT_TRUE(put(*folder, "a.x", "one").ok());
  ::chmod((path_ + "/a.x").c_str(), 0666);
  EXPECT_EQ(folder->find("a.x").status().code(), Code::kIoError);
  std::ofstream(root_ + "/elsewhere") << "secret";
  fs::create_symlink(root_ + "/elsewhere", path_ + "/b.x");
  EXPECT_EQ(folder->find("b.x").status().code(), Code::kIoError);
  ASSERT_TRUE(put(*folder, "b.x", "two").ok());  // takes the place of the link
  EXPECT_EQ(read(*folder, "b.x"), "two");
  fs::create_directory_symlink(path_, root_ + "/link");
  EXPECT_EQ(CacheFolder::open(root_ + "/link").status().code(), Code::kIoError);
  std::ofstream(root_ + "/file") << "no folder";
  EXPECT_EQ(CacheFolder::open(root_ + "/file").status().code(), Code::kIoError);
}

}  // namespace
}  // namespace ferry
