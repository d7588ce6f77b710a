#include "sim/simulated_env.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace tidemark {
namespace {

constexpr const char* kIoError = "input/output error (simulated)";
constexpr const char* kNoSpace = "no space left (simulated)";

bool needs_space(FileOperation operation) {
  return operation == FileOperation::kCreate || operation == FileOperation::kMakeDirectories ||
         operation == FileOperation::kAppend || operation == FileOperation::kSync;
}

bool is_output(const std::string& path) { return path.starts_with(kSimulatedOutputDir); }

using LeaveOut = std::function<bool(const std::string& path)>;

std::uint64_t hash_tree(FileSystem& files, const std::string& path, const LeaveOut& leave_out, std::uint64_t hash) {
  for (const DirectoryEntry& entry : value_or_throw(files.list(path))) {
    const std::string child = join_path(path, entry.name);
    if (leave_out && leave_out(child)) continue;
    hash = (hash ^ detail::hash_bytes(child)) * 0x9e3779b97f4a7c15;
    hash = entry.is_directory ? hash_tree(files, child, leave_out, hash)
                              : (hash ^ detail::hash_bytes(value_or_throw(read_file(files, child)))) * 0x9e3779b97f4a7c15;
  }
  return hash;
}

}  // namespace

std::uint64_t draw_laziness(Random& random, std::uint64_t max) {
  const std::uint64_t drawn = random.next();
  if (drawn % 2 == 0 || max <= 1) return 1;
  return std::uint64_t{1} << (drawn / 2 % static_cast<std::uint64_t>(std::bit_width(max)));
}

void SimulatedPool::submit(std::unique_ptr<BackgroundWork> work) {
  works_.push_back({std::move(work), ++submitted_, draw_ready_ns(), draw_laziness(random_, pace_.max_laziness)});
}

std::optional<std::int64_t> SimulatedPool::next_ready_ns() const {
  std::optional<std::int64_t> result;
  for (std::size_t i = 0; i < works_.size(); ++i) {
    if (!ready(i)) result = std::min(result.value_or(works_[i].ready_ns), works_[i].ready_ns);
  }
  return result;
}

void SimulatedPool::step(std::size_t which) {
  const std::uint64_t number = works_[which].number;
  const Progress progress = works_[which].work->step();
  // The step may have submitted further works.
  const auto at = std::ranges::find(works_, number, &Work::number);
  if (progress == Progress::kDone) {
    works_.erase(at);
  } else {
    at->ready_ns = draw_ready_ns();
  }
}

std::int64_t SimulatedPool::draw_ready_ns() {
  if (pace_.max_io_latency_ns == 0) return 0;
  return clock_.steady_ns() + static_cast<std::int64_t>(random_.next() % static_cast<std::uint64_t>(pace_.max_io_latency_ns));
}

SimulatedEnv::SimulatedEnv(std::uint64_t seed) : random_{seed} {
  files_.set_hook([this](FileOperation operation, const std::string& path) { return before(operation, path); });
}

void SimulatedEnv::keep_copies_of(const std::string& folder) {
  copies_.reset();
  if (!folder.empty()) copies_.emplace(files_, folder, files_, join_path(kSimulatedCopiesDir, folder.substr(1)));
}

Spilling SimulatedEnv::draw_spilling(std::uint64_t n) {
  if (!one_in(n)) return Spilling::kNone;
  return one_in(2) ? Spilling::kByChance : Spilling::kAll;
}

std::uint64_t SimulatedEnv::hash_files(const LeaveOut& leave_out) {
  const Observer observer{*this};
  return hash_tree(files_, "/", leave_out, 0);
}

void SimulatedEnv::die(Death death) {
  if (std::exchange(dead_, true)) return;
  death_ahead_.reset();
  machine_died_ = death == Death::kMachine;
  trace_.note(death == Death::kMachine ? "THE MACHINE DIES" : "THE PROCESS DIES");
  if (death == Death::kMachine) {
    files_.crash_machine(random_);
  } else if (!is_shared_) {
    files_.crash_process();
  }
}

std::optional<Error> SimulatedEnv::before(FileOperation operation, const std::string& path) {
  if (observers_ > 0) return std::nullopt;
  if (!dead_ && changes_files(operation)) {
    maybe_die();
    ++file_operations_;
  }
  if (dead_) {
    return Error{ErrorCode::kIo, fmt::format("cannot {} '{}': the process is dead", to_string(operation), path)};
  }
  trace_.note(detail::hash_bytes(path) + static_cast<std::uint64_t>(operation),
              [&] { return fmt::format("    {} {}", to_string(operation), path); });
  return fault(operation, path);
}

void SimulatedEnv::maybe_die() {
  if (death_ahead_ && file_operations_ == death_ahead_->operations) return die(death_ahead_->death);
  if (one_in(faults_.death_one_in)) die(one_in(2) ? Death::kMachine : Death::kProcess);
}

std::optional<Error> SimulatedEnv::fault(FileOperation operation, const std::string& path) {
  const auto fails = [&](ErrorCode code, const char* why) {
    return failed(code, fmt::format("{} '{}'", to_string(operation), path), why);
  };
  if (!changes_files(operation)) {
    if (operation != FileOperation::kClose && one_in(faults_.read_error_one_in)) return fails(ErrorCode::kIo, kIoError);
    return std::nullopt;
  }
  if (needs_space(operation) && one_in(faults_.full_disk_one_in)) return fails(ErrorCode::kResourceExhausted, kNoSpace);
  if (one_in(faults_.io_error_one_in) || (is_output(path) && one_in(faults_.output_error_one_in))) {
    return fails(ErrorCode::kIo, kIoError);
  }
  return std::nullopt;
}

// The store of a dead process holds on to nothing: what its tasks still do with it is of no consequence.
std::optional<Error> SimulatedEnv::before(StoreOperation operation, const std::string& store) {
  if (dead_) return std::nullopt;
  const auto number = static_cast<std::uint64_t>(operation);
  trace_.note(detail::hash_bytes(store) + number, [&] { return fmt::format("    store {}: operation {}", store, number); });
  const bool writes = operation == StoreOperation::kWrite || operation == StoreOperation::kLoad;
  if (writes && one_in(faults_.full_disk_one_in)) return failed(ErrorCode::kResourceExhausted, "write to the store " + store, kNoSpace);
  if (one_in(writes ? faults_.io_error_one_in : faults_.read_error_one_in)) {
    return failed(ErrorCode::kIo, "use the store " + store, kIoError);
  }
  return std::nullopt;
}

Error SimulatedEnv::failed(ErrorCode code, const std::string& what, const char* why) {
  ++failed_operations_;
  trace_.note(detail::hash_bytes(why), [&] { return fmt::format("    FAILS: {}", why); });
  return Error{code, fmt::format("cannot {}: {}", what, why)};
}

}  // namespace tidemark
