// tidemark checkpoint: has a running job take a checkpoint out of turn, or tells of those that it has taken.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "cli/commands.h"
#include "cli/job_argument.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

struct Arguments : JobArgument {
  bool history = false;
  bool is_full = false;
};

std::int64_t number_at(const Json& json, const char* name) {
  const Json number = json.value(name, Json{});
  return number.is_number_integer() ? number.get<std::int64_t>() : -1;
}

std::string text_at(const Json& json, const char* name) {
  const Json text = json.value(name, Json{});
  return text.is_string() ? text.get<std::string>() : std::string{};
}

/// What a person looks for: whether it is complete and where, or why it failed.
std::string outcome_of(const Json& checkpoint, std::string_view status) {
  if (status == "FAILED") return text_at(checkpoint, "failure_message");
  if (status == "COMPLETED") return checkpoint.value("discarded", false) ? "deleted, as newer ones are complete" : text_at(checkpoint, "external_path");
  return fmt::format("{} of {} subtasks have acknowledged it", number_at(checkpoint, "num_acknowledged_subtasks"), number_at(checkpoint, "num_subtasks"));
}

std::string line_of(const Json& checkpoint) {
  const std::string status = text_at(checkpoint, "status");
  const std::chrono::sys_time triggered{std::chrono::milliseconds{number_at(checkpoint, "trigger_timestamp")}};
  return fmt::format("{:%d.%m.%Y %H:%M:%S} : {} {} ({}) : {} ms : {} bytes : {}", std::chrono::floor<std::chrono::seconds>(triggered),
                     text_at(checkpoint, "checkpoint_type"), number_at(checkpoint, "id"), status, number_at(checkpoint, "end_to_end_duration"),
                     number_at(checkpoint, "checkpointed_size"), outcome_of(checkpoint, status));
}

Result<ExitStatus> tell_history(const Cli& cli, const JobArgument& argument) {
  TIDEMARK_ASSIGN(job, find_job(cli, argument));
  TIDEMARK_ASSIGN(text, job.checkpoint_history());
  if (argument.as_json) {
    cli.out(fmt::format(R"({{"job":{},"checkpoints":{}}})", Json(job.id()).dump(), text));
    return ExitStatus::kDone;
  }
  const Json history = Json::parse(text);
  for (const Json& checkpoint : history) cli.out(line_of(checkpoint));
  if (history.empty()) cli.out("No checkpoints.");
  return ExitStatus::kDone;
}

Result<ExitStatus> take(const Cli& cli, const Arguments& argument) {
  TIDEMARK_ASSIGN(job, find_job(cli, argument));
  tell(cli, argument.as_json, fmt::format("Triggering checkpoint for job {}.", job.id()));
  tell(cli, argument.as_json, "Waiting for response...");
  TIDEMARK_ASSIGN(taken, job.take_snapshot({.what = SnapshotOrder::What::kCheckpoint,
                                            .then = SnapshotOrder::Then::kGoOn,
                                            .dir = {},
                                            .is_full = argument.is_full}));
  cli.out(argument.as_json ? Json{{"job", job.id()}, {"checkpoint", taken.id}}.dump()
                           : fmt::format("Checkpoint({}) {} for job {} completed.", argument.is_full ? "FULL" : "CONFIGURED", taken.id, job.id()));
  return ExitStatus::kDone;
}

}  // namespace

void add_checkpoint_command(CLI::App& app, Cli& cli) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("checkpoint", "Have a running job take a checkpoint now, or list those that it has taken");
  command->add_option("job", arguments->job, std::string{kJobHelp})->required();
  add_cluster_options(*command, *arguments);
  command->add_flag("--full", arguments->is_full, "One that needs no earlier one. Also -full");
  command->add_flag("--history", arguments->history, "Take none, but say what became of the newest: where they lie, or why they failed");
  command->callback([&cli, arguments] {
    cli.chosen = [&cli, arguments] { return arguments->history ? tell_history(cli, *arguments) : take(cli, *arguments); };
  });
}

}  // namespace tidemark
