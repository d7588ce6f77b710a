// For stress tests of tables: random operations on one and on a model of it, and threads that read its snapshots.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
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

using TwoNumbers = std::pair<std::int64_t, std::int64_t>;
struct Wide {
  std::int64_t a, b, c, d, e, f;
};
struct Quote {
  std::string_view symbol;
  std::int64_t price;
  std::string_view venue;
};

inline std::uint64_t below(Random& random, std::uint64_t limit) { return random.next() % limit; }

inline std::string random_text(Random& random, std::size_t max_size) {
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
  } else if constexpr (std::is_same_v<K, TwoNumbers>) {
    KeyCodec<K>::encode({static_cast<std::int64_t>(n % 16), static_cast<std::int64_t>(n / 16)}, writer);
  } else {
    KeyCodec<K>::encode(static_cast<K>(n * 0x9e37), writer);
  }
  return writer.take();
}

using Content = std::map<std::string, std::string>;

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
    if (below(random_, 64) == 0) table_->merge_thin({hash, hash | random_.next()});
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
    touched_[key] = domain_.epoch();
    text_.assign(text_.size(), '#');  // nobody may still point to it
    ASSERT_EQ(table_->size(), content_.size());
  }
  void clear() {
    table_->clear();
    content_.clear();
    emptied_ = domain_.epoch();
  }
  void replace_table() {
    table_ = std::make_unique<TableType>(domain_);
    content_.clear();
    emptied_ = domain_.epoch();
  }
  /// The epoch of a key's last change, and that in which all of the content went; 0: never.
  const std::map<std::string, std::uint32_t>& touched() const { return touched_; }
  std::uint32_t emptied() const { return emptied_; }
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
  std::map<std::string, std::uint32_t> touched_;
  std::uint32_t emptied_ = 0;
  std::string text_;
};

// How the operations of a phase are mixed. Together: growth with splits, thin segments that are merged, steady updates, churn that makes segments
// anew, clearing with the room kept, and a table that goes while its snapshots are being read.
struct Phase {
  std::uint64_t keys;
  std::uint64_t erase_percent;
  int operations;
  enum class End { kNothing, kClear, kReplace } end;
};
inline const std::vector<Phase> kPhases{
    {.keys = 6000, .erase_percent = 5, .operations = 8000, .end = Phase::End::kNothing},
    {.keys = 3000, .erase_percent = 60, .operations = 6000, .end = Phase::End::kNothing},
    {.keys = 200, .erase_percent = 10, .operations = 2000, .end = Phase::End::kClear},
    {.keys = 2500, .erase_percent = 95, .operations = 6000, .end = Phase::End::kReplace},
    {.keys = 5000, .erase_percent = 20, .operations = 5000, .end = Phase::End::kClear},
};

template <class K, class V>
struct Of {
  using Key = K;
  using Value = V;
};
using Pairs = testing::Types<Of<std::int64_t, std::int64_t>, Of<std::int64_t, std::int32_t>, Of<std::int64_t, Wide>,
                             Of<std::int64_t, std::string>, Of<std::int32_t, std::vector<std::int64_t>>,
                             Of<std::string, std::map<std::string, std::int64_t>>, Of<std::int64_t, Quote>,
                             Of<std::string, std::int64_t>, Of<std::string, Quote>, Of<TwoNumbers, std::int64_t>,
                             Of<TwoNumbers, std::string>>;

// Hands snapshots to threads and takes finished ones back. A Snapshot has read_on(), which is false at its end, and then
// finish(), which gives its bound.
template <class Snapshot>
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
      const std::uint32_t bound = snapshot.finish();
      lock.lock();
      finished_.push_back(bound);
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Snapshot> waiting_;
  std::vector<std::uint32_t> finished_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

/// All phases of writing, while several of the snapshots that trigger() gives are read piece by piece between the writes, and end
/// in any order. One thread, so that a seed is one history.
template <class Snapshot, class W, class Trigger>
void read_between_writes(W& writer, Trigger&& trigger) {
  std::vector<Snapshot> running;
  const auto read_some = [&] {
    const std::size_t index = below(writer.random(), running.size());
    if (running[index].read_on()) return;
    writer.domain().end(running[index].finish());
    running.erase(running.begin() + static_cast<std::ptrdiff_t>(index));
  };
  for (const Phase& phase : kPhases) {
    for (int i = 0; i < phase.operations; ++i) {
      ASSERT_NO_FATAL_FAILURE(writer.operate(phase.keys, phase.erase_percent));
      if (running.size() < 4 && below(writer.random(), 300) == 0) running.push_back(trigger());
      if (!running.empty() && below(writer.random(), 60) == 0) read_some();
    }
    if (phase.end == Phase::End::kClear) writer.clear();
    if (phase.end == Phase::End::kReplace) writer.replace_table();
  }
  while (!running.empty()) read_some();
  EXPECT_EQ(writer.domain().log_bytes(), 0u);
}

/// The same with threads that read.
template <class Snapshot, class W, class Trigger>
void read_by_threads(W& writer, Trigger&& trigger) {
  std::size_t running = 0;
  std::size_t taken = 0;
  Snapshotters<Snapshot> snapshotters{3};
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
        snapshotters.submit(trigger());
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

}  // namespace tidemark::detail
