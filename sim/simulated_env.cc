#include "sim/simulated_env.h"

#include <fmt/format.h>

#include <utility>

namespace tidemark {
namespace {

bool needs_space(FileOperation operation) {
  return operation == FileOperation::kCreate || operation == FileOperation::kMakeDirectories ||
         operation == FileOperation::kAppend || operation == FileOperation::kSync;
}

}  // namespace

void SimulatedPool::step(std::size_t which) {
  // A step may submit further works.
  if (works_[which]->step() == Progress::kDone) works_.erase(works_.begin() + static_cast<std::ptrdiff_t>(which));
}

SimulatedEnv::SimulatedEnv(std::uint64_t seed) : random_{seed} {
  files_.set_hook([this](FileOperation operation, const std::string& path) { return before(operation, path); });
}

void SimulatedEnv::die(Death death) {
  if (std::exchange(dead_, true)) return;
  death_ahead_.reset();
  trace_.note(death == Death::kMachine ? "the machine dies" : "the process dies");
  if (death == Death::kMachine) {
    files_.crash_machine(random_);
  } else {
    files_.crash_process();
  }
}

std::optional<Error> SimulatedEnv::before(FileOperation operation, const std::string& path) {
  if (!dead_ && changes_files(operation)) {
    if (death_ahead_ && file_operations_ == death_ahead_->operations) die(death_ahead_->death);
    ++file_operations_;
  }
  if (dead_) {
    return Error{ErrorCode::kIo, fmt::format("cannot {} '{}': the process is dead", to_string(operation), path)};
  }
  trace_.note(fmt::format("  {} {}", to_string(operation), path));
  return fault(operation, path);
}

std::optional<Error> SimulatedEnv::fault(FileOperation operation, const std::string& path) {
  if (!changes_files(operation)) return std::nullopt;
  const auto fails = [&](ErrorCode code, const char* why) {
    trace_.note(fmt::format("  fails: {}", why));
    return Error{code, fmt::format("cannot {} '{}': {}", to_string(operation), path, why)};
  };
  if (needs_space(operation) && one_in(faults_.full_disk_one_in)) {
    return fails(ErrorCode::kResourceExhausted, "no space left (simulated)");
  }
  if (one_in(faults_.io_error_one_in)) return fails(ErrorCode::kIo, "input/output error (simulated)");
  return std::nullopt;
}

}  // namespace tidemark
