// Timers as a state of the backend: entries of key and time without a value, in every snapshot like any other state.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/codec/type.h"
#include "tidemark/detail/event_time/timer_queue.h"
#include "tidemark/detail/state/keyed_backend.h"
#include "tidemark/detail/state/stored_key.h"

namespace tidemark::detail {

template <class K>
class TimerState final : public CompositeState {
 public:
  using Key = OwnedKey<K>;

  /// `name` stands in checkpoints.
  explicit TimerState(std::string name) : name_{std::move(name)} {}

  TimerQueue<Key>& queue() { return queue_; }
  const TimerQueue<Key>& queue() const { return queue_; }

  StateDescriptor descriptor() const override {
    return {.name = name_,
            .kind = StateDescriptor::Kind::kTimers,
            .key_schema = schema_json(type_of<K>()),
            .namespace_schema = schema_json(type_of<Timestamp>()),
            .value_schema = {}};
  }

  std::vector<StateView> views(std::uint32_t) override {
    std::vector<StateView> result;
    if (!planted(PlantedBug::kForgetTimer)) result.push_back({{}, std::make_unique<View>(queue_.snapshot())});
    return result;
  }

  bool restore_entry(std::string_view namespace_bytes, std::uint64_t hash, std::string_view key, std::string_view) override {
    if (namespace_bytes.size() != sizeof(std::int64_t)) return false;
    const Timestamp at = KeyCodec<Timestamp>::decode(namespace_bytes);
    if constexpr (KeyCodec<K>::kIsWord) {
      std::uint64_t word = 0;
      if (!WordKey<K>::decode(key, word)) return false;
      queue_.add(at, hash, word);
    } else {
      queue_.add(at, hash, std::string{key});
    }
    return true;
  }

 private:
  /// One segment with all timers, sorted by hash when it is read.
  class View final : public TableView {
   public:
    explicit View(TimerSnapshot<Key> snapshot) : snapshot_{std::move(snapshot)} {}
    std::size_t segment_count() const override { return 1; }
    void read_segment(std::size_t, EntrySink& sink) override {
      struct Entry {
        std::uint64_t hash;
        Timestamp at;
        Key key;
      };
      std::vector<Entry> entries;
      snapshot_.for_each([&](Timestamp at, std::uint64_t hash, const auto& key) { entries.push_back({hash, at, Key{key}}); });
      std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        return std::tie(a.hash, a.key, a.at) < std::tie(b.hash, b.key, b.at);
      });
      ByteWriter key;
      ByteWriter at;
      for (const Entry& entry : entries) {
        key.clear();
        at.clear();
        if constexpr (KeyCodec<K>::kIsWord) {
          WordKey<K>::encode(entry.key, key);
        } else {
          key.put_bytes(entry.key);
        }
        KeyCodec<Timestamp>::encode(entry.at, at);
        sink.entry_with_namespace(entry.hash, key.view(), at.view(), {});
      }
    }

   private:
    TimerSnapshot<Key> snapshot_;
  };

  std::string name_;
  TimerQueue<Key> queue_;
};

}  // namespace tidemark::detail
