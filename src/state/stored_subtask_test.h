// One subtask whose state lies in a store, and checkpoints of it that consist of the store's files.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "env/env.h"
#include "snapshot/checkpoint_store.h"
#include "snapshot/job_folder.h"
#include "snapshot/snapshot_folder.h"
#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/detail/state/resident_keys.h"
#include "tidemark/state.h"

namespace tidemark::detail {

inline constexpr std::uint32_t kStoredMaxParallelism = 16;
inline constexpr std::int64_t kRounds = 4;

/// Which of the subtask's states is declared first.
enum class FirstState { kCount, kNames };

/// Keys of which some are erased again, and some are in the tables only.
class StoredSubtask {
 public:
  StoredSubtask(Env& env, AttemptId attempt, std::string shared_folder, OperatorRestore restore = {}, std::uint32_t subtask = 0,
                std::uint32_t parallelism = 1, FirstState first = FirstState::kCount) {
    if (first == FirstState::kNames) names_.emplace(declare_, "names");
    count_.emplace(declare_, "count");
    if (first == FirstState::kCount) names_.emplace(declare_, "names");
    context_.env = &env;
    context_.name = {.name = "count", .uid = "count", .subtask = subtask};
    context_.parallelism = parallelism;
    context_.max_parallelism = kStoredMaxParallelism;
    context_.attempt = attempt;
    context_.shared_folder = std::move(shared_folder);
    context_.restore = std::move(restore);
    context_.post_mail = [](const std::function<void()>& mail) { mail(); };
    backend_.restore(context_);
    if (backend_.spilled_tables() != nullptr) resident_.emplace(*backend_.spilled_tables());
  }

  bool owns(std::int64_t key) const {
    return context_.key_groups().contains(key_group_of(hash_key(key), kStoredMaxParallelism));
  }
  /// f() with the states at the key.
  template <class F>
  void at(std::int64_t key, F&& f) {
    cursor_ = {.hash = hash_key(key), .key = KeyCodec<std::int64_t>::to_word(key), .serial = cursor_.serial + 1};
    if (resident_) {
      resident_->want(cursor_.hash, cursor_.key);
      resident_->load();
    }
    f();
    if (resident_) resident_->keep_changes(cursor_);
  }
  void write(std::int64_t round, std::int64_t keys) {
    for (std::int64_t key = 0; key < keys; ++key) {
      if (key % kRounds < round) continue;
      at(key, [&] {
        count_->set(key * 10 + round);
        if (round % 2 == 1 && key % 3 == 0) {
          names_->clear();
        } else {
          names_->put("round", std::to_string(round));
        }
      });
    }
  }
  void leave(std::size_t resident) { resident_->evict_down_to(resident); }

  OperatorSnapshot snapshot(CheckpointId id, const std::string& folder) {
    const auto work = backend_.snapshot(
        {.barrier = {.id = id}, .folder = folder, .file_prefix = "count-0", .job = "orders"}, context_, {});
    while (!work->step()) continue;
    backend_.checkpoint_completed(id);
    return work->take_result();
  }
  /// A whole checkpoint of a job that consists of this subtask, in a folder of its own.
  CheckpointMetadata checkpoint(FileSystem& files, const std::string& job_folder, CheckpointId id) {
    const std::string folder = join_path(job_folder, checkpoint_folder_name(id, context_.attempt));
    value_or_throw(files.make_directories(folder));
    const std::vector<StateDescriptor> states = backend_.descriptors();
    CheckpointMetadata metadata{.job = "orders", .id = id, .attempt = context_.attempt};
    metadata.operators = {{.uid = "count",
                           .name = "count",
                           .parallelism = 1,
                           .max_parallelism = kStoredMaxParallelism,
                           .states = {states[0], states[1]},
                           .subtasks = {snapshot(id, folder)}}};
    value_or_throw(write_metadata_file(files, folder, metadata));
    return value_or_throw(load_checkpoint(files, folder));
  }

  struct Content {
    std::map<std::int64_t, std::int64_t> counts;
    std::map<std::int64_t, std::string> names;
    friend bool operator==(const Content&, const Content&) = default;
  };
  void add_to(Content& content, std::int64_t keys) {
    for (std::int64_t key = 0; key < keys; ++key) {
      if (!owns(key)) continue;
      at(key, [&] {
        if (const auto* count = count_->find()) {
          EXPECT_TRUE(content.counts.emplace(key, *count).second);
        }
        if (const auto entries = names_->entries(); !entries.empty()) content.names.emplace(key, entries.begin()->second);
      });
    }
  }

 private:
  OperatorContext context_;
  KeyCursor<std::int64_t> cursor_;
  KeyedBackend backend_{schema_json(type_of<std::int64_t>()), &cursor_};
  Declare declare_{backend_};
  std::optional<ValueState<std::int64_t, std::int64_t>> count_;
  std::optional<MapState<std::int64_t, std::string, std::string>> names_;
  std::optional<ResidentKeys<std::int64_t>> resident_;
};

}  // namespace tidemark::detail
