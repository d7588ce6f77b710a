#include "state/changes_merge.h"

#include <algorithm>
#include <utility>

#include "tidemark/detail/model/key_group.h"

namespace tidemark {

class ChangesMerge::Collector final : public detail::ErasedSink {
 public:
  Collector(const std::string& name_space, std::vector<Erased>& to) : name_space_{name_space}, to_{to} {}
  void erased(std::uint64_t hash, std::string_view key) override { to_.push_back({hash, std::string{key}, name_space_}); }

 private:
  const std::string& name_space_;
  std::vector<Erased>& to_;
};

ChangesMerge::ChangesMerge(std::vector<detail::StateView> views, std::uint32_t entries, std::uint32_t erased,
                           std::uint32_t max_parallelism)
    : entries_{std::move(views), entries, max_parallelism}, erased_id_{erased}, max_parallelism_{max_parallelism} {}

bool ChangesMerge::write_some(SnapshotFileWriter& writer) {
  if (entries_written_) return write_erased(writer);
  if (entries_.write_some(writer)) return true;
  entries_written_ = true;
  collect_erased();
  return true;
}

void ChangesMerge::collect_erased() {
  for (detail::StateView& view : entries_.views()) {
    Collector collector{view.namespace_bytes, erased_};
    view.view->read_erased(collector);
  }
  std::ranges::sort(erased_);
  erased_.erase(std::ranges::unique(erased_).begin(), erased_.end());
}

bool ChangesMerge::write_erased(SnapshotFileWriter& writer) {
  while (next_erased_ < erased_.size()) {
    const Erased& erased = erased_[next_erased_++];
    if (writer.add(erased_id_, key_group_of(erased.hash, max_parallelism_), erased.key, erased.name_space, {}, {})) return true;
  }
  return false;
}

}  // namespace tidemark
