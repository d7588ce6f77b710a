#include "state/hashmap_snapshot.h"

#include <utility>

#include "env/crash_point.h"
#include "state/changes_merge.h"
#include "state/entry_layout.h"
#include "state/key_order_merge.h"
#include "tidemark/detail/base/check.h"

namespace tidemark {

RunningSnapshot::RunningSnapshot(std::shared_ptr<detail::CowDomain*> domain, PostMail post_mail)
    : domain_{std::move(domain)}, post_mail_{std::move(post_mail)}, bound_{(*domain_)->begin()} {}

RunningSnapshot::~RunningSnapshot() {
  post_mail_([domain = domain_, bound = bound_] {
    if (*domain != nullptr) (*domain)->end(bound);
  });
}

HashmapSnapshot::HashmapSnapshot(FileSystem& files, std::string path, SnapshotFileHeader header,
                                 std::unique_ptr<RunningSnapshot> running, std::vector<State> states,
                                 OperatorSnapshot result, std::shared_ptr<WrittenFile> written)
    : files_{files},
      path_{std::move(path)},
      header_{std::move(header)},
      running_{std::move(running)},
      states_{std::move(states)},
      result_{std::move(result)},
      written_{std::move(written)} {}

HashmapSnapshot::~HashmapSnapshot() = default;

bool HashmapSnapshot::step() {
  if (writer_ == nullptr) {
    create_file();
    return false;
  }
  if (write_some()) return false;
  finish_file();
  return true;
}

HashmapSnapshot::WriteSome HashmapSnapshot::make_merge(EntryOrder order, State state) {
  const std::uint32_t max_parallelism = header_.max_parallelism;
  const EntryLayout layout = entry_layout(state.descriptor);
  const auto with = [&](auto merge) {
    return [merge = std::move(merge)](SnapshotFileWriter& writer) { return merge->write_some(writer); };
  };
  if (!state.part) {
    const std::uint32_t id = writer_->add_state(state.descriptor, layout);
    if (order == EntryOrder::kHash) return with(std::make_unique<ViewMerge>(std::move(state.views), id, max_parallelism));
    return with(std::make_unique<KeyOrderMerge>(std::move(state.views), id, max_parallelism));
  }
  const bool is_whole = state.part->whole == std::vector{header_.key_groups};
  const std::uint32_t id = writer_->add_part(state.descriptor, std::move(*state.part), layout);
  parts_.push_back(id);
  if (is_whole) return with(std::make_unique<ViewMerge>(std::move(state.views), id, max_parallelism));
  const std::uint32_t erased = writer_->add_part(state.descriptor, {.kind = StatePart::Kind::kErased}, layout);
  parts_.push_back(erased);
  return with(std::make_unique<ChangesMerge>(std::move(state.views), id, erased, max_parallelism));
}

void HashmapSnapshot::create_file() {
  const EntryOrder order = header_.order;
  writer_ = value_or_throw(SnapshotFileWriter::create(files_, path_, header_));
  for (State& state : states_) merges_.insert(merges_.begin(), make_merge(order, std::move(state)));
  states_.clear();
}

// False when every entry is in the file.
bool HashmapSnapshot::write_some() {
  if (merges_.empty()) return false;
  if (!merges_.back()(*writer_)) merges_.pop_back();
  bytes_written_ = writer_->bytes_written();
  return writer_->ok();  // finish() says what failed
}

void HashmapSnapshot::finish_file() {
  // The tables need not keep anything while the disk syncs.
  merges_.clear();
  running_.reset();
  SnapshotFile file = value_or_throw(writer_->finish());
  crash_point(CrashPoint::kSnapshotFileWritten);
  bytes_written_ = file.size;
  if (written_ != nullptr) describe(file);
  result_.keyed_files.push_back(std::move(file));
  writer_.reset();
}

void HashmapSnapshot::describe(SnapshotFile& file) const {
  file.path = IncrementalSnapshots::listed(file.path);
  written_->file = file;
  for (const KeyGroupRange stripe : written_->stripes) {
    std::uint64_t bytes = 0;
    for (const std::uint32_t part : parts_) bytes += writer_->raw_bytes(part, stripe);
    written_->bytes.push_back(bytes);
  }
}

}  // namespace tidemark
