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

ViewMerge::ViewMerge(std::vector<StateView> views, std::uint32_t state, std::uint32_t max_parallelism)
    : views_{std::move(views)}, state_{state}, max_parallelism_{max_parallelism} {}

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
  const auto later = [](const std::unique_ptr<ViewReader>& a, const std::unique_ptr<ViewReader>& b) {
    return a->hash() > b->hash();
  };
  if (!started_) {
    started_ = true;
    for (StateView& view : views_) {
      auto reader = std::make_unique<ViewReader>(*view.view, view.namespace_bytes);
      if (reader->has_entry()) readers_.push_back(std::move(reader));
    }
    std::make_heap(readers_.begin(), readers_.end(), later);
  }
  while (!readers_.empty()) {
    std::pop_heap(readers_.begin(), readers_.end(), later);
    ViewReader& first = *readers_.back();
    const ViewReader::Entry entry = first.get();
    const bool block_full =
        writer.add(state_, key_group_of(entry.hash, max_parallelism_), entry.key, entry.namespace_bytes, {}, entry.value);
    first.skip();
    if (first.has_entry()) {
      std::push_heap(readers_.begin(), readers_.end(), later);
    } else {
      readers_.pop_back();
    }
    if (block_full) return true;
  }
  return false;
}

}  // namespace tidemark
