// Timers as a state of the backend: entries of key and time without a value, in every snapshot like any other state.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/codec/type.h"
#include "tidemark/detail/event_time/timer_queue.h"
#include "tidemark/detail/operators/timer_view.h"
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

  std::size_t memory_bytes() const override { return queue_.bytes(); }
  bool spill_to(ScratchFiles& files) override {
    scratch_ = &files;
    queue_.spill_to(files);
    return true;
  }
  void keep_to(std::size_t share_bytes) override { queue_.keep_to(share_bytes); }

  std::vector<StateView> views(std::uint32_t) override {
    std::vector<StateView> result;
    if (!planted(PlantedBug::kForgetTimer)) result.push_back({{}, std::make_unique<TimerView<K>>(queue_.snapshot(), scratch_)});
    return result;
  }

  bool restore_entry(std::string_view namespace_bytes, std::uint64_t hash, std::string_view key, std::string_view) override {
    if (namespace_bytes.size() != sizeof(std::int64_t)) return false;
    const Timestamp at = KeyCodec<Timestamp>::decode(namespace_bytes);
    typename StoredKey<K>::Lookup lookup{};
    if (!StoredKey<K>::decode(key, lookup)) return false;
    queue_.add(at, hash, Key{lookup});
    return true;
  }

 private:
  std::string name_;
  TimerQueue<Key> queue_;
  ScratchFiles* scratch_ = nullptr;  // where it may spill to
};

}  // namespace tidemark::detail
