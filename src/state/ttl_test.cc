#include "tidemark/ttl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "env/env.h"
#include "env/memory_file_system.h"
#include "env/split_mix_random.h"
#include "snapshot/snapshot_file_reader.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/state.h"

namespace tidemark::detail {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr const char* kFolder = "/checkpoints/1";
constexpr std::int64_t kNoon_ms = 1'700'000'000'000;
constexpr TtlUpdate kOnRead = TtlUpdate::kOnReadAndWrite;

class HandClock final : public Clock {
 public:
  std::int64_t wall_ms() const override { return wall_ms_; }
  std::int64_t steady_ns() const override { return 0; }
  std::int64_t wall_ms_ = kNoon_ms;
};

struct World {
  World() { value_or_throw(files.make_directories(kFolder)); }
  HandClock clock;
  MemoryFileSystem files;
  Env env{.clock = &clock, .files = &files};
  int snapshots = 0;
};

/// An operator with one state, under keys of int64.
template <class State>
class Subject {
 public:
  template <class... Args>
  explicit Subject(World& world, Args... args) : world_{world}, state_{declare_, "state", std::move(args)...} {
    context_.env = &world.env;
    context_.name = {.name = "keyed process", .uid = "keys"};
    context_.max_parallelism = 128;
    context_.post_mail = [](const std::function<void()>& mail) { mail(); };
    backend_.restore(context_);
  }

  /// The state of a key, for one record in a batch of its own.
  State& at(std::int64_t key) {
    backend_.begin_batch(world_.env);
    return at_in_batch(key);
  }
  State& at_in_batch(std::int64_t key) {
    cursor_ = {.hash = hash_key(key), .key = KeyCodec<std::int64_t>::to_word(key), .serial = cursor_.serial + 1};
    return state_;
  }
  void batches(int count) {
    for (; count > 0; --count) backend_.begin_batch(world_.env);
  }
  std::size_t size() const { return backend_.bound_tables()[0]->size(); }

  std::vector<SnapshotFile> save() {
    SnapshotRequest request{.barrier = {.id = 1}, .folder = kFolder, .file_prefix = std::to_string(++world_.snapshots), .job = "job"};
    const auto work = backend_.snapshot(request, context_, {});
    while (!work->step()) continue;
    std::vector<SnapshotFile> files = work->take_result().keyed_files;
    for (SnapshotFile& file : files) file.path = join_path(kFolder, file.path);
    return files;
  }
  void restore(std::vector<SnapshotFile> files) {
    context_.restore.keyed_files = std::move(files);
    backend_.restore(context_);
  }
  StateDescriptor descriptor() const { return backend_.descriptors()[0]; }

 private:
  World& world_;
  OperatorContext context_;
  KeyCursor<std::int64_t> cursor_;
  KeyedBackend backend_{schema_json(type_of<std::int64_t>()), &cursor_};
  Declare declare_{backend_};
  State state_;
};

using Key = std::int64_t;
using Count = ValueState<Key, std::int64_t, Ttl>;
using Small = ValueState<Key, std::int32_t, Ttl>;
using Name = ValueState<Key, std::string_view, Ttl>;
using List = ListState<Key, std::string, Ttl>;
using Map = MapState<Key, std::string, std::int64_t, Ttl>;

class TtlTest : public testing::Test {
 protected:
  void pass(Duration time) { world_.clock.wall_ms_ += time.count(); }
  std::size_t saved_entries(const std::vector<SnapshotFile>& files) {
    const auto reader = value_or_throw(SnapshotFileReader::open(world_.files, files.at(0).path, &files[0]));
    std::size_t entries = 0;
    value_or_throw(reader->for_each(0, {0, 128}, [&](const SnapshotEntry&) -> Result<> {
      ++entries;
      return {};
    }));
    return entries;
  }

  World world_;
};

template <class Entries>
std::map<std::string, std::int64_t> content(const Entries& entries) {
  std::map<std::string, std::int64_t> result;
  for (const auto& [key, value] : entries) result[key] = value;
  EXPECT_EQ(result.size(), entries.size());
  return result;
}

TEST_F(TtlTest, ALifeOfNothingAndOneTooLongAreRefused) {
  EXPECT_EQ(ttl(24h).seconds(), 86400u);
  EXPECT_EQ(ttl(1500ms).seconds(), 2u);
  EXPECT_EQ(ttl(1ms).seconds(), 1u);
  EXPECT_EQ(ttl(24h).update(), TtlUpdate::kOnCreateAndWrite);
  for (const Duration life : {Duration{0}, Duration{-1}, Duration{std::chrono::hours{24 * 365 * 200}}, Duration::max()}) {
    try {
      ttl(life);
      ADD_FAILURE() << life.count();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.message(), HasSubstr("time to live"));
    }
  }
}

