// Snapshots of tables while they are written: each must hold exactly what stood in the table at its trigger.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "env/split_mix_random.h"
#include "tidemark/detail/state/line_table.h"
#include "tidemark/detail/state/slot_table.h"

namespace tidemark::detail {
namespace {

struct Wide {
  std::int64_t a, b, c, d, e, f;
};
struct Quote {
  std::string_view symbol;
  std::int64_t price;
  std::string_view venue;
};

std::uint64_t below(Random& random, std::uint64_t limit) { return random.next() % limit; }

std::string random_text(Random& random, std::size_t max_size) {
  std::string text(below(random, max_size + 1), ' ');
  for (char& c : text) c = static_cast<char>('a' + below(random, 26));
  return text;
}

// A value, and a buffer that its views may point to.
template <class V>
V make_value(Random& random, std::string& text) {
  if constexpr (std::is_integral_v<V>) {
    return static_cast<V>(random.next());
  } else if constexpr (std::is_same_v<V, Wide>) {
    const auto x = static_cast<std::int64_t>(random.next() >> 2);
    return {x, x + 1, x + 2, x + 3, x + 4, x + 5};
  } else if constexpr (std::is_same_v<V, std::string>) {
    return random_text(random, 40);
  } else if constexpr (std::is_same_v<V, Quote>) {
    text = random_text(random, 40);
    const std::string_view all = text;
    const std::size_t cut = below(random, text.size() + 1);
    return {all.substr(0, cut), static_cast<std::int64_t>(random.next()), all.substr(cut)};
  } else if constexpr (std::is_same_v<V, std::vector<std::int64_t>>) {
    return V(below(random, 8), static_cast<std::int64_t>(random.next()));
  } else {
    V map;
    for (std::uint64_t i = below(random, 5); i > 0; --i)
      map.emplace(random_text(random, 20), static_cast<std::int64_t>(random.next()));
    return map;
  }
}

// A change in place, as mutate() makes it. Views are set to a literal: text that lives on.
template <class V>
void change_value(V& value, std::uint64_t by) {
  if constexpr (std::is_integral_v<V>) {
    value = static_cast<V>(static_cast<std::uint64_t>(value) * 31 + by);
  } else if constexpr (std::is_same_v<V, Wide>) {
    value.a ^= static_cast<std::int64_t>(by);
    value.f = value.a;
  } else if constexpr (std::is_same_v<V, std::string>) {
    value.size() < 60 ? void(value.push_back(static_cast<char>('A' + by % 26))) : value.clear();
  } else if constexpr (std::is_same_v<V, Quote>) {
    value.price ^= static_cast<std::int64_t>(by);
    if (by % 3 == 0) value.venue = "changed";
  } else if constexpr (std::is_same_v<V, std::vector<std::int64_t>>) {
    value.size() < 12 ? void(value.push_back(static_cast<std::int64_t>(by))) : value.clear();
  } else {
    value.size() < 8 ? void(value[std::to_string(by % 16)] = static_cast<std::int64_t>(by)) : value.clear();
  }
}

// The n-th key, encoded: some texts fit into a slot, some do not, some differ from others only at their end.
template <class K>
std::string encoded_key(std::uint64_t n) {
  ByteWriter writer;
  if constexpr (std::is_same_v<K, std::string>) {
    std::string text = std::to_string(n);
    if (n % 3 == 1) text = "user-with-a-long-name-" + text;
    if (n % 7 == 2) text.insert(0, 12 - std::min<std::size_t>(text.size(), 11), 'k');
    KeyCodec<K>::encode(text, writer);
  } else {
    KeyCodec<K>::encode(static_cast<K>(n * 0x9e37), writer);
  }
  return writer.take();
}

using Content = std::map<std::string, std::string>;

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
};

// Applies random operations to a table and to a model of it.
template <class K, class V>
class Writer {
 public:
  using Stored = StoredKey<K>;
  using TableType = StateTable<K, V>;

  explicit Writer(std::uint64_t seed) : random_{seed}, table_{std::make_unique<TableType>(domain_)} {}

  CowDomain& domain() { return domain_; }
  TableType& table() { return *table_; }
  const Content& content() const { return content_; }
  Random& random() { return random_; }

  // `keys` limits which keys come; a larger erase share leaves many tombstones.
  void operate(std::uint64_t keys, std::uint64_t erase_percent) {
    const std::string key = encoded_key<K>(below(random_, keys));
    const std::uint64_t hash = hash_of_encoded(key);
    typename Stored::Lookup lookup{};
    ASSERT_TRUE(Stored::decode(key, lookup));
    const auto row = table_->find(hash, lookup);
    const auto modelled = content_.find(key);
    ASSERT_EQ(static_cast<bool>(row), modelled != content_.end());
    ASSERT_TRUE(!row || encode(table_->value_ref(row)) == modelled->second);
    if (!row) {
      const V value = make_value<V>(random_, text_);
      content_[key] = encode(value);
      table_->insert(hash, lookup, value);
    } else if (below(random_, 100) < erase_percent) {
      content_.erase(modelled);
      table_->erase(row);
    } else if (below(random_, 2) == 0) {
      const V value = make_value<V>(random_, text_);
      modelled->second = encode(value);
      table_->set(row, value);
    } else {
      const std::uint64_t by = random_.next();
      table_->mutate(row, [&](V& value) {
        change_value(value, by);
        modelled->second = encode(value);
      });
    }
    text_.assign(text_.size(), '#');  // nobody may still point to it
    ASSERT_EQ(table_->size(), content_.size());
  }
  void clear() {
    table_->clear();
    content_.clear();
  }
  void replace_table() {
    table_ = std::make_unique<TableType>(domain_);
    content_.clear();
  }
  Snapshot trigger() {
    Snapshot snapshot;
    snapshot.bound = domain_.begin();
    snapshot.view = table_->view(snapshot.bound);
    snapshot.expected = std::make_shared<const Content>(content_);
    return snapshot;
  }

