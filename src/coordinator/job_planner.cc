#include "coordinator/job_planner.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "base/version.h"
#include "control/described_value.h"
#include "control/worker_order.h"
#include "env/child_process.h"

namespace tidemark {
namespace {

// Of what the program has said on stderr, the end: there stands why.
constexpr std::size_t kLongestQuote = 2048;
constexpr std::uint64_t kLargestDescription = 64u << 20;

std::string quoted(std::string_view errors) {
  while (errors.ends_with('\n')) errors.remove_suffix(1);
  if (errors.size() > kLongestQuote) errors.remove_prefix(errors.size() - kLongestQuote);
  return errors.empty() ? "; it said nothing" : fmt::format(": {}", errors);
}

std::unexpected<Error> refuse(const std::string& name, const std::string& what) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' can't be planned: {}", name, what));
}

std::uint64_t address_space([[maybe_unused]] std::uint64_t bytes) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return 0;  // shadow memory takes terabytes of it
#else
  return bytes;
#endif
}

// By which vectors are indexed: any program may have written them.
Result<> check_numbers(const LogicalPlan& plan) {
  bool is_sound = !plan.nodes.empty();
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) is_sound = is_sound && plan.nodes[i].id == i;
  for (const LogicalEdge& edge : plan.edges) is_sound = is_sound && edge.from < edge.to && edge.to < plan.nodes.size();
  if (!is_sound) return fail(ErrorCode::kDataLoss, "its plan is none");
  return {};
}

}  // namespace

Result<JobDescription> ChildPlanner::plan(const std::string& path, const std::string& name, const std::vector<std::string>& arguments) {
  const std::string description = join_path(folder_, fmt::format("plan-{:016x}", env_.random->next()));
  std::vector<std::string> words{path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const ChildSettings settings{.environment = {{std::string{kDescribeToVariable}, description}},
                               .memory_bytes = address_space(limits_.memory_bytes),
                               .cpu_s = limits_.cpu_s,
                               .keep_errors = true};
  const auto child = run_child(words, limits_.timeout_ms, settings);
  auto read = this->read(description);
  static_cast<void>(env_.files->remove(description));
  if (!child) {
    if (child.error().code() != ErrorCode::kTimeout) return std::unexpected{child.error().within(fmt::format("planning '{}'", name))};
    return refuse(name, fmt::format("it has not said what it runs within {} s: a program builds its job and calls Job::run() without waiting for "
                                    "anything before",
                                    limits_.timeout_ms / 1000));
  }
  if (child->signal != 0) return refuse(name, fmt::format("signal {} ended it{}", child->signal, quoted(child->errors)));
  if (child->exit_code != 0) return refuse(name, fmt::format("it ended with status {}{}", child->exit_code, quoted(child->errors)));
  if (read) return read;
  if (read.error().code() == ErrorCode::kNotFound) {
    return refuse(name, fmt::format("it ended without saying what it runs: it is no program of Tidemark {}, or one that does not call Job::run() "
                                    "with these arguments",
                                    library_version()));
  }
  if (read.error().code() == ErrorCode::kUnsupportedVersion) {
    return refuse(name, fmt::format("it was built with another version of Tidemark than this JobManager's {}, which do not understand one another: "
                                    "{}",
                                    library_version(), read.error().message()));
  }
  return refuse(name, fmt::format("what it says of itself can't be read: {}", read.error().message()));
}

Result<JobDescription> ChildPlanner::read(const std::string& description) const {
  TIDEMARK_ASSIGN(bytes, read_file(*env_.files, description, kLargestDescription));
  TIDEMARK_ASSIGN(value, from_described<JobDescription>(bytes));
  TIDEMARK_TRY(check_numbers(value.plan.logical));
  TIDEMARK_ASSIGN(plan, make_physical_plan(std::move(value.plan.logical)));
  value.plan = std::move(plan);
  return value;
}

}  // namespace tidemark
