// tidemark list: the jobs of a cluster, or those that run alone and keep their checkpoints in a folder.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "cli/job_argument.h"
#include "cli/job_client.h"
#include "cli/job_manager.h"
#include "cli/job_places.h"
#include "control/control_folder.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

struct Arguments {
  std::string dir;
  std::string job_manager;
  bool as_json = false;
  bool running = false;
  bool scheduled = false;
  bool all = false;
};

enum class Kind { kScheduled, kRunning, kOver };

Kind kind_of(const ListedJob& job) {
  if (job.state == "CREATED" || job.state == "INITIALIZING") return Kind::kScheduled;
  return job.state == "FINISHED" || job.state == "CANCELED" || job.state == "FAILED" ? Kind::kOver : Kind::kRunning;
}

std::string line_of(const ListedJob& job) {
  const std::chrono::sys_time start{std::chrono::milliseconds{job.start_ms}};
  return fmt::format("{:%d.%m.%Y %H:%M:%S} : {} : {} ({})", std::chrono::floor<std::chrono::seconds>(start), job.id, job.name,
                     job.state);
}

void print_some(const Cli& cli, const std::vector<ListedJob>& jobs, Kind kind, std::string_view header, std::string_view none) {
  bool is_first = true;
  for (const ListedJob& job : jobs) {
    if (kind_of(job) != kind) continue;
    if (is_first) cli.out(header);
    is_first = false;
    cli.out(line_of(job));
  }
  cli.out(is_first ? none : "--------------------------------------------------------------");
}

bool is_wanted(const ListedJob& job, const Arguments& arguments) {
  const Kind kind = kind_of(job);
  if (arguments.all) return true;
  if (!arguments.running && !arguments.scheduled) return kind != Kind::kOver;
  return (arguments.running && kind == Kind::kRunning) || (arguments.scheduled && kind == Kind::kScheduled);
}

void print_json(const Cli& cli, const std::vector<ListedJob>& jobs, const Arguments& arguments) {
  Json listed = Json::array();
  for (const ListedJob& job : jobs) {
    if (is_wanted(job, arguments)) {
      listed.push_back({{"jid", job.id}, {"name", job.name}, {"state", job.state}, {"start-time", job.start_ms}});
    }
  }
  cli.out(Json{{"jobs", std::move(listed)}}.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Result<std::vector<ListedJob>> jobs_of_cluster(const Arguments& arguments) {
  TIDEMARK_ASSIGN(peer, job_manager_peer(arguments.job_manager));
  return JobManagerClient{std::move(peer)}.jobs();
}

/// Of a job that runs alone the folder says more than its name.
Result<std::vector<ListedJob>> jobs_of_folder(const Cli& cli, const std::string& path) {
  TIDEMARK_ASSIGN(places, job_places(*cli.env.files, control_root(), path));
  std::vector<ListedJob> jobs;
  for (const JobPlace& place : places) {
    if (const auto job = JobClient::reach(cli.env, place)) jobs.push_back({job->id(), job->where(), job->state(), job->start_ms()});
  }
  return jobs;
}

Result<ExitStatus> list_cluster(const Cli& cli, const Arguments& arguments) {
  tell(cli, arguments.as_json, "Waiting for response...");
  TIDEMARK_ASSIGN(jobs, jobs_of_cluster(arguments));
  if (arguments.as_json) {
    print_json(cli, jobs, arguments);
    return ExitStatus::kDone;
  }
  const bool both = arguments.all || (!arguments.running && !arguments.scheduled);
  if (both || arguments.running) {
    print_some(cli, jobs, Kind::kRunning, "------------------ Running/Restarting Jobs -------------------", "No running jobs.");
  }
  if (both || arguments.scheduled) {
    print_some(cli, jobs, Kind::kScheduled, "----------------------- Scheduled Jobs -----------------------", "No scheduled jobs.");
  }
  if (arguments.all) {
    print_some(cli, jobs, Kind::kOver, "---------------------- Terminated Jobs -----------------------", "No terminated jobs.");
  }
  return ExitStatus::kDone;
}

Result<ExitStatus> list_folder(const Cli& cli, const Arguments& arguments) {
  TIDEMARK_ASSIGN(jobs, jobs_of_folder(cli, arguments.dir));
  if (arguments.as_json) {
    print_json(cli, jobs, {.all = true});
  } else if (jobs.empty()) {
    cli.out("No running jobs.");
  } else {
    cli.out("------------------ Running/Restarting Jobs -------------------");
    for (const ListedJob& job : jobs) cli.out(line_of(job));
    cli.out("--------------------------------------------------------------");
  }
  return ExitStatus::kDone;
}

}  // namespace

void add_list_command(CLI::App& app, Cli& cli) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("list", "List the jobs of a cluster, or the running ones of a folder of checkpoints");
  CLI::Option* dir =
      command->add_option("dir", arguments->dir, "A folder of checkpoints, CHECKPOINT-DIR: the jobs in it that run alone; without, those of a cluster");
  add_cluster_options(*command, arguments->job_manager, arguments->as_json);
  command->add_flag("-r,--running", arguments->running, "Of a cluster: those that run")->excludes(dir);
  command->add_flag("-s,--scheduled", arguments->scheduled, "Of a cluster: those that wait to be started")->excludes(dir);
  command->add_flag("-a,--all", arguments->all, "Of a cluster: those that are over, too")->excludes(dir);
  command->callback([&cli, arguments] {
    if (!arguments->dir.empty() && !arguments->job_manager.empty()) throw CLI::ExcludesError{"DIR", "--jobmanager"};
    cli.chosen = [&cli, arguments] { return arguments->dir.empty() ? list_cluster(cli, *arguments) : list_folder(cli, *arguments); };
  });
}

}  // namespace tidemark
