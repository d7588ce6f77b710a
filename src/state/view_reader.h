// A table's view entry by entry, in the order of hashes: a segment of it is in memory at a time.
//
// One thread at a time. Segments are read once and in their order; the entries of one hash are in one of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/state/table.h"

namespace tidemark {

class ViewReader final : private detail::EntrySink {
 public:
  struct Entry {
    std::uint64_t hash;
    std::string_view key;
    std::string_view namespace_bytes;
    std::string_view value;
  };

  /// `view` outlives the reader. `namespace_bytes` is that of entries which come without one.
  explicit ViewReader(detail::TableView& view, std::string_view namespace_bytes = {})
      : view_{view}, namespace_bytes_{namespace_bytes} {}

  /// False once all is read; reads the next segment where it must, which ends what get() and find() gave.
  bool has_entry();
  /// Only while has_entry().
  std::uint64_t hash() const { return rows_[at_].hash; }
  Entry get() const { return entry_of(rows_[at_]); }
  void skip() { ++at_; }

  /// Skips all entries with smaller hashes.
  void skip_to(std::uint64_t hash);
  /// Whether `key` is among the present entry and those of the same hash that follow; `found`, if given, becomes it.
  bool find(std::string_view key, Entry* found = nullptr) const;

 private:
  struct Row {
    std::uint64_t hash;
    std::size_t begin;  // in bytes_: key, namespace and value
    std::size_t key_size;
    std::size_t namespace_size;
    std::size_t value_size;
  };

  void entry(std::uint64_t hash, std::string_view key, std::string_view value) override;
  void entry_with_namespace(std::uint64_t hash, std::string_view key, std::string_view namespace_bytes,
                            std::string_view value) override;
  Entry entry_of(const Row& row) const;

  detail::TableView& view_;
  const std::string_view namespace_bytes_;
  std::size_t next_segment_ = 0;
  std::vector<Row> rows_;  // of the segment
  std::string bytes_;
  std::size_t at_ = 0;
};

}  // namespace tidemark
