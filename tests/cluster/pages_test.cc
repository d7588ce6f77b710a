// The commands of README.md and docs/cluster.md that make a cluster, run as they stand there: in a shell, but for the ports and the folder /tmp,
// which others may use.
#include <cstdlib>
#include <sstream>
#include <utility>

#include "tests/cluster/cluster.h"
#include "tests/page_code.h"

namespace tidemark {
namespace {

using ::testing::HasSubstr;

constexpr const char* kBuilds = "tools/quickstart && ";

class PagesTest : public ClusterTest {
 protected:
  /// What the shell is given for it. "3f1c..." and "savepoint-..." stand for what was printed last.
  std::string command_of(std::string line) const {
    for (const auto& [what, with] : {std::pair{std::string{"/tmp/"}, path("")},
                                     {"tidemark local", "tidemark local --bind 127.0.0.1:" + rpc_ + " --rest 127.0.0.1:" + rest_},
                                     {"build/release/bin", TIDEMARK_PROGRAMS},
                                     {"3f1c...", job_},
                                     {"savepoint-...", savepoint_}}) {
      for (std::size_t at = 0; (at = line.find(what, at)) != std::string::npos; at += with.size()) line.replace(at, what.size(), with);
    }
    return line;
  }
  void run_line(const std::string& line) {
    SCOPED_TRACE(line);
    const std::string command = "PATH='" TIDEMARK_PROGRAMS "':$PATH; TIDEMARK_JOBMANAGER=127.0.0.1:" + rest_ + "; export TIDEMARK_JOBMANAGER; ";
    if (line.starts_with("tidemark local ")) {
      const std::string words = command_of(line.substr(0, line.find('&')));
      cluster_ = std::make_unique<ChildProcess>("/bin/sh", Words{"-c", command + "exec " + words}, folder_, "local.log");
      ASSERT_TRUE(comes_true([&] { return free_slots() == 4; })) << cluster_->output();
      return;
    }
    ChildProcess shell{"/bin/sh", {"-c", command + command_of(line)}, folder_, "shell.log"};
    EXPECT_EQ(shell.wait(), 0) << shell.output() << cluster_->output();
    if (const std::string job = word_after(shell.output(), "JobID "); !job.empty()) {
      job_ = job;
      ASSERT_TRUE(comes_true([&] { return state_of(job_) == "RUNNING" && !rows("clicks").empty(); })) << cluster_->output();
    }
    if (const std::string savepoint = word_after(shell.output(), "Path: "); !savepoint.empty()) savepoint_ = fs::path{savepoint}.filename();
  }
  /// Runs the page's commands, and sees that each window of each page has been counted whole and once.
  void run_page(const std::string& page) {
    const std::string text = slurp(TIDEMARK_SOURCE_DIR "/" + page);
    for (const std::string& block : blocks(text, "")) {
      if (!block.contains("tidemark local --dir /tmp/cluster")) continue;
      int commands = 0;
      std::istringstream lines{block};
      for (std::string line; std::getline(lines, line); ++commands) {
        if (!line.starts_with(kBuilds)) run_line(line);
      }
      EXPECT_EQ(commands, 5);
    }
    ASSERT_FALSE(savepoint_.empty()) << "there are no such commands in " << page;
    const std::size_t before = rows("clicks").size();
    EXPECT_TRUE(comes_true([&] { return rows("clicks").size() > before; })) << "the job does not go on";
    const auto written = rows("clicks");
    EXPECT_TRUE(std::ranges::adjacent_find(written) == written.end()) << "a row is there twice";
    for (const std::string& row : written) {
      EXPECT_THAT(row, HasSubstr(row.contains("/cart") ? "\"clicks\":20}" : "\"clicks\":40}"));
    }
  }

 private:
  std::unique_ptr<ChildProcess> cluster_;
  std::string job_;
  std::string savepoint_;
};

TEST_F(PagesTest, TheReadmesFiveCommands) { run_page("README.md"); }

TEST_F(PagesTest, TheClusterPagesFiveCommands) { run_page("docs/cluster.md"); }

TEST(Pages, TheFirstOfTheReadmesCommandsBuildsWhatTheOthersRun) {
  EXPECT_THAT(slurp(TIDEMARK_SOURCE_DIR "/README.md"), HasSubstr(std::string{kBuilds} + "PATH=$PWD/build/release/bin:$PATH\ntidemark local"));
  EXPECT_THAT(slurp(TIDEMARK_SOURCE_DIR "/tools/quickstart"), HasSubstr("targets=\"hot_items nexmark_gen live_clicks tidemark_command\""));
}

}  // namespace
}  // namespace tidemark