template <class State>
class TtlValueTest : public TtlTest {};
using ValueStates = testing::Types<Count, Small, ValueState<Key, double, Ttl>, ValueState<Key, std::array<std::int64_t, 9>, Ttl>>;
TYPED_TEST_SUITE(TtlValueTest, ValueStates);

TYPED_TEST(TtlValueTest, AValueIsGoneWhenItsTimeIsOver) {
  Subject<TypeParam> s{this->world_, ttl(10s)};
  using V = std::remove_cvref_t<decltype(s.at(1).get())>;
  s.at(1).set(V{3});
  this->pass(9999ms);
  ASSERT_NE(s.at(1).find(), nullptr);
  EXPECT_EQ(*s.at(1).find(), V{3});
  this->pass(1ms);
  EXPECT_EQ(s.at(1).find(), nullptr);
  EXPECT_EQ(s.at(1).get(), V{});
  EXPECT_EQ(s.size(), 0u);
  s.at(1).mutate([](V& value) {
    EXPECT_EQ(value, V{});
    value = V{4};
  });
  EXPECT_EQ(s.at(1).get(), V{4});
}

TEST_F(TtlTest, ItLivesAtLeastAsLongAsItsTimeAndLessThanASecondLonger) {
  for (const Duration fraction : {0ms, 1ms, 500ms, 999ms}) {
    world_.clock.wall_ms_ = kNoon_ms + fraction.count();
    Subject<Count> s{world_, ttl(10s)};
    s.at(1).set(3);
    pass(10s - 1ms);
    EXPECT_NE(s.at(1).find(), nullptr) << fraction.count();
    pass(1000ms);
    EXPECT_EQ(s.at(1).find(), nullptr) << fraction.count();
  }
}

TEST_F(TtlTest, AWriteBeginsANewLifeAndAReadDoesNot) {
  Subject<Count> s{world_, ttl(10s)};
  s.at(1).set(1);
  s.at(2).set(2);
  s.at(3).set(3);
  pass(8s);
  EXPECT_EQ(s.at(1).get(), 1);
  s.at(2).set(5);
  s.at(3).mutate([](std::int64_t& value) { ++value; });
  pass(2s);
  EXPECT_EQ(s.at(1).find(), nullptr);
  EXPECT_EQ(s.at(2).get(), 5);
  EXPECT_EQ(s.at(3).get(), 4);
}

TEST_F(TtlTest, AReadBeginsANewLifeAfterATenthOfTheOld) {
  Subject<Count> s{world_, ttl(100s, kOnRead)};
  s.at(1).set(1);
  s.at(2).set(2);
  pass(10s);
  EXPECT_EQ(s.at(1).get(), 1);  // too early
  pass(1s);
  EXPECT_EQ(s.at(2).get(), 2);
  pass(89s);
  EXPECT_EQ(s.at(1).find(), nullptr);
  pass(10s);
  EXPECT_EQ(s.at(2).get(), 2);
  pass(99s);
  EXPECT_EQ(s.at(2).get(), 2);
}

TEST_F(TtlTest, TheTimeOfABatchIsThatOfItsBeginning) {
  Subject<Count> s{world_, ttl(10s)};
  s.at(1).set(1);
  pass(9s);
  EXPECT_EQ(s.at(1).get(), 1);
  pass(9s);
  EXPECT_EQ(s.at_in_batch(1).get(), 1);
  EXPECT_EQ(s.at(1).get(), 0);
}

TEST_F(TtlTest, AClockThatIsPutBackKeepsEntriesAlive) {
  Subject<Count> s{world_, ttl(10s)};
  s.at(1).set(1);
  pass(-3600s);
  EXPECT_EQ(s.at(1).get(), 1);
  world_.clock.wall_ms_ = -5000;
  EXPECT_EQ(s.at(1).get(), 1);
  s.at(2).set(2);
  EXPECT_EQ(s.at(2).get(), 2);
}

