// Snapshots of tables while they are written: each must hold exactly what stood in the table at its trigger.
#include "state/table_stress_test.h"

#include <gtest/gtest.h>

#include <atomic>

namespace tidemark::detail {
namespace {

struct Reader final : EntrySink {
  Content found;
  std::uint64_t last_hash = 0;
  bool in_order = true;
  bool once = true;

  void entry(std::uint64_t hash, std::string_view key, std::string_view value) override {
    in_order = in_order && hash >= last_hash && hash == hash_of_encoded(key);
    last_hash = hash;
    once = found.emplace(key, value).second && once;
  }
  void entry_with_namespace(std::uint64_t, std::string_view, std::string_view, std::string_view) override {
    once = false;
  }

  void expect(const Content& expected) const {
    EXPECT_TRUE(in_order);
    EXPECT_TRUE(once);
    ASSERT_EQ(found.size(), expected.size());
    EXPECT_TRUE(found == expected);
  }
};

struct Snapshot {
  std::uint32_t bound = 0;
  std::unique_ptr<TableView> view;
  std::shared_ptr<const Content> expected;
  std::size_t next_segment = 0;
  Reader reader;

  bool read_on() {
    if (next_segment == view->segment_count()) return false;
    view->read_segment(next_segment++, reader);
    return true;
  }
  std::uint32_t finish() {
    reader.expect(*expected);
    view.reset();
    return bound;
  }
};

template <class W>
Snapshot trigger(W& writer) {
  Snapshot snapshot;
  snapshot.bound = writer.domain().begin();
  snapshot.view = writer.table().view(snapshot.bound);
  snapshot.expected = std::make_shared<const Content>(writer.content());
  return snapshot;
}

template <class Pair>
class TableStress : public testing::Test {};
TYPED_TEST_SUITE(TableStress, Pairs);

TYPED_TEST(TableStress, SnapshotsReadBetweenWritesHoldTheirTrigger) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    SCOPED_TRACE(seed);
    Writer<typename TypeParam::Key, typename TypeParam::Value> writer{seed};
    ASSERT_NO_FATAL_FAILURE(read_between_writes<Snapshot>(writer, [&] { return trigger(writer); }));
  }
}

TYPED_TEST(TableStress, SnapshotsReadByThreadsHoldTheirTrigger) {
  Writer<typename TypeParam::Key, typename TypeParam::Value> writer{42};
  read_by_threads<Snapshot>(writer, [&] { return trigger(writer); });
}

// Every value of a table is the number of a round. While a snapshotter reads the round's end, the writer starts the
// next one: both are at the same few units at the same time.
template <class V>
class RaceReader final : public EntrySink {
 public:
  explicit RaceReader(std::int64_t round) : round_{round} {}
  void entry(std::uint64_t, std::string_view, std::string_view bytes) override {
    V value{};
    if (!StoredValue<V>::decode(bytes, value)) ++wrong;
    ++seen;
    if constexpr (std::is_same_v<V, Wide>) {
      if (value.a != round_ || value.c != round_ || value.f != round_) ++wrong;
    } else {
      if (value != round_) ++wrong;
    }
  }
  void entry_with_namespace(std::uint64_t, std::string_view, std::string_view, std::string_view) override { ++wrong; }

  int seen = 0;
  int wrong = 0;

 private:
  std::int64_t round_;
};

template <class V>
void race_writer_and_reader(int rounds) {
  constexpr int kKeys = 512;
  CowDomain domain;
  StateTable<std::int64_t, V> table{domain};
  const auto value_of = [](std::int64_t n) -> V {
    if constexpr (std::is_same_v<V, Wide>) {
      return {n, n, n, n, n, n};
    } else {
      return n;
    }
  };
  std::vector<std::uint64_t> keys;
  for (std::int64_t key = 0; key < kKeys; ++key) {
    keys.push_back(KeyCodec<std::int64_t>::to_word(key));
    table.insert(hash_word<std::int64_t>(keys.back()), keys.back(), value_of(0));
  }
  // The last one that the snapshotter comes by first: the two meet once a round.
  std::sort(keys.begin(), keys.end(), [](std::uint64_t a, std::uint64_t b) {
    const auto place = [](std::uint64_t key) {
      const std::uint64_t hash = hash_word<std::int64_t>(key);
      return std::pair{hash >> 63, hash % 512};
    };
    return place(b) < place(a);
  });
  std::atomic<TableView*> offered{nullptr};
  std::atomic<bool> reading{false};
  std::atomic<bool> stop{false};
  std::int64_t round = 0;
  int wrong = 0;
  std::thread snapshotter{[&] {
    while (!stop.load(std::memory_order_acquire)) {
      TableView* view = offered.load(std::memory_order_acquire);
      if (view == nullptr) {
        std::this_thread::yield();
        continue;
      }
      RaceReader<V> reader{round};
      reading.store(true, std::memory_order_release);
      for (std::size_t i = 0; i < view->segment_count(); ++i) view->read_segment(i, reader);
      wrong += reader.wrong + std::abs(reader.seen - kKeys);
      reading.store(false, std::memory_order_relaxed);
      offered.store(nullptr, std::memory_order_release);
    }
  }};
  for (int i = 0; i < rounds; ++i) {
    const std::uint32_t bound = domain.begin();
    const auto view = table.view(bound);
    offered.store(view.get(), std::memory_order_release);
    while (offered.load(std::memory_order_acquire) != nullptr && !reading.load(std::memory_order_acquire)) continue;
    for (const std::uint64_t key : keys) table.set(table.find(hash_word<std::int64_t>(key), key), value_of(i + 1));
    while (offered.load(std::memory_order_acquire) != nullptr) std::this_thread::yield();
    domain.end(bound);
    ++round;
  }
  stop.store(true, std::memory_order_release);
  snapshotter.join();
  EXPECT_EQ(wrong, 0);
}

TEST(TableRace, ALineIsReadWholeWhileItIsWritten) { race_writer_and_reader<std::int64_t>(500); }
TEST(TableRace, ASlotIsReadWholeWhileItIsWritten) { race_writer_and_reader<Wide>(500); }

}  // namespace
}  // namespace tidemark::detail
