// What a completed checkpoint holds, read from its files as a tool would that does not know the engine: how far its
// sources had read, and its keyed state.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "env/file_system.h"
#include "snapshot/format.h"
#include "tidemark/detail/base/arena.h"
#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/state/list_items.h"
#include "tidemark/detail/state/stored_value.h"

namespace tidemark {

/// The item of the list state "enumerator" of a source.
struct EnumeratorState {
  std::string unassigned;  ///< what no reader has been given; of generate(): the first such number
};

/// Digits and nothing else.
std::optional<std::uint64_t> number_in(std::string_view text);

/// Of the source `uid`, generate() with `count` numbers: for each of them whether it was read before the barrier.
Result<std::vector<bool>> numbers_read(const CheckpointMetadata& checkpoint, const std::string& uid,
                                       std::uint64_t count);

/// The items of an operator state in all subtasks, lists and broadcast maps: encoded, each with `take`, which says whether
/// it was one.
Result<> read_items(const CheckpointMetadata& checkpoint, const std::string& uid, std::string_view state,
                    const std::function<bool(std::string_view)>& take);

/// The same, decoded; an entry of a broadcast map is a pair.
template <class T>
Result<std::vector<T>> read_list_state(const CheckpointMetadata& checkpoint, const std::string& uid, std::string_view state) {
  std::vector<T> items;
  TIDEMARK_TRY(read_items(checkpoint, uid, state,
                          [&](std::string_view bytes) { return detail::decode_item(bytes, items.emplace_back()); }));
  return items;
}

/// `take` gets each entry of a state and says whether it was one. Where a subtask has several files, each changes what the
/// ones before it say. An error where an entry was none, where two subtasks hold the same key group, where an entry lies
/// under a key group that its file does not have, and where a file has it twice.
Result<> read_entries(FileSystem& files, const std::string& folder, const CheckpointMetadata& checkpoint,
                      const std::string& uid, std::string_view state,
                      const std::function<bool(const SnapshotEntry&)>& take);

/// A keyed state without namespaces: values, lists, maps. K and V own their text.
template <class K, class V>
Result<std::map<K, V>> read_keyed_state(FileSystem& files, const std::string& folder,
                                        const CheckpointMetadata& checkpoint, const std::string& uid,
                                        std::string_view state) {
  std::map<K, V> result;
  detail::Arena text;
  TIDEMARK_TRY(read_entries(files, folder, checkpoint, uid, state, [&](const SnapshotEntry& entry) {
    K key{};
    V value{};
    return detail::KeyCodec<K>::decode(entry.key, key, text) && detail::StoredValue<V>::decode(entry.value, value) &&
           result.emplace(std::move(key), std::move(value)).second;
  }));
  return result;
}

/// The event-time timers of the operator `uid`, by key and time.
template <class K>
Result<std::set<std::pair<K, Timestamp>>> read_timers(FileSystem& files, const std::string& folder,
                                                      const CheckpointMetadata& checkpoint, const std::string& uid) {
  std::set<std::pair<K, Timestamp>> result;
  detail::Arena text;
  TIDEMARK_TRY(read_entries(files, folder, checkpoint, uid, "timers", [&](const SnapshotEntry& entry) {
    K key{};
    Timestamp at;
    return detail::KeyCodec<K>::decode(entry.key, key, text) &&
           detail::KeyCodec<Timestamp>::decode(entry.name_space, at, text) &&
           result.emplace(std::move(key), at).second;
  }));
  return result;
}

}  // namespace tidemark
