#include "coordinator/checkpoint_cleaner.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {

void CheckpointCleaner::discard(CheckpointId id, Then then) {
  add({fmt::format("discarding what checkpoint {} left", id),
       [id](CheckpointStore& store) { return store.discard(id); }, std::move(then)});
}

void CheckpointCleaner::discard_savepoint(const std::string& folder, Then then) {
  add({fmt::format("discarding what the savepoint '{}' left", folder),
       [folder](CheckpointStore& store) { return store.discard_savepoint(folder); }, std::move(then)});
}

void CheckpointCleaner::remove_claimed(std::size_t num_retained) {
  add({"deleting the claimed snapshot that the job began with",
       [num_retained](CheckpointStore& store) { return store.remove_claimed(num_retained); }, [] {}});
}

void CheckpointCleaner::remove(CheckpointId id, AttemptId attempt, Then then) {
  add({fmt::format("deleting the old checkpoint {}", id),
       [id, attempt](CheckpointStore& store) { return store.remove(id, attempt); }, std::move(then)});
}

void CheckpointCleaner::remove_orphans() {
  const auto clean = [](CheckpointStore& store) -> Result<> {
    TIDEMARK_ASSIGN(removed, store.remove_orphans());
    if (removed > 0) log_debug(fmt::format("removed {} unfinished checkpoints of earlier attempts", removed));
    return {};
  };
  add({"removing the unfinished checkpoints of earlier attempts", clean, [] {}});
}

void CheckpointCleaner::remember_restored() {
  add({"noting what the job goes on from", [](CheckpointStore& store) { return store.remember_restored(); }, [] {}});
}

void CheckpointCleaner::remove_unused_files() {
  add({"removing shared files that no checkpoint lists",
       [](CheckpointStore& store) { return store.remove_unused_files(); }, [] {}});
}

void CheckpointCleaner::add(Job job) {
  if (store_ == nullptr) return calls_.reply(std::move(job.then));
  queue_.push_back(std::move(job));
  if (running_) TIDEMARK_PROBE("cleaner: one cleaning waits for another");
  if (!running_) run_next();
}

void CheckpointCleaner::run_next() {
  Job job = std::move(queue_.front());
  queue_.pop_front();
  running_ = true;
  calls_.run([this, store = store_, job = std::move(job)]() mutable -> Mailbox::Mail {
    std::optional<Error> error;
    if (const auto cleaned = job.clean(*store); !cleaned) error = cleaned.error().within(job.what);
    return [this, error = std::move(error), then = std::move(job.then)]() mutable {
      if (error) {
        TIDEMARK_PROBE("cleaner: something can't be deleted");
        log_warning(error->message());
      }
      running_ = false;
      if (!queue_.empty()) run_next();
      then();
    };
  });
}

}  // namespace tidemark