TEST_F(TtlTest, TextIsTheStatesOwn) {
  Subject<Name> s{world_, ttl(10s, kOnRead)};
  std::string name = "a name that no small string would hold";
  s.at(1).set(name);
  name.assign(name.size(), 'x');
  pass(5s);
  EXPECT_EQ(s.at(1).get(), "a name that no small string would hold");
  pass(9s);
  EXPECT_EQ(s.at(1).get(), "a name that no small string would hold");
  s.at(1).mutate([&](std::string_view& value) { value = value.substr(2, 4); });
  EXPECT_EQ(s.at(1).get(), "name");
}

struct Payment {
  std::int64_t amount = 0;
};
struct Larger {
  std::int64_t operator()(std::int64_t a, std::int64_t b) const { return std::max(a, b); }
};
TEST_F(TtlTest, ReducingAndAggregatingStateBeginAnew) {
  Subject<ReducingState<Key, std::int64_t, Larger, Ttl>> largest{world_, ttl(10s)};
  using Sum = decltype(sum(&Payment::amount));
  Subject<AggregatingState<Key, Payment, Sum, Ttl>> total{world_, sum(&Payment::amount), ttl(10s)};
  largest.at(1).add(9);
  total.at(1).add({9});
  pass(9s);
  largest.at(1).add(3);
  total.at(1).add({3});
  pass(9s);
  EXPECT_EQ(largest.at(1).get(), 9);
  EXPECT_EQ(total.at(1).get(), 12);
  pass(1s);
  largest.at(1).add(4);
  total.at(1).add({4});
  EXPECT_EQ(largest.at(1).get(), 4);
  EXPECT_EQ(total.at(1).get(), 4);
}

TEST_F(TtlTest, ElementsOfAListExpireOneByOne) {
  Subject<List> s{world_, ttl(10s)};
  s.at(1).add("a");
  pass(4s);
  s.at(1).add("b");
  EXPECT_THAT(s.at(1).get(), ElementsAre("a", "b"));
  pass(6s);
  EXPECT_THAT(s.at(1).get(), ElementsAre("b"));
  s.at(1).add("c");
  pass(4s);
  EXPECT_THAT(s.at(1).get(), ElementsAre("c"));
  pass(6s);
  EXPECT_THAT(s.at(1).get(), IsEmpty());
  EXPECT_EQ(s.size(), 0u);
  s.at(1).set({"d", "e"});
  EXPECT_THAT(s.at(1).get(), ElementsAre("d", "e"));
  s.at(1).set({});
  EXPECT_EQ(s.size(), 0u);
}

TEST_F(TtlTest, AListThatIsNeverReadStaysShort) {
  Subject<ListState<Key, std::string, Ttl>> s{world_, ttl(10s)};
  for (int i = 0; i < 1000; ++i) {
    s.at(1).add(std::to_string(i));
    pass(1s);
  }
  EXPECT_EQ(s.at_in_batch(1).get().size(), 10u);
}

TEST_F(TtlTest, AReadOfAListIsOneOfAllItsElements) {
  Subject<List> s{world_, ttl(10s, kOnRead)};
  s.at(1).add("a");
  pass(4s);
  s.at(1).add("b");
  EXPECT_THAT(s.at(1).get(), ElementsAre("a", "b"));
  pass(9s);
  EXPECT_THAT(s.at(1).get(), ElementsAre("a", "b"));
}

TEST_F(TtlTest, EntriesOfAMapExpireOneByOne) {
  Subject<Map> s{world_, ttl(10s)};
  s.at(1).put("a", 1);
  pass(4s);
  s.at(1).put("b", 2);
  s.at(1).mutate("c", [](std::int64_t& value) { value = 3; });
  EXPECT_EQ(*s.at(1).find("a"), 1);
  pass(6s);
  EXPECT_EQ(s.at(1).find("a"), nullptr);
  EXPECT_EQ(content(s.at(1).entries()), (std::map<std::string, std::int64_t>{{"b", 2}, {"c", 3}}));
  s.at(1).mutate("a", [](std::int64_t& value) { value += 5; });
  EXPECT_EQ(*s.at(1).find("a"), 5);
  s.at(1).remove("b");
  s.at(1).mutate("c", [](std::int64_t& value) { ++value; });
  pass(9s);
  EXPECT_EQ(content(s.at(1).entries()), (std::map<std::string, std::int64_t>{{"a", 5}, {"c", 4}}));
  pass(1s);
  EXPECT_TRUE(s.at(1).entries().empty());
  EXPECT_EQ(s.size(), 0u);
}

