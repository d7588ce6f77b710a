#include "state/view_merge.h"

#include <algorithm>
#include <utility>

#include "tidemark/detail/model/key_group.h"

namespace tidemark {

using detail::EntrySink;
using detail::StateView;

class ViewMerge::DirectSink final : public EntrySink {
 public:
  DirectSink(SnapshotFileWriter& writer, std::uint32_t state, std::uint32_t max_parallelism,
             std::string_view namespace_bytes)
      : writer_{writer}, state_{state}, max_parallelism_{max_parallelism}, namespace_bytes_{namespace_bytes} {}

  void entry(std::uint64_t hash, std::string_view key, std::string_view value) override {
    writer_.add(state_, key_group_of(hash, max_parallelism_), key, namespace_bytes_, {}, value);
  }
  void entry_with_namespace(std::uint64_t hash, std::string_view key, std::string_view namespace_bytes,
                            std::string_view value) override {
    writer_.add(state_, key_group_of(hash, max_parallelism_), key, namespace_bytes, {}, value);
  }

 private:
  SnapshotFileWriter& writer_;
  std::uint32_t state_;
  std::uint32_t max_parallelism_;
  std::string_view namespace_bytes_;
};

// A view's entries, a segment at a time.
class ViewMerge::Buffer final : public EntrySink {
 public:
  explicit Buffer(StateView& view) : view_{view} {}

  std::uint64_t hash() const { return entries_[at_].hash; }

  /// To the next entry; false if there is none. The first call goes to the first one.
  bool next() {
    if (at_ + 1 < entries_.size()) {
      offset_ += size_of(entries_[at_]);
      ++at_;
      return true;
    }
    at_ = 0;
    offset_ = 0;
    entries_.clear();
    bytes_.clear();
    while (entries_.empty()) {
      if (next_segment_ == view_.view->segment_count()) return false;
      view_.view->read_segment(next_segment_++, *this);
    }
    return true;
  }

  bool write(SnapshotFileWriter& writer, std::uint32_t state, std::uint32_t key_group) const {
    const Entry& at = entries_[at_];
    const std::string_view all = std::string_view{bytes_}.substr(offset_);
    return writer.add(state, key_group, all.substr(0, at.key_size), all.substr(at.key_size, at.namespace_size), {},
                      all.substr(at.key_size + at.namespace_size, at.value_size));
  }

  void entry(std::uint64_t hash, std::string_view key, std::string_view value) override {
    entry_with_namespace(hash, key, view_.namespace_bytes, value);
  }
  void entry_with_namespace(std::uint64_t hash, std::string_view key, std::string_view namespace_bytes,
                            std::string_view value) override {
    entries_.push_back({hash, key.size(), namespace_bytes.size(), value.size()});
    bytes_.append(key).append(namespace_bytes).append(value);
  }

 private:
  struct Entry {
    std::uint64_t hash;
    std::size_t key_size;
    std::size_t namespace_size;
    std::size_t value_size;
  };
  static std::size_t size_of(const Entry& entry) { return entry.key_size + entry.namespace_size + entry.value_size; }

  StateView& view_;
  std::size_t next_segment_ = 0;
  std::vector<Entry> entries_;
  std::string bytes_;  // of the entries, one after the other
  std::size_t at_ = 0;
  std::size_t offset_ = 0;  // of the entry at at_
};

ViewMerge::ViewMerge(std::vector<StateView> views, std::uint32_t state, std::uint32_t max_parallelism)
    : views_{std::move(views)}, state_{state}, max_parallelism_{max_parallelism} {}

ViewMerge::~ViewMerge() = default;

bool ViewMerge::write_some(SnapshotFileWriter& writer) {
  if (views_.empty()) return false;
  return views_.size() == 1 ? write_segment(writer) : write_merged(writer);
}

bool ViewMerge::write_segment(SnapshotFileWriter& writer) {
  const StateView& only = views_.front();
  if (next_segment_ == only.view->segment_count()) return false;
  DirectSink sink{writer, state_, max_parallelism_, only.namespace_bytes};
  only.view->read_segment(next_segment_++, sink);
  return true;
}

bool ViewMerge::write_merged(SnapshotFileWriter& writer) {
  const auto later = [](const std::unique_ptr<Buffer>& a, const std::unique_ptr<Buffer>& b) {
    return a->hash() > b->hash();
  };
  if (!started_) {
    started_ = true;
    for (StateView& view : views_) {
      auto buffer = std::make_unique<Buffer>(view);
      if (buffer->next()) buffers_.push_back(std::move(buffer));
    }
    std::make_heap(buffers_.begin(), buffers_.end(), later);
  }
  while (!buffers_.empty()) {
    std::pop_heap(buffers_.begin(), buffers_.end(), later);
    Buffer& first = *buffers_.back();
    const bool block_full = first.write(writer, state_, key_group_of(first.hash(), max_parallelism_));
    if (first.next()) {
      std::push_heap(buffers_.begin(), buffers_.end(), later);
    } else {
      buffers_.pop_back();
    }
    if (block_full) return true;
  }
  return false;
}

}  // namespace tidemark
