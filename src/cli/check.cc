// tidemark check: whether a job can start from a checkpoint or savepoint, said before anything is stopped.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/job_plan.h"
#include "cli/verdict_report.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/snapshot_claim.h"
#include "snapshot/snapshot_file_reader.h"

namespace tidemark {
namespace {

struct Arguments {
  std::string path;
  bool as_json = false;
  bool drop_unclaimed = false;
};

/// A job's folder means its newest complete checkpoint.
Result<std::string> checkpoint_folder(FileSystem& files, const std::string& path) {
  TIDEMARK_ASSIGN(pointer, read_pointer_file(files, path));
  if (!pointer) return path;
  if (pointer->checkpoints.empty()) {
    return fail(ErrorCode::kNotFound, fmt::format("the job of '{}' has no complete checkpoint yet", path));
  }
  return path_of(path, pointer->checkpoints.back());
}

// What the files hold is what will be read, whatever the metadata say of it.
Result<> add_schemas_of_files(FileSystem& files, CheckpointMetadata& checkpoint) {
  for (CheckpointMetadata::Operator& op : checkpoint.operators) {
    for (const OperatorSnapshot& subtask : op.subtasks) {
      for (const SnapshotFile& file : subtask.keyed_files) {
        TIDEMARK_ASSIGN(reader, SnapshotFileReader::open(files, file.path, &file));
        for (const StateDescriptor& state : reader->states()) {
          if (std::ranges::find(op.states, state) == op.states.end()) op.states.push_back(state);
        }
      }
    }
  }
  return {};
}

// What is claimed only its owner starts from. That is known by its folder, so whoever names the snapshot by its path is told.
Result<> add_claim(FileSystem& files, const std::string& path, const std::string& folder, VerdictReport& report) {
  TIDEMARK_ASSIGN(claim, read_claim(files, folder));
  if (!claim || files.real_path(claim->folder) == files.real_path(path)) return {};
  report.problems.push_back(
      fmt::format("It has been claimed by the job '{}' with its checkpoints in '{}': no other can start from it. Name another "
                  "one, or copy it and remove the file '{}' from the copy.",
                  claim->job, claim->folder, kClaimName));
  return {};
}

Result<VerdictReport> check(Cli& cli, const Arguments& arguments, const std::vector<std::string>& job) {
  TIDEMARK_ASSIGN(folder, checkpoint_folder(*cli.env.files, arguments.path));
  TIDEMARK_ASSIGN(checkpoint, load_checkpoint(*cli.env.files, folder));
  TIDEMARK_TRY(add_schemas_of_files(*cli.env.files, checkpoint));
  TIDEMARK_ASSIGN(plan, plan_of_job(job));
  VerdictReport report{.saved = fmt::format("checkpoint {} of job '{}' ({})", checkpoint.id, checkpoint.job, folder),
                       .declared = job.front(),
                       .states = judge(plan, saved_operators(checkpoint)),
                       .unclaimed = arguments.drop_unclaimed ? UnclaimedState::kDrop : UnclaimedState::kRefuse};
  if (checkpoint.job != plan.job) {
    report.problems.push_back(fmt::format("The checkpoint belongs to job '{}', not to '{}': name one of this job.",
                                          checkpoint.job, plan.job));
  }
  TIDEMARK_TRY(add_claim(*cli.env.files, arguments.path, folder, report));
  return report;
}

Result<ExitStatus> run(Cli& cli, const Arguments& arguments, const std::vector<std::string>& job) {
  if (job.empty()) {
    cli.err("tidemark check: name the job's executable: tidemark check -s PATH ./job ARGS");
    return ExitStatus::kUsage;
  }
  const auto report = check(cli, arguments, job);
  if (report) return print_verdict(*report, arguments.as_json, cli);
  return print_unknown(report.error().within("tidemark check"), arguments.as_json, cli);
}

}  // namespace

void add_check_command(CLI::App& app, Cli& cli) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("check", "Say whether a job can start from a checkpoint or savepoint");
  command
      ->add_option("-s,--from-savepoint", arguments->path,
                   "Folder of the checkpoint or savepoint; of a job: its newest checkpoint")
      ->required();
  command->add_flag("--json", arguments->as_json, "Print JSON");
  command->add_flag("-n,--allow-non-restored-state", arguments->drop_unclaimed,
                    "State that no operator takes may be dropped");
  command->footer(
      "tidemark check -s PATH [--json] [-n] ./job [ARGS...]\n"
      "Runs './job --plan ARGS' and nothing else. Exit status: 0 if all fits, as it is or converted;\n"
      "1 if something is refused or has no taker; 2 if it can't be told.");
  command->prefix_command();
  command->callback([&cli, arguments, command] {
    cli.chosen = [&cli, arguments, job = command->remaining()] { return run(cli, *arguments, job); };
  });
}

}  // namespace tidemark
