#include "tidemark/job.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "api/embedded_run.h"
#include "api/job_describe.h"
#include "api/restore_check.h"
#include "api/worker_run.h"
#include "base/log.h"
#include "base/result.h"
#include "config/command_line.h"
#include "control/worker_order.h"
#include "env/crash_point.h"
#include "env/file_urls.h"
#include "env/posix_file_system.h"
#include "graph/plan.h"

namespace tidemark {
namespace {

/// Users read of them in job.h.
enum ExitCode { kSuccess = 0, kFailure = 1, kWrongUsage = 2 };

void print(std::FILE* to, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), to);
  std::fputc('\n', to);
  std::fflush(to);
}

Error failure_of(const JobOutcome& outcome) {
  if (outcome.error) return *outcome.error;
  return {ErrorCode::kCancelled, "the job was cancelled; what was not committed is discarded"};
}

std::string cancelled(const JobOutcome& outcome, const std::string& go_on) {
  if (outcome.cancelled_savepoint.empty()) return "cancelled; what was not committed is discarded" + go_on;
  const std::string older = outcome.kept.empty() ? ""
                                                 : " (--resume alone goes back to a checkpoint before it, and discards what "
                                                   "the savepoint's sinks have yet to commit)";
  return fmt::format("cancelled with a savepoint; go on from there with --resume={}{}", outcome.cancelled_savepoint, older);
}

}  // namespace

struct Job::Parts {
  std::string name;
  std::string program;  // as it was called
  CommandLine line;
  UserParts user;
  bool was_run = false;

  Result<Options> options() {
    if (std::exchange(was_run, true)) return fail(ErrorCode::kFailedPrecondition, "a Job runs once: make another one");
    if (std::getenv(kDescribeToVariable.data()) != nullptr || std::getenv(kWorkerOrderVariable.data()) != nullptr) line.expect_folder();
    auto options = line.finish([](const std::string& path) { return read_file(posix_file_system(), path); });
    if (options && user.storage == nullptr) {
      for (std::string* const path : {&options->checkpointing.dir, &options->checkpointing.savepoint_dir,
                                      &options->restore_path, &options->check_path}) {
        *path = without_file_scheme(*path);
      }
    }
    return options;
  }

  Result<PhysicalPlan> plan(const detail::JobBuilder& builder, const Options& options) const {
    if (builder.complaint()) return std::unexpected{*builder.complaint()};
    LogicalPlan logical = builder.plan();
    logical.job = name;
    logical.parallelism = static_cast<std::uint32_t>(options.parallelism);
    logical.max_parallelism = static_cast<std::uint32_t>(options.max_parallelism);
    return make_physical_plan(std::move(logical));
  }

  /// Its exit status is that of `tidemark check`.
  int check(const Options& options, const LogicalPlan& plan) const {
    const std::string path = options.check_path.empty() ? join_path(options.checkpointing.dir, name) : options.check_path;
    const UnclaimedState unclaimed = options.ignore_unclaimed_state ? UnclaimedState::kDrop : UnclaimedState::kRefuse;
    const auto report = check_restore(user.storage, plan, {.path = path, .declared = program, .unclaimed = unclaimed});
    if (report) {
      print(stdout, options.check_as_json ? verdict_json(*report) : verdict_text(*report));
      return misfits(*report) == 0 ? kSuccess : kFailure;
    }
    if (!options.check_as_json) return complain(kWrongUsage, report.error().message());
    print(stdout, unknown_json(report.error()));
    return kWrongUsage;
  }

  /// What a TaskManager or a JobManager has started this process for; nothing if a person has.
  std::optional<int> run_as_ordered(const Options& options, const PhysicalPlan& plan, const detail::JobFactories& factories) const {
    const char* const describe_to = std::getenv(kDescribeToVariable.data());
    const char* const order_text = std::getenv(kWorkerOrderVariable.data());
    if (describe_to == nullptr && order_text == nullptr) return std::nullopt;
    const auto done = [&]() -> Result<> {
      if (describe_to != nullptr) return describe_job(posix_file_system(), describe_to, options, plan, user.storage != nullptr);
      TIDEMARK_ASSIGN(order, parse_worker_order(order_text));
      // Not for processes that the job starts.
      ::unsetenv(kWorkerOrderVariable.data());
      return run_worker(order, options, plan, factories, user);
    }();
    return done ? kSuccess : complain(kFailure, done.error().message());
  }

