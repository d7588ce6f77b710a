// Runs one operator by hand, for the tests of this room: batches in, results and text of failures out, snapshots into files
// in memory and back.
//
// One thread, but for mail.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "env/env.h"
#include "env/memory_file_system.h"
#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/task/operator.h"

namespace tidemark::detail {

/// Stands still until somebody moves it.
class StandingClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return now_ms; }
  std::int64_t steady_ns() const override { return now_ms * 1'000'000; }
  std::int64_t now_ms = 0;
};

/// Where snapshots of the operators of a test lie.
struct TestWorld {
  StandingClock clock;
  MemoryFileSystem files;
  Env env{.clock = &clock, .files = &files};
  CheckpointId last_checkpoint = 0;
};

/// A result as it arrived, independent of the batch.
template <class T>
struct Arrived {
  T value;
  std::int64_t timestamp = 0;
};

/// Hands every record to a function while its text is valid.
template <class T>
class Receiving final : public BatchReceiver {
 public:
  explicit Receiving(std::function<void(const T&, std::int64_t)> each) : each_{std::move(each)} {}
  void receive(Batch& in) override {
    ++batches;
    const auto& batch = static_cast<const TypedBatch<T>&>(in);
    for (std::uint32_t i = 0; i < batch.size(); ++i) each_(batch.values()[i], batch.timestamps()[i]);
  }
  std::size_t batches = 0;

 private:
  std::function<void(const T&, std::int64_t)> each_;
};

/// Keeps records that own all they hold.
template <class T>
class Keeping final : public BatchReceiver {
 public:
  void receive(Batch& in) override {
    const auto& batch = static_cast<const TypedBatch<T>&>(in);
    for (std::uint32_t i = 0; i < batch.size(); ++i) records.push_back({batch.values()[i], batch.timestamps()[i]});
  }
  std::vector<T> values() const {
    std::vector<T> result;
    for (const auto& record : records) result.push_back(record.value);
    return result;
  }
  std::vector<Arrived<T>> records;
};

/// The context of a subtask; its mail waits until the test's thread runs it. Snapshots that are written by a thread of their own post
/// theirs meanwhile.
class TestContext {
 public:
  explicit TestContext(TestWorld& world, std::uint32_t subtask = 0, std::uint32_t parallelism = 1, std::uint32_t max_parallelism = 128) {
    context.env = &world.env;
    context.name = {"operator under test", "uid-1", subtask};
    context.parallelism = parallelism;
    context.max_parallelism = max_parallelism;
    context.attempt = 1;
    context.post_mail = [mail = mail_](std::function<void()> letter) { mail->post(std::move(letter)); };
  }
  void run_mail() {
    while (const auto letter = mail_->take()) letter();
  }
  OperatorContext context;

 private:
  class Mail {
   public:
    void post(std::function<void()> letter) {
      const std::lock_guard lock{mutex_};
      letters_.push_back(std::move(letter));
    }
    /// The oldest letter, or one that is empty when none waits.
    std::function<void()> take() {
      const std::lock_guard lock{mutex_};
      if (letters_.empty()) return {};
      auto letter = std::move(letters_.front());
      letters_.pop_front();
      return letter;
    }

   private:
    std::mutex mutex_;
    std::deque<std::function<void()>> letters_;
  };
  std::shared_ptr<Mail> mail_ = std::make_shared<Mail>();
};

inline constexpr const char* kSharedCheckpointFolder = "/checkpoints/shared";

/// Begins a snapshot; end it by finish_snapshot().
struct StartedSnapshot {
  std::string folder;
  std::unique_ptr<SnapshotWork> work;
};

inline StartedSnapshot start_snapshot(TestWorld& world, Operator& op, const OperatorContext& context) {
  const CheckpointId id = ++world.last_checkpoint;
  const std::string folder = "/checkpoints/" + std::to_string(id);
  value_or_throw(world.files.make_directories(folder));
  SnapshotRequest request{{.id = id}, folder, context.name.uid + "-" + std::to_string(context.name.subtask), "job"};
  return {folder, op.snapshot(request)};
}

inline OperatorSnapshot finish_snapshot(StartedSnapshot started) {
  while (!started.work->step()) {
  }
  OperatorSnapshot snapshot = started.work->take_result();
  const auto make_absolute = [&](SnapshotFile& file) {
    const std::string name = file.path.substr(file.path.rfind('/') + 1);
    file.path = (file.path.starts_with("../") ? std::string{kSharedCheckpointFolder} : started.folder) + "/" + name;
  };
  for (SnapshotFile& file : snapshot.keyed_files) make_absolute(file);
  for (StoreFile& file : snapshot.store.files) make_absolute(file.file);
  return snapshot;
}

/// What a subtask restores from snapshots of all subtasks of before.
inline OperatorRestore restore_of(const std::vector<OperatorSnapshot>& snapshots, KeyGroupRange key_groups) {
  OperatorRestore restore;
  for (const OperatorSnapshot& snapshot : snapshots) {
    for (const SnapshotFile& file : snapshot.keyed_files) {
      if (file.key_groups.intersects(key_groups)) restore.keyed_files.push_back(file);
    }
    if (!snapshot.store.format.empty() && snapshot.store.key_groups.intersects(key_groups)) restore.stores.push_back(snapshot.store);
    for (const KeyGroupWatermark& watermark : snapshot.watermarks) {
      if (watermark.key_groups.intersects(key_groups)) restore.watermarks.push_back(watermark);
    }
  }
  return restore;
}

/// As the exchange before a keyed operator does.
template <class T, class KeyFn>
void hash_keys(TypedBatch<T>& batch, KeyFn key) {
  for (std::uint32_t i = 0; i < batch.size(); ++i) {
    using K = std::decay_t<decltype(key(batch.values()[i]))>;
    batch.hashes()[i] = hash_key<K>(key(batch.values()[i]));
  }
}

/// What the call fails with, as text; empty if it does not.
template <class F>
std::string failure_of(F&& call) {
  try {
    call();
  } catch (const TaskFailure& failure) {
    return failure.error().message();
  }
  return {};
}

}  // namespace tidemark::detail