TEST_F(TtlTest, AnExpiredEntryOfAMapIsNotTheBeginningOfANewOne) {
  Subject<Map> s{world_, ttl(10s)};
  s.at(1).put("a", 1);
  pass(5s);
  s.at(1).put("b", 2);
  pass(5s);
  s.at(1).mutate("a", [](std::int64_t& value) { EXPECT_EQ(value, 0); });
  s.at(1).remove("a");
  s.at(1).remove("b");
  EXPECT_EQ(s.size(), 0u);
}

TEST_F(TtlTest, AReadOfAMapRenewsWhatWasRead) {
  Subject<Map> s{world_, ttl(10s, kOnRead)};
  s.at(1).put("a", 1);
  s.at(1).put("b", 2);
  pass(5s);
  EXPECT_EQ(*s.at(1).find("a"), 1);
  pass(5s);
  EXPECT_EQ(content(s.at(1).entries()), (std::map<std::string, std::int64_t>{{"a", 1}}));
  pass(9s);
  EXPECT_EQ(content(s.at(1).entries()), (std::map<std::string, std::int64_t>{{"a", 1}}));
  pass(10s);
  EXPECT_TRUE(s.at(1).entries().empty());
}

TEST_F(TtlTest, BatchesSweepWhatNobodyAsksFor) {
  Subject<Count> counts{world_, ttl(10s)};
  Subject<Small> small{world_, ttl(10s)};
  Subject<Name> names{world_, ttl(10s)};
  for (std::int64_t key = 0; key < 20000; ++key) {
    counts.at_in_batch(key).set(key);
    small.at_in_batch(key).set(1);
    names.at_in_batch(key).set("a name that no small string would hold");
  }
  pass(11s);
  for (std::int64_t key = 0; key < 100; ++key) counts.at(key).set(key);
  counts.batches(5000);
  small.batches(5000);
  names.batches(5000);
  EXPECT_EQ(counts.size(), 100u);
  EXPECT_EQ(small.size(), 0u);
  EXPECT_EQ(names.size(), 0u);
}

TEST_F(TtlTest, SweepingKeepsUpWithAnyRateOfNewKeys) {
  constexpr std::size_t kSmallestRound = 1000;  // even an almost empty table takes many batches to be swept once
  for (const int keys_at_once : {10, 1000, 5000}) {
    Subject<Count> s{world_, ttl(10s)};
    std::int64_t key = 0;
    for (int second = 0; second < 100; ++second) {
      s.batches(1);
      for (int i = 0; i < keys_at_once; ++i) s.at_in_batch(key++).set(1);
      pass(1s);
      if (second <= 50) continue;
      EXPECT_LT(s.size(), static_cast<std::size_t>(keys_at_once) * 10 * 2 + kSmallestRound) << keys_at_once;
    }
  }
}

TEST_F(TtlTest, SweepingRemovesElementsAndEntriesOneByOne) {
  Subject<List> lists{world_, ttl(10s)};
  Subject<Map> maps{world_, ttl(10s)};
  for (const char* text : {"a", "b"}) {
    for (std::int64_t key = 0; key < 100; ++key) {
      lists.at(key).add(text);
      maps.at(key).put(text, key);
    }
    pass(6s);
  }
  lists.batches(1000);
  maps.batches(1000);
  EXPECT_EQ(lists.size(), 100u);
  EXPECT_EQ(maps.size(), 100u);
  // At a time when everything would live again, what was swept is gone.
  pass(-8s);
  EXPECT_THAT(lists.at(1).get(), ElementsAre("b"));
  EXPECT_EQ(content(maps.at(1).entries()), (std::map<std::string, std::int64_t>{{"b", 1}}));
}

