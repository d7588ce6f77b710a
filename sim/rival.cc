#include "sim/rival.h"

#include <fmt/format.h>

#include <utility>

#include "snapshot/snapshot_claim.h"
#include "snapshot/snapshot_folder.h"

namespace tidemark {
namespace {

const std::string kTouched = "who had not claimed the snapshot has changed what is somebody else's";

}  // namespace

Rival::Rival(SimulatedEnv& env, std::string checkpoint_dir, std::string snapshot)
    : env_{env}, snapshot_{std::move(snapshot)}, self_{.checkpoint_dir = std::move(checkpoint_dir), .process = nullptr} {}

bool Rival::has_claimed() const {
  const SimulatedEnv::Observer observer{env_};
  const auto claim = value_or_throw(read_claim(env_.files(), snapshot_));
  return claim && parent_path(claim->folder) == self_.checkpoint_dir;
}

std::optional<std::string> Rival::start(SimulatedJob job, ProcessOptions options, const std::string& jobs_dir) {
  self_.claim = env_.random().next();
  self_.failed_operations_before = env_.failed_operations();
  options.checkpoint_dir = self_.checkpoint_dir;
  options.resume = {Resume::Kind::kPath, snapshot_, self_.claim};
  const std::uint64_t before = hash_of_others();
  auto started = SimulatedProcess::start(env_, std::move(job), options);
  if (env_.dead()) return std::nullopt;
  if (hash_of_others() != before) return kTouched;
  if (started) {
    self_.process = std::move(*started);
    return std::nullopt;
  }
  return files_failed() ? std::nullopt : check_refusal(started.error(), jobs_dir);
}

std::optional<std::string> Rival::step(const std::string& jobs_dir) {
  const std::uint64_t before = hash_of_others();
  const bool goes_on = self_.process->step();
  if (env_.dead() || has_begun()) return std::nullopt;
  if (hash_of_others() != before) return kTouched;
  if (goes_on) return std::nullopt;
  if (self_.process->stuck()) return "nobody can go on";
  auto wrong = check_end(jobs_dir);
  self_.process.reset();
  return wrong;
}

// Of all files but those that it may write before it has the snapshot.
std::uint64_t Rival::hash_of_others() const {
  const std::string claim = join_path(snapshot_, kClaimName);
  return env_.hash_files([&](const std::string& path) { return path == self_.checkpoint_dir || path.starts_with(claim); });
}

// One who had the snapshot for a moment may have failed for any reason, and has given it back.
std::optional<std::string> Rival::check_end(const std::string& jobs_dir) const {
  const JobOutcome& outcome = self_.process->master().outcome();
  if (outcome.state == JobState::kFinished) return "it has finished without the snapshot that it claimed";
  const bool has_begun_once = self_.process->master().status().attempt != 0;
  if (outcome.state != JobState::kFailed || has_begun_once || files_failed()) return std::nullopt;
  return check_refusal(*outcome.error, jobs_dir);
}

std::optional<std::string> Rival::check_refusal(const Error& error, const std::string& owners_dir) const {
  env_.trace().note("WHO CAME SECOND IS REFUSED: " + error.message());
  const SimulatedEnv::Observer observer{env_};
  const bool is_gone = !env_.files().stat(join_path(snapshot_, kMetadataName));
  if (is_gone && error.code() == ErrorCode::kNotFound) return std::nullopt;
  const bool names_owner = error.message().find(fmt::format("'{}/", owners_dir)) != std::string::npos;
  if (error.code() == ErrorCode::kFailedPrecondition && names_owner) return std::nullopt;
  return fmt::format("it is refused, and not because '{}' has '{}': {}", owners_dir, snapshot_, error.message());
}

}  // namespace tidemark