  int complain(ExitCode code, const std::string& message) const {
    print(stderr, fmt::format("{}: {}", name, message));
    return code;
  }

  int report(const JobOutcome& outcome) const {
    const std::string go_on = outcome.kept.empty() ? "" : fmt::format("; kept: {} (go on from there with --resume)", outcome.kept);
    switch (outcome.state) {
      case JobState::kFinished: return kSuccess;
      case JobState::kStopped: print(stderr, fmt::format("{}: stopped{}", name, go_on)); return kSuccess;
      case JobState::kCancelled: return complain(kFailure, cancelled(outcome, go_on));
      default: {
        const Error failure = failure_of(outcome);
        // What was refused or can't be read is nothing to go on from; the message says what to do instead.
        const bool refused = failure.code() == ErrorCode::kDataLoss || failure.code() == ErrorCode::kUnsupportedVersion ||
                             failure.code() == ErrorCode::kFailedPrecondition || failure.code() == ErrorCode::kInvalidArgument;
        return complain(kFailure, fmt::format("failed: {}{}", failure.message(), refused ? "" : go_on));
      }
    }
  }
};

Job::Job(std::string name, int argc, const char* const* argv) {
  arm_crash_points();
  CommandLine line{name, argc, argv};
  std::string program = argc > 0 && argv[0] != nullptr ? argv[0] : name;
  parts_ = std::make_unique<Parts>(std::move(name), std::move(program), std::move(line));
}

Job::~Job() = default;

std::string Job::arg(std::string_view name, std::string_view default_value, std::string_view help) {
  return parts_->line.string_arg(name, default_value, help);
}
Duration Job::arg(std::string_view name, Duration default_value, std::string_view help) {
  return parts_->line.duration_arg(name, default_value, help);
}
bool Job::bool_arg(std::string_view name, bool default_value, std::string_view help) {
  return parts_->line.bool_arg(name, default_value, help);
}
std::int64_t Job::int64_arg(std::string_view name, std::int64_t default_value, std::string_view help) {
  return parts_->line.int64_arg(name, default_value, help);
}
double Job::double_arg(std::string_view name, double default_value, std::string_view help) {
  return parts_->line.double_arg(name, default_value, help);
}

void Job::store_snapshots_in(std::shared_ptr<Storage> storage) { parts_->user.storage = std::move(storage); }
void Job::keep_state_in(std::shared_ptr<StateStores> stores) { parts_->user.state_stores = std::move(stores); }

int Job::run() {
  try {
    if (parts_->line.wants_help()) {
      print(stdout, parts_->line.help());
      return kSuccess;
    }
    const auto options = parts_->options();
    if (!options) return parts_->complain(kWrongUsage, options.error().message());
    set_log_level(options->log_level);
    const auto plan = parts_->plan(builder_, *options);
    if (!plan) return parts_->complain(options->check_only ? kWrongUsage : kFailure, plan.error().message());
    if (options->plan_only) {
      print(stdout, to_json(*plan));
      return kSuccess;
    }
    if (options->check_only) return parts_->check(*options, plan->logical);
    if (const auto status = parts_->run_as_ordered(*options, *plan, builder_.factories())) return *status;
    const auto outcome = run_embedded(*options, *plan, builder_.factories(), parts_->user, RunStyle::kProgram);
    return outcome ? parts_->report(*outcome) : parts_->complain(kFailure, outcome.error().message());
  } catch (const std::exception& e) {
    return parts_->complain(kFailure, fmt::format("failed: {}", e.what()));
  }
}

void Job::run_or_throw() {
  if (parts_->line.wants_help()) throw Error{ErrorCode::kInvalidArgument, "--help is for run()"};
  const Options options = value_or_throw(parts_->options());
  if (options.plan_only) throw Error{ErrorCode::kInvalidArgument, "--plan is for run()"};
  if (options.check_only) throw Error{ErrorCode::kInvalidArgument, "--check is for run()"};
  const PhysicalPlan plan = value_or_throw(parts_->plan(builder_, options));
  // What would follow in main() is for somebody who runs it alone.
  if (const auto status = parts_->run_as_ordered(options, plan, builder_.factories())) std::exit(*status);
  const JobOutcome outcome = value_or_throw(run_embedded(options, plan, builder_.factories(), parts_->user, RunStyle::kQuiet));
  if (outcome.state != JobState::kFinished && outcome.state != JobState::kStopped) throw failure_of(outcome);
}

}  // namespace tidemark
