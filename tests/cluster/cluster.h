// Whole clusters of real processes on this machine, as a person uses them by the command `tidemark`.
#pragma once

#include <cstdlib>
#include <fstream>

#include "control/http.h"
#include "env/network_address.h"
#include "tests/integration/command_test.h"
#include "tests/integration/free_port.h"

namespace tidemark {

inline std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> children;
  const fs::path tasks = "/proc/" + std::to_string(parent) + "/task";
  std::error_code gone;
  for (const auto& task : fs::directory_iterator{tasks, gone}) {
    std::ifstream list{task.path() / "children"};
    for (pid_t child = 0; list >> child;) children.push_back(child);
  }
  return children;
}

/// Daemons with folders, ports and logs of their own.
class ClusterTest : public CommandTest {
 protected:
  void start_job_manager() {
    job_manager_ = std::make_unique<ChildProcess>(
        TIDEMARK_COMMAND, Words{"jobmanager", "--dir", "jm", "--bind", "127.0.0.1:" + rpc_, "--rest", "127.0.0.1:" + rest_}, folder_, "jobmanager.log");
  }
  void start_task_manager(std::size_t number, int slots) {
    if (task_managers_.size() <= number) task_managers_.resize(number + 1);
    const std::string name = "tm" + std::to_string(number);
    task_managers_[number] = std::make_unique<ChildProcess>(
        TIDEMARK_COMMAND, Words{"taskmanager", "--jobmanager", "127.0.0.1:" + rpc_, "--slots", std::to_string(slots), "--dir", name, "--data-host", "127.0.0.1"},
        folder_, name + ".log");
  }
  void start_cluster(int task_managers, int slots_each) {
    start_job_manager();
    for (int i = 0; i < task_managers; ++i) start_task_manager(static_cast<std::size_t>(i), slots_each);
    slots_ = task_managers * slots_each;
    ASSERT_TRUE(comes_true([&] { return free_slots() == slots_; })) << job_manager_->output();
  }
  template <class Condition>
  static bool comes_true(Condition&& condition, std::chrono::seconds within = 60s) {
    const auto until = std::chrono::steady_clock::now() + within;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(20ms);
    }
    return true;
  }
  /// What REST answers; empty if nobody does.
  std::string ask(const std::string& path) const {
    const auto answer = http_call(HttpPeer{.address = value_or_throw(parse_network_address("127.0.0.1:" + rest_))}, {.path = path});
    return answer ? answer->body : std::string{};
  }
  // Of {"slots-available": 3, ...}.
  static int number_in(const std::string& json, const std::string& field) {
    const std::size_t at = json.find('"' + field + "\":");
    return at == std::string::npos ? -1 : std::atoi(json.c_str() + at + field.size() + 3);
  }
  int free_slots() const { return number_in(ask("/overview"), "slots-available"); }

  Words job_words(const Words& more, const std::string& name) const {
    return with({TIDEMARK_ALL_ROUND_JOB, "--out", path(name + "-out"), "--checkpoint-dir", path(name + "-state"), "--checkpoint-interval", "300ms"}, more);
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  /// Of a job that was submitted; its id.
  std::string submit(const std::string& name, const Words& more, const Words& options = {"-p", "4"}) const {
    const Ran ran = run_in_cluster(with(with({"-d"}, options), job_words(more, name)));
    EXPECT_EQ(ran.status, 0) << ran.output;
    EXPECT_THAT(ran.output, ::testing::HasSubstr("Job has been submitted with JobID "));
    return word_after(ran.output, "JobID ");
  }
  Ran run_in_cluster(const Words& words) const { return in_cluster("run", words); }
  Ran in_cluster(const std::string& command, const Words& words) const {
    return tidemark(with({command, "-m", "127.0.0.1:" + rest_}, words));
  }
  std::string state_of(const std::string& job) const {
    const std::string answer = ask("/jobs/" + job);
    const std::size_t at = answer.find("\"state\":\"");
    return at == std::string::npos ? answer : answer.substr(at + 9, answer.find('"', at + 9) - at - 9);
  }
  int checkpoints_of(const std::string& job) const { return number_in(ask("/jobs/" + job + "/checkpoints"), "completed"); }
  // [{"id":"numRestarts","value":"2"}]
  int restarts_of(const std::string& job) const {
    const std::string answer = ask("/jobs/" + job + "/metrics?get=numRestarts");
    const std::size_t at = answer.find("\"value\":\"");
    return at == std::string::npos ? -1 : std::atoi(answer.c_str() + at + 9);
  }
  bool runs_with_a_checkpoint(const std::string& job) const { return state_of(job) == "RUNNING" && checkpoints_of(job) > 0; }
  std::vector<pid_t> workers() const {
    std::vector<pid_t> all;
    for (const auto& task_manager : task_managers_) {
      if (task_manager != nullptr) std::ranges::copy(children_of(task_manager->pid()), std::back_inserter(all));
    }
    return all;
  }

  /// Those of both sinks.
  std::vector<std::string> all_rows(const std::string& out) const {
    std::vector<std::string> all = rows(out + "/seen");
    std::ranges::copy(rows(out + "/sums"), std::back_inserter(all));
    return all;
  }
  std::vector<std::string> rows_alone(const Words& more) const {
    ChildProcess job{TIDEMARK_ALL_ROUND_JOB, with({"--out", path("alone-out"), "--checkpoint-dir", path("alone-state")}, more), folder_, "alone.log"};
    EXPECT_EQ(job.wait(), 0) << job.output();
    return all_rows("alone-out");
  }
  void expect_finished(const std::string& job, const std::string& name, const std::vector<std::string>& expected) {
    ASSERT_TRUE(comes_true([&] { const std::string state = state_of(job); return state == "FINISHED" || state == "FAILED"; }, 180s)) << state_of(job);
    ASSERT_EQ(state_of(job), "FINISHED") << ask("/jobs/" + job + "/exceptions") << job_manager_->output();
    EXPECT_TRUE(all_rows(name + "-out") == expected) << all_rows(name + "-out").size() << " rows for " << expected.size();
  }

  const std::string rpc_ = free_port();
  const std::string rest_ = free_port();
  int slots_ = 0;
  std::unique_ptr<ChildProcess> job_manager_;
  std::vector<std::unique_ptr<ChildProcess>> task_managers_;
};

}  // namespace tidemark