// All at once would hold up the first records after a restart.
TEST_F(TtlTest, WhatWasRestoredIsNotSweptByTheFirstBatch) {
  constexpr std::size_t kKeys = 10000;
  Subject<Count> first{world_, ttl(10s)};
  for (std::size_t key = 0; key < kKeys; ++key) first.at_in_batch(static_cast<Key>(key)).set(1);
  Subject<Count> second{world_, ttl(10s)};
  second.restore(first.save());
  pass(11s);
  second.batches(1);
  EXPECT_GT(second.size(), kKeys - 100);
  second.batches(5000);
  EXPECT_EQ(second.size(), 0u);
}

TEST_F(TtlTest, ARestoredStateGoesOnDying) {
  Subject<Count> first{world_, ttl(10s)};
  first.at(1).set(1);
  pass(4s);
  first.at(2).set(2);
  const auto saved = first.save();
  pass(7s);
  Subject<Count> second{world_, ttl(10s)};
  second.restore(saved);
  EXPECT_EQ(second.size(), 1u);
  EXPECT_EQ(second.at(1).find(), nullptr);
  EXPECT_EQ(second.at(2).get(), 2);
  pass(3s);
  EXPECT_EQ(second.at(2).find(), nullptr);
}

TEST_F(TtlTest, WhatHasExpiredIsInNoSnapshot) {
  Subject<Count> counts{world_, ttl(10s)};
  Subject<List> lists{world_, ttl(10s)};
  Subject<Map> maps{world_, ttl(10s)};
  const auto write = [&](std::int64_t from, std::int64_t to, const char* text) {
    for (std::int64_t key = from; key < to; ++key) {
      counts.at_in_batch(key).set(key);
      lists.at_in_batch(key).add(text);
      maps.at_in_batch(key).put(text, key);
    }
  };
  write(0, 300, "old");
  pass(6s);
  counts.batches(1), lists.batches(1), maps.batches(1);
  write(200, 400, "new");
  pass(6s);
  const auto saved_counts = counts.save();
  EXPECT_EQ(saved_entries(saved_counts), 200u);
  const auto saved_lists = lists.save();
  EXPECT_EQ(saved_entries(saved_lists), 200u);
  Subject<List> other_lists{world_, ttl(3600s)};
  other_lists.restore(saved_lists);
  EXPECT_THAT(other_lists.at(250).get(), ElementsAre("new"));
  const auto saved_maps = maps.save();
  EXPECT_EQ(saved_entries(saved_maps), 200u);
  Subject<Map> other_maps{world_, ttl(3600s)};
  other_maps.restore(saved_maps);
  EXPECT_EQ(content(other_maps.at(250).entries()), (std::map<std::string, std::int64_t>{{"new", 250}}));
}

TEST_F(TtlTest, ElementsAndEntriesThatExpireWhileTheJobIsDownAreNotRestored) {
  Subject<List> lists{world_, ttl(10s)};
  Subject<Map> maps{world_, ttl(10s)};
  for (const char* text : {"a", "b"}) {
    lists.at(1).add(text);
    maps.at(1).put(text, 7);
    pass(4s);
  }
  const auto saved_lists = lists.save();
  pass(2s);
  Subject<List> other_lists{world_, ttl(10s)};
  other_lists.restore(saved_lists);
  pass(-10s);
  EXPECT_THAT(other_lists.at(1).get(), ElementsAre("b"));
  pass(8s);
  const auto saved_maps = maps.save();
  pass(2s);
  Subject<Map> other_maps{world_, ttl(10s)};
  other_maps.restore(saved_maps);
  pass(-10s);
  EXPECT_EQ(content(other_maps.at(1).entries()), (std::map<std::string, std::int64_t>{{"b", 7}}));
}

TEST_F(TtlTest, AnotherTimeToLiveCountsFromTheLastWrite) {
  Subject<Count> first{world_, ttl(10s)};
  first.at(1).set(1);
  const auto saved = first.save();
  pass(5s);
  Subject<Count> longer{world_, ttl(60s)};
  longer.restore(saved);
  Subject<Count> shorter{world_, ttl(5s)};
  shorter.restore(saved);
  EXPECT_EQ(shorter.size(), 0u);
  pass(54s);
  EXPECT_EQ(longer.at(1).get(), 1);
  pass(1s);
  EXPECT_EQ(longer.at(1).find(), nullptr);
}

