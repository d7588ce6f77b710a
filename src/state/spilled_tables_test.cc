// What a store is opened for, and asks for later; operators/spilled_state_test.cc has the rest of it used.
#include "tidemark/detail/state/spilled_tables.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "env/posix_env.h"
#include "state/memory_state_store.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/detail/state/resident_keys.h"
#include "tidemark/detail/state/slot_table.h"
#include "tidemark/detail/state/state_memory.h"
#include "tidemark/state.h"
#include "tidemark/ttl.h"

namespace tidemark::detail {
namespace {

using namespace std::chrono_literals;

class NotedStores final : public StateStores {
 public:
  std::unique_ptr<StateStore> open(const StateStoreOptions& options) override {
    opened.push_back(options);
    auto store = stores_.open(options);
    last = store.get();
    return store;
  }
  std::vector<StateStoreOptions> opened;
  StateStore* last = nullptr;

 private:
  MemoryStateStores stores_;
};

class SpilledTablesTest : public testing::Test {
 protected:
  StateStoreOptions opened(const std::string& uid) {
    Env env = posix_.env();
    OperatorContext context;
    context.env = &env;
    context.name = {.name = "counts", .uid = uid, .subtask = 12345};
    context.attempt = 1'000'000;
    SpilledTables{context, stores_, domain_, {{"kept", &kept_, false}, {"expiring", &expiring_, true}}};
    return stores_.opened.back();
  }

  PosixEnv posix_{1};
  NotedStores stores_;
  CowDomain domain_;
  StateTable<std::int64_t, std::int64_t> kept_{domain_};
  StateTable<std::int64_t, std::int64_t> expiring_{domain_};
};

TEST_F(SpilledTablesTest, OnlyAStateWithATimeToLiveAsksForItsExpiredValues) {
  const StateStoreOptions options = opened("counts");
  ASSERT_EQ(options.states.size(), 2u);
  EXPECT_FALSE(options.states[0].is_expired);
  EXPECT_TRUE(options.states[1].is_expired);
}

class HandClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return now_ms; }
  std::int64_t steady_ns() const override { return 0; }
  std::int64_t now_ms = 1'700'000'000'000;
};

// What a store asks of the bytes that it holds, as it compacts them: of a list and a map whether all parts have expired.
TEST_F(SpilledTablesTest, OfAValueAListAndAMapTheStoreIsToldWhenNothingOfThemLives) {
  HandClock clock;
  Env env = posix_.env();
  env.clock = &clock;
  env.state_stores = &stores_;
  OperatorContext context;
  context.env = &env;
  context.name = {.name = "counts", .uid = "counts"};
  KeyCursor<std::int64_t> cursor;
  KeyedBackend backend{schema_json(type_of<std::int64_t>()), &cursor};
  Declare declare{backend};
  const Ttl minute{60s};
  ValueState<std::int64_t, std::string, Ttl> value{declare, "value", minute};
  ListState<std::int64_t, std::string, Ttl> list{declare, "list", minute};
  MapState<std::int64_t, std::string, std::int64_t, Ttl> map{declare, "map", minute};
  backend.restore(context);
  ResidentKeys<std::int64_t> resident{*backend.spilled_tables()};
  const auto write = [&](const std::string& text) {
    backend.begin_batch(env);
    cursor = {.hash = hash_key(std::int64_t{7}), .key = KeyCodec<std::int64_t>::to_word(7), .serial = cursor.serial + 1};
    resident.want(cursor.hash, cursor.key);
    resident.load();
    if (value.find() == nullptr) value.set(text);
    list.add(text);
    map.put(text, 1);
    resident.keep_changes(cursor);
    resident.evict_down_to(0);
  };
  const auto expired = [&] {
    std::vector<bool> result;
    const auto content = stores_.last->snapshot();
    for (std::uint32_t state = 0; state < 3; ++state) {
      const auto entries = content->entries(state);
      EXPECT_TRUE(entries->next());
      result.push_back(stores_.opened.back().states[state].is_expired(entries->value()));
    }
    return result;
  };
  write("old");
  clock.now_ms += 30'000;
  write("new");
  EXPECT_EQ(expired(), (std::vector{false, false, false}));
  clock.now_ms += 40'000;
  EXPECT_EQ(expired(), (std::vector{true, false, false})) << "of the others a part lives";
  clock.now_ms += 30'000;
  EXPECT_EQ(expired(), (std::vector{true, true, true}));
}

TEST_F(SpilledTablesTest, TheNameOfAStoreFitsAFolderWhateverTheUid) {
  const std::string long_uid(300, 'u');
  std::set<std::string> names;
  for (const std::string& uid : {std::string{"a b"}, std::string{"a_b"}, std::string{"a_20b"}, long_uid, long_uid + "u",
                                 "u" + std::string(299, ' ')}) {
    const std::string name = opened(uid).name;
    EXPECT_LT(name.size(), 200u);
    EXPECT_TRUE(name.ends_with("-12345-1000000"));
    EXPECT_TRUE(std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '_' || c == '-'; }));
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

// What changes while a checkpoint is written is kept in a log in the same pages.
TEST_F(SpilledTablesTest, KeysStayWhileACheckpointIsWritten) {
  constexpr std::int64_t kKeys = 500'000;
  const auto word_of = [](std::int64_t key) { return KeyCodec<std::int64_t>::to_word(key); };
  const auto row_of = [&](std::int64_t key) { return kept_.find(hash_word<std::int64_t>(word_of(key)), word_of(key)); };
  for (std::int64_t key = 0; key < kKeys; ++key) kept_.insert(hash_word<std::int64_t>(word_of(key)), word_of(key), key);
  StateMemory memory{(domain_.pages().used_bytes() + PagePool::kPageBytes) / 15 * 16 + 16};
  Env env = posix_.env();
  env.state_memory = &memory;
  OperatorContext context;
  context.env = &env;
  context.name = {.name = "counts", .uid = "counts", .subtask = 0};
  SpilledTables tables{context, stores_, domain_, {{"kept", &kept_, false}}};
  ASSERT_EQ(tables.keys_to_evict(kKeys), 0u);
  const std::uint32_t bound = domain_.begin();
  for (std::int64_t key = 0; key < kKeys; ++key) kept_.set(row_of(key), -key);
  ASSERT_GT(domain_.log_bytes(), 2 * PagePool::kPageBytes);
  EXPECT_EQ(tables.keys_to_evict(kKeys), 0u);
  domain_.end(bound);
  EXPECT_EQ(tables.keys_to_evict(kKeys), 0u);
}

}  // namespace
}  // namespace tidemark::detail
