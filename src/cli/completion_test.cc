#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "env/child_process.h"
#include "env/posix_env.h"

namespace tidemark {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class CompletionTest : public testing::Test {
 protected:
  CompletionTest() {
    std::string name = (fs::temp_directory_path() / "tidemark-completion-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~CompletionTest() override { fs::remove_all(folder_); }

  ExitStatus script(const std::string& shell) {
    PosixEnv posix{1};
    out_.clear();
    Cli cli{.env = posix.env(), .out = [this](std::string_view line) { out_ += line; }, .err = [this](std::string_view line) { err_ += line; }, .chosen = {}};
    const std::vector<const char*> words{"tidemark", "completion", shell.c_str()};
    return run_command_line(cli, static_cast<int>(words.size()), words.data());
  }
  /// What bash offers behind this line, whose words have no spaces. The command itself is one that knows two jobs, where it is asked at "there".
  std::vector<std::string> offers(const std::string& line) {
    EXPECT_EQ(script("bash"), ExitStatus::kDone);
    std::ofstream{folder_ / "script"} << out_;
    std::ofstream{folder_ / "tidemark"} << "#!/bin/sh\n[ \"$*\" = 'list --json -m there' ] && "
                                           "echo '{\"jobs\":[{\"jid\":\"0123456789abcdef0123456789abcdef\"},{\"jid\":\"ffff456789abcdef0123456789abcdef\"}]}'\n";
    fs::permissions(folder_ / "tidemark", fs::perms::owner_all);
    const std::string ask = "set -u; PATH=" + folder_.string() + ":$PATH; source " + (folder_ / "script").string() + "; COMP_WORDS=(" + line +
                            "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _tidemark; printf '%s\\n' \"${COMPREPLY[@]:-}\"";
    const ChildEnd end = value_or_throw(run_child({"bash", "--norc", "-c", ask}, 60'000, {.keep_errors = true}));
    EXPECT_EQ(end.exit_code, 0) << end.errors;
    EXPECT_EQ(end.errors, "");
    std::istringstream lines{end.output};
    std::vector<std::string> result;
    for (std::string word; lines >> word;) result.push_back(word);
    return result;
  }

  fs::path folder_;
  std::string out_;
  std::string err_;
};

TEST_F(CompletionTest, BashCompletesCommands) {
  EXPECT_THAT(offers("tidemark sa"), ElementsAre("savepoint"));
  EXPECT_THAT(offers("tidemark ''"), AllOf(Contains("run"), Contains("upgrade"), Contains("completion"), Contains("--help")));
}

TEST_F(CompletionTest, BashCompletesTheOptionsOfACommand) {
  EXPECT_THAT(offers("tidemark upgrade --all"), ElementsAre("--allowNonRestoredState"));
  EXPECT_THAT(offers("tidemark list --"), AllOf(Contains("--jobmanager"), Contains("--json"), Contains("--all"), Not(Contains("--drain"))));
  EXPECT_THAT(offers("tidemark stop -"), AllOf(Contains("-p"), Contains("--drain")));
}

TEST_F(CompletionTest, BashCompletesTheIdsOfJobs) {
  EXPECT_THAT(offers("tidemark stop -m there ''"), ElementsAre("0123456789abcdef0123456789abcdef", "ffff456789abcdef0123456789abcdef"));
  EXPECT_THAT(offers("tidemark cancel -m there ff"), ElementsAre("ffff456789abcdef0123456789abcdef"));
  EXPECT_THAT(offers("tidemark cancel -m elsewhere ff"), ElementsAre()) << "nobody answers";
  EXPECT_THAT(offers("tidemark run -m there ''"), ElementsAre()) << "files are";
}

TEST_F(CompletionTest, OtherShellsHaveTheirOwnWords) {
  ASSERT_EQ(script("zsh"), ExitStatus::kDone);
  EXPECT_THAT(out_, AllOf(testing::StartsWith("#compdef tidemark\n"), HasSubstr("bashcompinit"), HasSubstr("savepoint) options=")));
  ASSERT_EQ(script("fish"), ExitStatus::kDone);
  EXPECT_THAT(out_, AllOf(HasSubstr("-a savepoint -d 'Take a savepoint"), HasSubstr("'__fish_seen_subcommand_from stop' -s d -l drain -d ")));
  EXPECT_EQ(script("tcsh"), ExitStatus::kUsage);
  EXPECT_THAT(err_, HasSubstr("tcsh"));
}

}  // namespace
}  // namespace tidemark
