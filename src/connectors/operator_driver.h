// For tests: runs single operators by hand in a world of memory, as a task would.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "env/env.h"
#include "env/memory_file_system.h"
#include "env/split_mix_random.h"
#include "tidemark/detail/task/operator.h"

namespace tidemark::detail {

class ManualClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return now_ns / 1'000'000; }
  std::int64_t steady_ns() const override { return now_ns; }
  std::int64_t now_ns = 1'000'000'000;
};

/// Files, time, and the mail and blocking work that operators asked for and that nobody did yet.
struct World {
  World() : env{.clock = &clock, .random = &random, .files = &files} {}

  /// Until nothing is left to do.
  void settle() {
    while (!blocking.empty() || !mail.empty()) {
      if (!blocking.empty()) {
        auto work = std::move(blocking.front());
        blocking.pop_front();
        while (!work()) {
        }
      } else {
        auto letter = std::move(mail.front());
        mail.pop_front();
        letter();
      }
    }
  }

  ManualClock clock;
  SplitMixRandom random{1};
  MemoryFileSystem files;
  Env env;
  std::deque<std::function<bool()>> blocking;
  std::deque<std::function<void()>> mail;
};

inline OperatorContext make_context(World& world, std::uint32_t subtask = 0, std::uint32_t parallelism = 1,
                                    AttemptId attempt = 1) {
  OperatorContext context;
  context.env = &world.env;
  context.name = {"operator", "uid", subtask};
  context.parallelism = parallelism;
  context.attempt = attempt;
  context.post_mail = [&world](std::function<void()> letter) { world.mail.push_back(std::move(letter)); };
  context.run_blocking = [&world](std::function<bool()> work) { world.blocking.push_back(std::move(work)); };
  context.run_call = [&world](std::function<void()> call) { world.blocking.push_back([call = std::move(call)] { return call(), true; }); };
  return context;
}

/// The whole snapshot at a barrier.
inline OperatorSnapshot take_snapshot(Operator& op, CheckpointId id) {
  SnapshotRequest request;
  request.barrier.id = id;
  const std::unique_ptr<SnapshotWork> work = op.snapshot(request);
  if (!work) return {};
  while (!work->step()) {
  }
  return work->take_result();
}

/// Keeps what an output hands on, made one by `make`.
template <class In, class Kept = In>
class Keeper final : public BatchReceiver {
 public:
  explicit Keeper(std::function<Kept(const In&)> make = [](const In& in) { return in; }) : make_{std::move(make)} {}

  void receive(Batch& batch) override {
    const In* values = static_cast<TypedBatch<In>&>(batch).values();
    for (std::uint32_t i = 0; i < batch.size(); ++i) {
      kept.push_back(make_(values[i]));
      timestamps.push_back(batch.timestamps()[i]);
    }
  }

  std::vector<Kept> kept;
  std::vector<std::int64_t> timestamps;

 private:
  std::function<Kept(const In&)> make_;
};

/// Batches of a sink's input.
template <class T>
void give(Operator& op, const std::vector<T>& records, std::int64_t timestamp = 0) {
  TypedBatch<T> batch{static_cast<std::uint32_t>(records.size() + 1)};
  for (const T& record : records) batch.append(record, timestamp);
  op.receive(batch);
}

inline void write_file(FileSystem& files, const std::string& path, std::string_view content) {
  value_or_throw(files.make_directories(parent_path(path)));
  const auto file = value_or_throw(files.create(path, CreateMode::kTruncate));
  value_or_throw(file->append(content));
  value_or_throw(file->close());
}

}  // namespace tidemark::detail
