// One subtask with a state of each sort and a model of what it holds: for tests of the keyed backend.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "env/env.h"
#include "env/memory_file_system.h"
#include "env/split_mix_random.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/detail/state/slot_table.h"
#include "tidemark/state.h"

namespace tidemark::detail {

inline constexpr const char* kFolder = "/checkpoints/1";
inline constexpr const char* kSharedFolder = "/checkpoints/shared";
inline constexpr std::uint32_t kMaxParallelism = 128;

/// Slices of counts, as a window keeps them.
class Slices final : public CompositeState {
 public:
  using SliceTable = StateTable<std::int64_t, std::int64_t>;

  explicit Slices(CowDomain& domain) : domain_{domain} {}

  StateDescriptor descriptor() const override {
    return {"window", StateDescriptor::Kind::kWindow, schema_json(type_of<std::int64_t>()),
            schema_json(type_of<Timestamp>()), schema_json(type_of<std::int64_t>())};
  }
  std::vector<StateView> views(std::uint32_t bound) override {
    std::vector<StateView> result;
    for (const auto& [start, table] : tables_) {
      ByteWriter encoded;
      KeyCodec<Timestamp>::encode(Timestamp{start}, encoded);
      result.push_back({encoded.take(), table->view(bound)});
    }
    return result;
  }
  bool restore_entry(std::string_view start, std::uint64_t hash, std::string_view key,
                     std::string_view value) override {
    return start.size() == 8 && at(KeyCodec<Timestamp>::decode(start).ms()).restore_entry(hash, key, value);
  }
  bool erase_entry(std::string_view start, std::uint64_t hash, std::string_view key) override {
    const auto found = tables_.find(KeyCodec<Timestamp>::decode(start).ms());
    if (found != tables_.end()) found->second->take_entry(hash, key, nullptr);
    return true;
  }
  /// Gives its name, encoded.
  std::string drop(std::int64_t start) {
    tables_.erase(start);
    ByteWriter encoded;
    KeyCodec<Timestamp>::encode(Timestamp{start}, encoded);
    return encoded.take();
  }
  SliceTable& at(std::int64_t start) {
    auto& table = tables_[start];
    if (table == nullptr) table = std::make_unique<SliceTable>(domain_);
    return *table;
  }
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> content() {
    std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> result;
    for (const auto& [start, table] : tables_) {
      table->for_each([&](std::uint64_t key, std::int64_t value) {
        result[{start, KeyCodec<std::int64_t>::from_word(key)}] = value;
      });
    }
    return result;
  }

 private:
  CowDomain& domain_;
  std::map<std::int64_t, std::unique_ptr<SliceTable>> tables_;
};

struct Content {
  std::map<std::int64_t, std::int64_t> counts;
  std::map<std::int64_t, std::string> names;
  std::map<std::int64_t, std::map<std::string, std::int64_t>> visits;
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> slices;
  friend bool operator==(const Content&, const Content&) = default;
};

/// One subtask of an operator with a state of each sort, and a model of what it holds.
class Subtask {
 public:
  Subtask(Env& env, std::uint32_t subtask, std::uint32_t parallelism) {
    context_.env = &env;
    context_.name = {.name = "keyed process", .uid = "visits", .subtask = subtask};
    context_.parallelism = parallelism;
    context_.max_parallelism = kMaxParallelism;
    context_.attempt = 3;
    context_.post_mail = [this](std::function<void()> mail) {
      const std::lock_guard lock{mutex_};
      mails_.push_back(std::move(mail));
    };
  }

  bool owns(std::int64_t key) const {
    return context_.key_groups().contains(key_group_of(hash_key(key), kMaxParallelism));
  }

  void write(std::int64_t key, std::int64_t value) {
    if (!owns(key)) return;
    ask_for(key);
    cursor_ = {.hash = hash_key(key), .key = KeyCodec<std::int64_t>::to_word(key), .serial = cursor_.serial + 1};
    counts_.set(value);
    content_.counts[key] = value;
    if (value % 3 == 0) {
      names_.set("name-" + std::to_string(value));
      content_.names[key] = "name-" + std::to_string(value);
    } else if (value % 7 == 1) {
      names_.clear();
      content_.names.erase(key);
    }
    if (value % 5 == 0) {
      visits_.put(std::to_string(value % 11), value);
      content_.visits[key][std::to_string(value % 11)] = value;
    }
    const std::int64_t start = (first_slice_ + value % 4) * 1000;
    auto& table = slices_.at(start);
    if (const auto row = table.find(cursor_.hash, cursor_.key)) {
      table.set(row, value);
    } else {
      table.insert(cursor_.hash, cursor_.key, value);
    }
    content_.slices[{start, key}] = value;
  }
  /// No state has an entry of the key any more, but for the slices.
  void forget(std::int64_t key) {
    if (!owns(key)) return;
    ask_for(key);
    cursor_ = {.hash = hash_key(key), .key = KeyCodec<std::int64_t>::to_word(key), .serial = cursor_.serial + 1};
    counts_.clear();
    names_.clear();
    visits_.clear();
    content_.counts.erase(key);
    content_.names.erase(key);
    content_.visits.erase(key);
  }
  void forget_many(Random& random, int count, std::int64_t keys) {
    for (int i = 0; i < count; ++i) forget(static_cast<std::int64_t>(random.next() % static_cast<std::uint64_t>(keys)));
  }
  /// Nothing is written into the oldest slice any more.
  void drop_slice() {
    const std::int64_t start = first_slice_++ * 1000;
    backend_.namespace_dropped(slices_, slices_.drop(start));
    std::erase_if(content_.slices, [&](const auto& entry) { return entry.first.first == start; });
  }
  void write_many(Random& random, int count, std::int64_t keys) {
    for (int i = 0; i < count; ++i) {
      write(static_cast<std::int64_t>(random.next() % static_cast<std::uint64_t>(keys)),
            static_cast<std::int64_t>(random.next() % 100000));
    }
  }

