#include "state/key_order_merge.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "tidemark/detail/model/key_group.h"

namespace tidemark {

using detail::EntrySink;
using detail::StateView;

// A view's entries in the order of its key groups, read a segment at a time.
class KeyOrderMerge::Input final : public EntrySink {
 public:
  Input(StateView view, std::uint32_t max_parallelism) : view_{std::move(view)}, max_parallelism_{max_parallelism} {}

  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  /// Of the next entry; kNone when there is none.
  std::uint32_t key_group() {
    while (entries_.empty() && read_segment()) {
    }
    return entries_.empty() ? kNone : entries_.front().key_group;
  }

  /// All entries of `key_group`, which is the next.
  void take(std::uint32_t key_group, std::vector<Entry>& to) {
    while (this->key_group() == key_group) {
      to.push_back(std::move(entries_.front()));
      entries_.pop_front();
    }
  }

  void entry(std::uint64_t hash, std::string_view key, std::string_view value) override {
    entry_with_namespace(hash, key, view_.namespace_bytes, value);
  }
  void entry_with_namespace(std::uint64_t hash, std::string_view key, std::string_view namespace_bytes,
                            std::string_view value) override {
    entries_.push_back(
        {key_group_of(hash, max_parallelism_), std::string{key}, std::string{namespace_bytes}, std::string{value}});
  }

 private:
  bool read_segment() {
    if (next_segment_ == view_.view->segment_count()) return false;
    view_.view->read_segment(next_segment_++, *this);
    return true;
  }

  StateView view_;
  std::uint32_t max_parallelism_;
  std::size_t next_segment_ = 0;
  std::deque<Entry> entries_;
};

KeyOrderMerge::KeyOrderMerge(std::vector<StateView> views, std::uint32_t state, std::uint32_t max_parallelism)
    : state_{state} {
  for (StateView& view : views) inputs_.emplace_back(std::move(view), max_parallelism);
}

KeyOrderMerge::~KeyOrderMerge() = default;

bool KeyOrderMerge::write_some(SnapshotFileWriter& writer) {
  std::uint32_t key_group = Input::kNone;
  for (Input& input : inputs_) key_group = std::min(key_group, input.key_group());
  if (key_group == Input::kNone) return false;
  std::vector<Entry> entries;
  for (Input& input : inputs_) input.take(key_group, entries);
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return std::tie(a.key, a.name_space) < std::tie(b.key, b.name_space);
  });
  for (const Entry& entry : entries) writer.add(state_, key_group, entry.key, entry.name_space, {}, entry.value);
  return true;
}

}  // namespace tidemark
