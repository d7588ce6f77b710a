#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "cli/command_line.h"
#include "env/memory_file_system.h"

namespace tidemark {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class NewProject : public ::testing::Test {
 protected:
  ExitStatus make(const std::string& name) {
    out_.clear();
    err_.clear();
    Cli cli{.env = {},
            .out = [this](std::string_view line) { out_ += line; },
            .err = [this](std::string_view line) { err_ += line; },
            .chosen = {}};
    cli.env.files = &files_;
    const std::vector<const char*> words{"tidemark", "new", name.c_str()};
    return run_command_line(cli, static_cast<int>(words.size()), words.data());
  }
  std::vector<std::string> names(const std::string& folder) {
    std::vector<std::string> names;
    for (const DirectoryEntry& entry : value_or_throw(files_.list(folder))) names.push_back(entry.name);
    return names;
  }
  std::string text(const std::string& path) { return value_or_throw(read_file(files_, path)); }

  MemoryFileSystem files_;
  std::string out_;
  std::string err_;
};

TEST_F(NewProject, HasWhatItTakesToBuildAndNoPlaceForANameIsLeft) {
  ASSERT_EQ(make("my-job_2"), ExitStatus::kDone) << err_;
  EXPECT_THAT(out_, HasSubstr("cd my-job_2 && cmake -B build"));
  ASSERT_THAT(names("my-job_2"), ElementsAre(".gitignore", "CMakeLists.txt", "README.md", "main.cc"));
  EXPECT_THAT(text("my-job_2/CMakeLists.txt"), HasSubstr("add_executable(my-job_2 main.cc)"));
  EXPECT_THAT(text("my-job_2/main.cc"), HasSubstr("Job job{\"my-job_2\", argc, argv}"));
  EXPECT_THAT(text("my-job_2/README.md"), HasSubstr("build/my-job_2 --help"));
  for (const std::string& name : names("my-job_2")) {
    EXPECT_THAT(text("my-job_2/" + name), Not(HasSubstr("@NAME@"))) << name;
  }
}

TEST_F(NewProject, WhatIsThereAlreadyIsLeftAsItIs) {
  ASSERT_EQ(make("orders"), ExitStatus::kDone);
  value_or_throw(replace_file(files_, "orders/main.cc", "mine"));
  EXPECT_EQ(make("orders"), ExitStatus::kFailed);
  EXPECT_THAT(err_, HasSubstr("'orders' is there already, and is left as it is: choose another name"));
  EXPECT_EQ(text("orders/main.cc"), "mine");
}

TEST_F(NewProject, NamesThatNoFolderTargetAndJobCanHaveAreRefused) {
  for (const std::string name : {"", "Orders", "../orders", "a/b", "1st", "_x", "a b", "a.b", "caf\xc3\xa9", "-"}) {
    EXPECT_EQ(make(name), ExitStatus::kUsage) << name;
    EXPECT_THAT(err_, HasSubstr("is made of 1 to 64 of a-z 0-9 - _, a letter first")) << name;
  }
  EXPECT_EQ(make(std::string(65, 'a')), ExitStatus::kUsage);
  EXPECT_EQ(make("test"), ExitStatus::kUsage);
  EXPECT_THAT(err_, HasSubstr("CMake has a target of that name"));
  EXPECT_TRUE(names(".").empty());
}

TEST_F(NewProject, AFullDiskIsToldWithTheFile) {
  files_.set_hook([](FileOperation operation, const std::string&) -> std::optional<Error> {
    if (operation == FileOperation::kAppend) return Error{ErrorCode::kResourceExhausted, "the disk is full"};
    return std::nullopt;
  });
  EXPECT_EQ(make("orders"), ExitStatus::kFailed);
  EXPECT_THAT(err_, HasSubstr("the disk is full"));
}

}  // namespace
}  // namespace tidemark
