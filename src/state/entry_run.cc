#include "tidemark/detail/state/entry_run.h"

#include <algorithm>
#include <utility>

#include "tidemark/detail/base/check.h"

namespace tidemark::detail {
namespace {

RunEntry get_entry(ByteReader& from) {
  RunEntry entry;
  entry.hash = from.get_u64();
  entry.kind = static_cast<RunEntryKind>(from.get_u8());
  entry.key = from.get_string();
  entry.value = from.get_string();
  return entry;
}

}  // namespace

bool EntryRun::find(std::uint64_t hash, std::string_view key, std::string& block, RunEntry& found) const {
  TIDEMARK_CHECK(!index_.empty() || entries_ == 0, "keys are looked up in a run with an index");
  // The block that has the hash, if any does, may have other hashes in front, and blocks of nothing but it behind.
  auto at = std::ranges::lower_bound(index_, hash, {}, &Block::first_hash);
  if (at != index_.begin()) --at;
  for (; at != index_.end() && at->first_hash <= hash; ++at) {
    read_block(at->offset, block);
    for (ByteReader reader{block}; reader.remaining() > 0;) {
      found = get_entry(reader);
      if (found.hash == hash && found.key == key) return true;
    }
  }
  return false;
}

std::uint64_t EntryRun::read_block(std::uint64_t offset, std::string& block) const {
  return detail::read_block(*file_, offset, block, "state in it does not have its checksum");
}

EntryRunWriter::EntryRunWriter(ScratchFiles& files, bool with_index) : run_{new EntryRun}, with_index_{with_index} {
  run_->file_ = files.create();
}

void EntryRunWriter::add(const RunEntry& entry) {
  if (block_.empty()) first_hash_ = entry.hash;
  block_.put_u64(entry.hash);
  block_.put_u8(static_cast<std::uint8_t>(entry.kind));
  block_.put_string(entry.key);
  block_.put_string(entry.value);
  ++run_->entries_;
  run_->hashes_.add({entry.hash, entry.hash});
  if (block_.size() >= kRunBlockBytes) end_block();
}

void EntryRunWriter::end_block() {
  if (with_index_) run_->index_.push_back({first_hash_, run_->file_->size()});
  run_->largest_block_ = std::max(run_->largest_block_, block_.size());
  append_block(*run_->file_, block_.view());
  block_.clear();
}

std::shared_ptr<const EntryRun> EntryRunWriter::finish() {
  if (!block_.empty()) end_block();
  run_->file_->seal();
  run_->index_.shrink_to_fit();
  return std::move(run_);
}

EntryRunCursor::EntryRunCursor(std::shared_ptr<const EntryRun> run) : run_{std::move(run)} {
  read_block();
  read_entry();
}

void EntryRunCursor::next() {
  if (at_ == block_.size()) read_block();
  read_entry();
}

void EntryRunCursor::read_block() {
  next_block_ = run_->read_block(next_block_, block_);
  at_ = 0;
}

void EntryRunCursor::read_entry() {
  if (at_end()) return;
  ByteReader reader{std::string_view{block_}.substr(at_)};
  entry_ = get_entry(reader);
  at_ += reader.position();
}

void RunRows::add(const RunEntry& entry) {
  rows_.push_back({entry.hash, entry.kind, bytes_.size(), entry.key.size(), entry.value.size()});
  bytes_.append(entry.key).append(entry.value);
}

RunEntry RunRows::entry_of(const Row& row) const {
  const std::string_view bytes = std::string_view{bytes_}.substr(row.begin, row.key_size + row.value_size);
  return {row.hash, bytes.substr(0, row.key_size), row.kind, bytes.substr(row.key_size)};
}

void RunRows::write_to(EntryRunWriter& writer) {
  std::ranges::sort(rows_, [&](const Row& a, const Row& b) { return comes_before(entry_of(a), entry_of(b)); });
  for (const Row& row : rows_) writer.add(entry_of(row));
  rows_.clear();
  bytes_.clear();
}

}  // namespace tidemark::detail