TEST_F(TtlTest, AStateMayGetATimeToLiveAndLoseIt) {
  using Forever = ValueState<Key, std::int64_t>;
  Subject<Forever> plain{world_};
  plain.at(1).set(7);
  EXPECT_FALSE(plain.descriptor().has_ttl);
  const auto saved = plain.save();
  pass(3600s);
  Subject<Count> timed{world_, ttl(10s)};
  EXPECT_TRUE(timed.descriptor().has_ttl);
  timed.restore(saved);
  EXPECT_EQ(timed.at(1).get(), 7);
  pass(9s);
  EXPECT_EQ(timed.at(1).get(), 7);
  const auto saved_again = timed.save();
  pass(1s);
  EXPECT_EQ(timed.at(1).find(), nullptr);
  Subject<Forever> back{world_};
  back.restore(saved_again);
  EXPECT_EQ(back.at(1).get(), 7);
}

TEST_F(TtlTest, SoMayListsAndMaps) {
  using ForeverList = ListState<Key, std::string>;
  using ForeverMap = MapState<Key, std::string, std::int64_t>;
  Subject<ForeverList> plain_list{world_};
  plain_list.at(1).set({"a", "b"});
  Subject<List> list{world_, ttl(10s)};
  list.restore(plain_list.save());
  pass(9s);
  EXPECT_THAT(list.at(1).get(), ElementsAre("a", "b"));
  Subject<ForeverList> list_again{world_};
  list_again.restore(list.save());
  EXPECT_THAT(list_again.at(1).get(), ElementsAre("a", "b"));
  pass(1s);
  EXPECT_THAT(list.at(1).get(), IsEmpty());

  Subject<ForeverMap> plain_map{world_};
  plain_map.at(1).put("a", 1);
  plain_map.at(1).put("b", 2);
  Subject<Map> map{world_, ttl(10s)};
  map.restore(plain_map.save());
  pass(9s);
  EXPECT_EQ(content(map.at(1).entries()), (std::map<std::string, std::int64_t>{{"a", 1}, {"b", 2}}));
  Subject<ForeverMap> map_again{world_};
  map_again.restore(map.save());
  EXPECT_THAT(map_again.at(1).entries(), ElementsAre(Pair("a", 1), Pair("b", 2)));
}

struct Seen {
  std::int32_t count = 0;
};
struct SeenLater {
  std::int64_t count = 0;
  std::string by;
};

TEST_F(TtlTest, TypeAndTimeToLiveMayChangeAtOnce) {
  Subject<ValueState<Key, Seen, Ttl>> first{world_, ttl(10s)};
  first.at(1).set({5});
  Subject<ValueState<Key, SeenLater, Ttl>> second{world_, ttl(20s)};
  second.restore(first.save());
  EXPECT_EQ(second.at(1).get().count, 5);
  pass(20s);
  EXPECT_EQ(second.at(1).find(), nullptr);

  Subject<ListState<Key, Seen>> plain{world_};
  plain.at(1).add({6});
  Subject<ListState<Key, SeenLater, Ttl>> timed{world_, ttl(10s)};
  timed.restore(plain.save());
  ASSERT_EQ(timed.at(1).get().size(), 1u);
  EXPECT_EQ(timed.at(1).get()[0].count, 6);
  pass(10s);
  EXPECT_THAT(timed.at(1).get(), IsEmpty());
}

TEST(Stamped, DamagedBytesNeverMakeAListWithoutItsStamps) {
  ByteWriter bytes;
  StoredValue<StampedList<std::string>>::encode({{"a", "b"}, {1, 2}}, bytes);
  StampedList<std::string> list;
  ASSERT_TRUE((StoredValue<StampedList<std::string>>::decode(bytes.view(), list)));
  StampedMap<std::string, std::string> map;
  SplitMixRandom random{5};
  for (int i = 0; i < 2000; ++i) {
    std::string bad{bytes.view()};
    bad[random.next() % bad.size()] ^= static_cast<char>(1 + random.next() % 255);
    bad.resize(bad.size() - random.next() % 3);
    if (StoredValue<StampedList<std::string>>::decode(bad, list)) {
      EXPECT_EQ(list.items.size(), list.written_s.size());
    }
    static_cast<void>(StoredValue<StampedMap<std::string, std::string>>::decode(bad, map));
    static_cast<void>(StoredValue<StampedList<std::string>>::life(bad, {.life_s = 1, .now_s = 2}));
  }
}

}  // namespace
}  // namespace tidemark::detail
