#include "tidemark/detail/state/owned_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "env/env.h"
#include "env/memory_file_system.h"
#include "env/split_mix_random.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/detail/state/slot_table.h"
#include "tidemark/detail/state/state_memory.h"
#include "tidemark/state.h"

namespace tidemark::detail {
namespace {

using testing::HasSubstr;

struct Person {
  std::string name;
  std::optional<std::string> nick;
  std::int64_t age = 0;
};

TEST(OwnedBytes, CountWhatLiesOutsideOfTheValue) {
  const std::string large(1000, 'x');
  const auto is_about = [](std::size_t bytes, std::size_t expected) {
    return bytes >= expected && bytes <= expected + expected / 10 + 64;
  };
  EXPECT_EQ(owned_bytes(std::int64_t{5}), 0u);
  EXPECT_EQ(owned_bytes(std::string{"small"}), 0u);
  EXPECT_EQ(owned_bytes(std::string_view{large}), 0u);
  EXPECT_EQ(owned_bytes(std::vector<std::string>{}), 0u);
  EXPECT_TRUE(is_about(owned_bytes(large), 1000));
  EXPECT_TRUE(is_about(owned_bytes(std::vector<std::int64_t>(1000)), 8000));
  EXPECT_TRUE(is_about(owned_bytes(std::vector<std::byte>(1000)), 1000));
  EXPECT_TRUE(is_about(owned_bytes(std::vector<std::string>(10, large)), 10000));
  EXPECT_TRUE(is_about(owned_bytes(std::array<std::string, 2>{large, large}), 2000));
  EXPECT_TRUE(is_about(owned_bytes(std::variant<std::int64_t, std::string>{large}), 1000));
  EXPECT_TRUE(is_about(owned_bytes(Person{large, large, 7}), 2000));
  EXPECT_TRUE(is_about(owned_bytes(std::map<std::int64_t, std::string>{{1, large}, {2, large}}), 2000));
}

TEST(OwnedBytes, OneLargeElementDoesNotSpeakForTheOthers) {
  const std::string large(200'000, 'x');
  std::vector<std::string> list(10'000, std::string(20, 'x'));
  const std::size_t without = owned_bytes(list);
  for (const std::size_t at : {std::size_t{0}, list.size() / 2, list.size() - 1}) {
    std::vector<std::string> notes = list;
    notes[at] = large;
    EXPECT_LE(owned_bytes(notes), without + large.size()) << at;
  }
  std::map<std::int64_t, std::string> map;
  for (std::int64_t key = 0; key < 10'000; ++key) map[key] = list[0];
  const std::size_t small = owned_bytes(map);
  map[0] = large;
  EXPECT_LE(owned_bytes(map), small + large.size());
}

/// What is counted goes up and down by the same amounts, whatever becomes of an entry.
template <class V>
void change_and_clear(CowDomain& domain, const std::vector<V>& values) {
  StateTable<std::string_view, V> table{domain};
  SplitMixRandom random{3};
  std::uint32_t snapshot = 0;
  for (int i = 0; i < 20000; ++i) {
    if (i % 1000 == 999) {
      if (snapshot != 0) domain.end(snapshot);
      snapshot = i % 3000 == 2999 ? 0 : domain.begin();
    }
    std::string key(1 + random.next() % 400, 'k');
    key += std::to_string(random.next() % 300);
    const std::uint64_t hash = BytesKey::hash(key);
    const V& value = values[random.next() % values.size()];
    const auto row = table.find(hash, key);
    if (!row) {
      table.insert(hash, key, value);
    } else if (random.next() % 3 == 0) {
      table.erase(row);
    } else if (random.next() % 2 == 0) {
      table.set(row, value);
    } else {
      table.mutate(row, [&](V& changed) { changed = value; });
    }
    if (i == 10000) table.clear();
  }
  EXPECT_GT(domain.owned_bytes(), 1000u);
  if (snapshot != 0) domain.end(snapshot);
}

TEST(OwnedBytes, OfATableAreGivenBackToTheLast) {
  const std::string large(200, 'x');
  CowDomain domain;
  change_and_clear<std::int64_t>(domain, {1});
  EXPECT_EQ(domain.owned_bytes(), 0u);
  change_and_clear<std::string_view>(domain, {"small", large, {}});
  EXPECT_EQ(domain.owned_bytes(), 0u);
  change_and_clear<std::vector<std::string>>(domain, {{"small"}, {large, "small", large}, {}});
  EXPECT_EQ(domain.owned_bytes(), 0u);
  change_and_clear<std::map<std::int64_t, std::string>>(domain, {{{1, "small"}}, {{1, large}, {2, "small"}}, {}});
  EXPECT_EQ(domain.owned_bytes(), 0u);
}

class MemoryBudgetTest : public testing::Test {
 protected:
  MemoryBudgetTest() {
    env_.state_memory = &memory_;
    context_.env = &env_;
    context_.name = {.name = "keyed process", .uid = "names"};
    context_.max_parallelism = 128;
    context_.post_mail = [](const std::function<void()>& mail) { mail(); };
  }

  /// Adds entries until the budget is exceeded; returns how many.
  template <class V>
  std::int64_t fill(const V& value) {
    KeyCursor<std::int64_t> cursor;
    KeyedBackend backend{schema_json(type_of<std::int64_t>()), &cursor};
    Declare declare{backend};
    ValueState<std::int64_t, V> state{declare, "state"};
    backend.restore(context_);
    std::int64_t key = 0;
    try {
      for (;; ++key) {
        if (key % 1000 == 0) backend.begin_batch(env_);
        cursor = {.hash = hash_key(key), .key = KeyCodec<std::int64_t>::to_word(key), .serial = cursor.serial + 1};
        state.set(value);
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
      EXPECT_EQ(error.retry(), Retry::kNone);
      EXPECT_THAT(error.message(), HasSubstr("'keyed process' (uid names)"));
    }
    return key;
  }

  static constexpr std::uint64_t kBudget = 64 << 20;
  StateMemory memory_{kBudget};
  MemoryFileSystem files_;
  Env env_{.files = &files_};
  OperatorContext context_;
};

TEST_F(MemoryBudgetTest, StateThatOutgrowsItFailsWithWhatToDo) {
  EXPECT_GT(fill(std::int64_t{7}), 1'000'000);
  EXPECT_EQ(memory_.held_bytes(), 0u);
}

TEST_F(MemoryBudgetTest, WhatValuesHoldCounts) {
  const std::int64_t entries = fill(std::string(10'000, 'x'));
  EXPECT_GT(entries, 5000);
  EXPECT_LT(entries, 8000);
}

TEST_F(MemoryBudgetTest, ARestoreThatDoesNotFitFails) {
  value_or_throw(files_.make_directories("/chk"));
  std::vector<SnapshotFile> saved;
  const auto with_state = [&](auto&& f) {
    KeyCursor<std::int64_t> cursor;
    KeyedBackend backend{schema_json(type_of<std::int64_t>()), &cursor};
    Declare declare{backend};
    ValueState<std::int64_t, std::string> state{declare, "state"};
    f(cursor, backend, state);
  };
  with_state([&](auto& cursor, KeyedBackend& backend, auto& state) {
    for (std::int64_t key = 0; key < 10'000; ++key) {
      cursor = {.hash = hash_key(key), .key = KeyCodec<std::int64_t>::to_word(key), .serial = cursor.serial + 1};
      state.set(std::string(10'000, 'x'));
    }
    const auto work = backend.snapshot({.barrier = {.id = 1}, .folder = "/chk", .file_prefix = "a", .job = "job"}, context_, {});
    while (!work->step()) continue;
    saved = work->take_result().keyed_files;
  });
  for (SnapshotFile& file : saved) file.path = "/chk/" + file.path;
  context_.restore.keyed_files = saved;
  with_state([&](auto&, KeyedBackend& backend, auto&) { EXPECT_THROW(backend.restore(context_), Error); });
  EXPECT_EQ(memory_.held_bytes(), 0u);
}

}  // namespace
}  // namespace tidemark::detail
