#include "state/view_reader.h"

namespace tidemark {

bool ViewReader::has_entry() {
  while (at_ == rows_.size()) {
    if (next_segment_ == view_.segment_count()) return false;
    at_ = 0;
    rows_.clear();
    bytes_.clear();
    view_.read_segment(next_segment_++, *this);
  }
  return true;
}

void ViewReader::skip_to(std::uint64_t hash) {
  while (has_entry() && this->hash() < hash) skip();
}

bool ViewReader::find(std::string_view key, Entry* found) const {
  for (std::size_t i = at_; i < rows_.size() && rows_[i].hash == hash(); ++i) {
    const Entry entry = entry_of(rows_[i]);
    if (entry.key != key) continue;
    if (found != nullptr) *found = entry;
    return true;
  }
  return false;
}

void ViewReader::entry(std::uint64_t hash, std::string_view key, std::string_view value) {
  entry_with_namespace(hash, key, namespace_bytes_, value);
}

void ViewReader::entry_with_namespace(std::uint64_t hash, std::string_view key, std::string_view namespace_bytes,
                                      std::string_view value) {
  rows_.push_back({hash, bytes_.size(), key.size(), namespace_bytes.size(), value.size()});
  bytes_.append(key).append(namespace_bytes).append(value);
}

ViewReader::Entry ViewReader::entry_of(const Row& row) const {
  const std::string_view bytes = std::string_view{bytes_}.substr(row.begin);
  return {row.hash, bytes.substr(0, row.key_size), bytes.substr(row.key_size, row.namespace_size),
          bytes.substr(row.key_size + row.namespace_size, row.value_size)};
}

}  // namespace tidemark