 private:
  static std::string encode(const V& value) {
    ByteWriter writer;
    StoredValue<V>::encode(value, writer);
    return writer.take();
  }

  SplitMixRandom random_;
  CowDomain domain_;
  std::unique_ptr<TableType> table_;
  Content content_;
  std::string text_;
};

// How the operations of a phase are mixed. Together: growth with splits, steady updates, churn that makes segments
// anew, clearing with the room kept, and a table that goes while its snapshots are being read.
struct Phase {
  std::uint64_t keys;
  std::uint64_t erase_percent;
  int operations;
  enum class End { kNothing, kClear, kReplace } end;
};
const std::vector<Phase> kPhases{
    {.keys = 6000, .erase_percent = 5, .operations = 8000, .end = Phase::End::kNothing},
    {.keys = 3000, .erase_percent = 60, .operations = 6000, .end = Phase::End::kNothing},
    {.keys = 200, .erase_percent = 10, .operations = 2000, .end = Phase::End::kClear},
    {.keys = 2500, .erase_percent = 95, .operations = 6000, .end = Phase::End::kReplace},
    {.keys = 5000, .erase_percent = 20, .operations = 5000, .end = Phase::End::kClear},
};

template <class Pair>
class TableStress : public testing::Test {};

template <class K, class V>
struct Of {
  using Key = K;
  using Value = V;
};
using Pairs = testing::Types<Of<std::int64_t, std::int64_t>, Of<std::int64_t, std::int32_t>, Of<std::int64_t, Wide>,
                             Of<std::int64_t, std::string>, Of<std::int32_t, std::vector<std::int64_t>>,
                             Of<std::string, std::map<std::string, std::int64_t>>, Of<std::int64_t, Quote>,
                             Of<std::string, std::int64_t>, Of<std::string, Quote>>;
TYPED_TEST_SUITE(TableStress, Pairs);

// One thread, so that a seed is one history: several snapshots are read a segment at a time between the writes, and end
// in any order.
TYPED_TEST(TableStress, SnapshotsReadBetweenWritesHoldTheirTrigger) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    SCOPED_TRACE(seed);
    Writer<typename TypeParam::Key, typename TypeParam::Value> writer{seed};
    std::vector<Snapshot> running;
    const auto read_some = [&] {
      const std::size_t index = below(writer.random(), running.size());
      if (running[index].read_on()) return;
      running[index].reader.expect(*running[index].expected);
      running[index].view.reset();
      writer.domain().end(running[index].bound);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(index));
    };
    for (const Phase& phase : kPhases) {
      for (int i = 0; i < phase.operations; ++i) {
        ASSERT_NO_FATAL_FAILURE(writer.operate(phase.keys, phase.erase_percent));
        if (running.size() < 4 && below(writer.random(), 300) == 0) running.push_back(writer.trigger());
        if (!running.empty() && below(writer.random(), 60) == 0) read_some();
      }
      if (phase.end == Phase::End::kClear) writer.clear();
      if (phase.end == Phase::End::kReplace) writer.replace_table();
    }
    while (!running.empty()) read_some();
    EXPECT_EQ(writer.domain().log_bytes(), 0u);
  }
}

// Hands snapshots to threads and takes finished ones back.
class Snapshotters {
 public:
  explicit Snapshotters(int count) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this] { run(); });
  }
  ~Snapshotters() {
    {
      const std::lock_guard lock{mutex_};
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  void submit(Snapshot snapshot) {
    {
      const std::lock_guard lock{mutex_};
      waiting_.push_back(std::move(snapshot));
    }
    wake_.notify_one();
  }
  std::vector<std::uint32_t> take_finished() {
    const std::lock_guard lock{mutex_};
    return std::exchange(finished_, {});
  }

 private:
  void run() {
    while (true) {
      std::unique_lock lock{mutex_};
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      Snapshot snapshot = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      while (snapshot.read_on()) std::this_thread::yield();
      snapshot.reader.expect(*snapshot.expected);
      snapshot.view.reset();
      lock.lock();
      finished_.push_back(snapshot.bound);
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Snapshot> waiting_;
  std::vector<std::uint32_t> finished_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

TYPED_TEST(TableStress, SnapshotsReadByThreadsHoldTheirTrigger) {
  Writer<typename TypeParam::Key, typename TypeParam::Value> writer{42};
  std::size_t running = 0;
  std::size_t taken = 0;
  Snapshotters snapshotters{3};
  const auto collect = [&] {
    for (const std::uint32_t bound : snapshotters.take_finished()) {
      writer.domain().end(bound);
      --running;
    }
  };
  for (const Phase& phase : kPhases) {
    for (int i = 0; i < phase.operations; ++i) {
      ASSERT_NO_FATAL_FAILURE(writer.operate(phase.keys, phase.erase_percent));
      if (i % 16 == 0) collect();
      if (below(writer.random(), 300) == 0) {
        for (; running == 4; collect()) std::this_thread::yield();
        snapshotters.submit(writer.trigger());
        ++running;
        ++taken;
      }
    }
    if (phase.end == Phase::End::kClear) writer.clear();
    if (phase.end == Phase::End::kReplace) writer.replace_table();
  }
  while (running > 0) {
    collect();
    std::this_thread::yield();
  }
  EXPECT_GT(taken, 60u);
  EXPECT_EQ(writer.domain().log_bytes(), 0u);
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