  std::unique_ptr<SnapshotWork> snapshot(std::string prefix = "a", std::string folder = kFolder,
                                         CheckpointKind kind = CheckpointKind::kPeriodic, CheckpointId id = 1) {
    SnapshotRequest request{
        .barrier = {.id = id, .kind = kind}, .folder = std::move(folder), .file_prefix = std::move(prefix), .job = "job"};
    return backend_.snapshot(request, context_, {{context_.key_groups(), Timestamp{77}}});
  }
  void restore(std::vector<SnapshotFile> files) {
    context_.restore.keyed_files = std::move(files);
    backend_.restore(context_);
    content_ = read();
    for (const auto& [place, value] : content_.slices) first_slice_ = std::max(first_slice_, place.first / 1000 - 3);
  }
  /// Units of a key group are loaded when they are asked for. `content` is what the files hold.
  void restore_behind(std::vector<SnapshotFile> files, Content content) {
    backend_.may_load_behind();
    context_.restore.lazy = {.on = true, .from_bytes = 1, .unit_bytes = unit_bytes_};
    restore(std::move(files));
    content_ = std::move(content);
  }
  void set_unit_bytes(std::uint64_t bytes) { unit_bytes_ = bytes; }
  void ask_for(std::int64_t key) {
    if (backend_.is_loading() && !backend_.is_loaded(hash_key(key))) backend_.load(hash_key(key));
  }
  void load_all() {
    while (backend_.is_loading()) backend_.load_next();
  }
  void handle_mail() {
    std::deque<std::function<void()>> mails;
    {
      const std::lock_guard lock{mutex_};
      mails.swap(mails_);
    }
    for (auto& mail : mails) mail();
  }

  /// What the tables hold.
  Content read() {
    Content result;
    static_cast<StateTable<std::int64_t, std::int64_t>*>(backend_.bound_tables()[0])
        ->for_each([&](std::uint64_t key, std::int64_t value) {
          result.counts[KeyCodec<std::int64_t>::from_word(key)] = value;
        });
    static_cast<StateTable<std::int64_t, std::string>*>(backend_.bound_tables()[1])
        ->for_each([&](std::uint64_t key, const std::string& value) {
          result.names[KeyCodec<std::int64_t>::from_word(key)] = value;
        });
    static_cast<StateTable<std::int64_t, std::map<std::string, std::int64_t>>*>(backend_.bound_tables()[2])
        ->for_each([&](std::uint64_t key, const auto& value) {
          result.visits[KeyCodec<std::int64_t>::from_word(key)] = value;
        });
    result.slices = slices_.content();
    return result;
  }
  /// What they should hold.
  const Content& content() const { return content_; }
  KeyedBackend& backend() { return backend_; }
  OperatorContext& context() { return context_; }

 private:
  OperatorContext context_;
  std::mutex mutex_;
  std::deque<std::function<void()>> mails_;
  KeyCursor<std::int64_t> cursor_;
  KeyedBackend backend_{schema_json(type_of<std::int64_t>()), &cursor_};
  Slices slices_{backend_.domain()};
  Declare declare_{backend_};
  ValueState<std::int64_t, std::int64_t> counts_{declare_, "count"};
  ValueState<std::int64_t, std::string> names_{declare_, "name"};
  MapState<std::int64_t, std::string, std::int64_t> visits_{declare_, "visits"};
  const int added_ = (backend_.add(slices_), 0);
  Content content_;
  std::int64_t first_slice_ = 0;
  std::uint64_t unit_bytes_ = 1;
};

inline OperatorSnapshot run(SnapshotWork& work) {
  while (!work.step()) continue;
  return work.take_result();
}

inline std::vector<SnapshotFile> absolute(const OperatorSnapshot& snapshot) {
  std::vector<SnapshotFile> files = snapshot.keyed_files;
  for (SnapshotFile& file : files) {
    const bool is_shared = file.path.starts_with("../shared/");
    file.path = is_shared ? join_path(kSharedFolder, file.path.substr(10)) : join_path(kFolder, file.path);
  }
  return files;
}

template <class F>
Error error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return {ErrorCode::kInternal, ""};
}

}  // namespace tidemark::detail
