// A store begins with the files of a checkpoint, whatever the order in which the states are declared that it holds, and
// what had expired in them stays so.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "env/memory_file_system.h"
#include "env/posix_env.h"
#include "state/memory_state_store.h"
#include "state/stored_subtask_test.h"
#include "tidemark/ttl.h"

namespace tidemark::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kKeys = 300;
constexpr const char* kFolder = "/state/orders";

/// Says of each store what its states were called, and whether it began with files.
class NotedStores final : public StateStores {
 public:
  struct Opened {
    std::vector<std::string> states;
    bool begins_with_files = false;
  };

  explicit NotedStores(StateStores& stores) : stores_{stores} {}
  std::string files_format() const override { return stores_.files_format(); }
  std::unique_ptr<StateStore> open(const StateStoreOptions& options) override {
    Opened& opened = all.emplace_back();
    for (const auto& state : options.states) opened.states.push_back(state.name);
    opened.begins_with_files = options.saved != nullptr;
    return stores_.open(options);
  }

  std::vector<Opened> all;

 private:
  StateStores& stores_;
};

TEST(OwnStoreFiles, AreBegunWithInAnyOrderOfDeclaration) {
  PosixEnv posix{1};
  MemoryFileSystem files;
  MemoryStateStores memory;
  memory.give_files(files, "/stores");
  NotedStores stores{memory};
  Env env = posix.env();
  env.files = &files;
  env.state_stores = &stores;
  const std::string shared = join_path(kFolder, "shared");
  value_or_throw(files.make_directories(shared));

  StoredSubtask::Content expected;
  OperatorRestore restore;
  AttemptId attempt = 0;
  for (const FirstState first : {FirstState::kCount, FirstState::kNames, FirstState::kNames, FirstState::kCount}) {
    SCOPED_TRACE(attempt);
    stores.all.clear();
    StoredSubtask subtask{env, ++attempt, shared, restore, 0, 1, first};
    ASSERT_EQ(stores.all.size(), 1u) << "and none that is read entry by entry";
    EXPECT_EQ(stores.all[0].begins_with_files, attempt > 1);
    EXPECT_EQ(stores.all[0].states, (std::vector<std::string>{"count", "names"})) << "as when the first of them was opened";
    StoredSubtask::Content content;
    subtask.add_to(content, kKeys);
    EXPECT_EQ(content, expected);

    subtask.write(attempt % kRounds, kKeys);
    subtask.leave(kKeys / 4);
    subtask.write((attempt + 1) % kRounds, kKeys / 2);
    expected = {};
    subtask.add_to(expected, kKeys);
    const OperatorSnapshot saved = subtask.checkpoint(files, kFolder, attempt).operators.at(0).subtasks.at(0);
    restore = {.keyed_files = saved.keyed_files};
    restore.stores = {saved.store};
  }
}

/// Names that expire, in a store.
class ExpiringNames {
 public:
  ExpiringNames(Env& env, AttemptId attempt, Duration life, OperatorRestore restore = {})
      : names_{declare_, "names", ttl(life)} {
    context_.env = &env;
    context_.name = {.name = "names", .uid = "names"};
    context_.max_parallelism = kStoredMaxParallelism;
    context_.attempt = attempt;
    context_.shared_folder = join_path(kFolder, "shared");
    context_.restore = std::move(restore);
    context_.post_mail = [](const std::function<void()>& mail) { mail(); };
    backend_.restore(context_);
    if (backend_.spilled_tables() != nullptr) resident_.emplace(*backend_.spilled_tables());
    backend_.begin_batch(env);
  }
  template <class F>
  void at(std::int64_t key, F&& f) {
    cursor_ = {.hash = hash_key(key), .key = KeyCodec<std::int64_t>::to_word(key), .serial = cursor_.serial + 1};
    if (resident_) {
      resident_->want(cursor_.hash, cursor_.key);
      resident_->load();
    }
    f(names_);
    if (resident_) resident_->keep_changes(cursor_);
  }
  bool has(std::int64_t key) {
    bool found = false;
    at(key, [&](auto& names) { found = names.find() != nullptr; });
    return found;
  }
  OperatorRestore checkpoint(CheckpointId id) {
    resident_->evict_down_to(0);
    const auto work = backend_.snapshot(
        {.barrier = {.id = id}, .folder = kFolder, .file_prefix = "names-" + std::to_string(id), .job = "orders"}, context_, {});
    while (!work->step()) continue;
    backend_.checkpoint_completed(id);
    const OperatorSnapshot saved = work->take_result();
    OperatorRestore restore{.keyed_files = saved.keyed_files, .stores = {saved.store}};
    for (SnapshotFile& file : restore.keyed_files) make_absolute(file);
    for (StoreFile& file : restore.stores.front().files) make_absolute(file.file);
    return restore;
  }

 private:
  static void make_absolute(SnapshotFile& file) {
    file.path = join_path(kFolder, file.path.starts_with("../") ? file.path.substr(3) : file.path);
  }

  OperatorContext context_;
  KeyCursor<std::int64_t> cursor_;
  KeyedBackend backend_{schema_json(type_of<std::int64_t>()), &cursor_};
  Declare declare_{backend_};
  ValueState<std::int64_t, std::string, Ttl> names_;
  std::optional<ResidentKeys<std::int64_t>> resident_;
};

class HandClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return wall_ms_; }
  std::int64_t steady_ns() const override { return 0; }
  std::int64_t wall_ms_ = 1'700'000'000'000;
};

TEST(OwnStoreFiles, WhatHadExpiredInThemDoesNotComeBackUnderALongerLife) {
  PosixEnv posix{1};
  MemoryFileSystem files;
  MemoryStateStores memory;
  memory.give_files(files, "/stores");
  HandClock clock;
  Env env = posix.env();
  env.clock = &clock;
  env.files = &files;
  env.state_stores = &memory;
  value_or_throw(files.make_directories(join_path(kFolder, "shared")));

  OperatorRestore saved;
  {
    ExpiringNames names{env, 1, 60s};
    for (std::int64_t key = 0; key < kKeys; ++key) names.at(key, [](auto& name) { name.set("old"); });
    names.checkpoint(1);
    clock.wall_ms_ += 70'000;
    saved = names.checkpoint(2);
  }
  {
    ExpiringNames names{env, 2, 3600s, saved};
    EXPECT_FALSE(names.has(7));
    names.at(8, [](auto& name) { name.set("new"); });
    saved = names.checkpoint(3);
  }
  env.state_stores = nullptr;
  env.other_stores = &memory;
  ExpiringNames names{env, 3, 7200s, saved};
  EXPECT_TRUE(names.has(8));
  EXPECT_FALSE(names.has(9)) << "read out of the store, entry by entry";
}

}  // namespace
}  // namespace tidemark::detail
