// The erased side of a table of keyed state: what snapshots, restores and the backend need without knowing its types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace tidemark::detail {

/// Takes the entries of a table, encoded.
class EntrySink {
 public:
  /// In the namespace of the view.
  virtual void entry(std::uint64_t hash, std::string_view key, std::string_view value) = 0;
  /// In a namespace of its own.
  virtual void entry_with_namespace(std::uint64_t hash, std::string_view key, std::string_view namespace_bytes,
                                    std::string_view value) = 0;

 protected:
  ~EntrySink() = default;
};

/// A table's content at the moment of a trigger. Read by one snapshotter on any thread while the writer goes on; destroyed
/// before the domain's end() of its bound.
class TableView {
 public:
  virtual ~TableView() = default;
  virtual std::size_t segment_count() const = 0;
  /// Emits the segment's entries in the order of their hashes. Segments are in that order, too.
  virtual void read_segment(std::size_t index, EntrySink& sink) = 0;
};

class Table {
 public:
  virtual ~Table() = default;

  /// Asks for the memory that keys of these hashes lie in. Not virtual, and for a run of records at once: where to look is
  /// read once. always_inline, as must be whatever only calls it: g++ 12 takes a function that does nothing but prefetch for
  /// one without effect and drops the call.
  [[gnu::always_inline]] void prefetch(const std::uint64_t* hashes, std::uint32_t count) const {
    const Places at = places_;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto* segment = static_cast<const char*>(at.directory[hashes[i] >> at.shift]);
      const std::size_t unit = hashes[i] & at.unit_mask;
      __builtin_prefetch(segment + at.first_offset + unit * at.first_stride, 1);
      __builtin_prefetch(segment + at.second_offset + unit * at.second_stride, 1);
    }
  }

  /// The view of the snapshot with this bound: call between the domain's begin() and the next write.
  virtual std::unique_ptr<TableView> view(std::uint32_t bound) = 0;
  /// Puts an entry of a snapshot back. False if the bytes do not decode.
  virtual bool restore_entry(std::uint64_t hash, std::string_view key, std::string_view value) = 0;
  virtual std::size_t size() const = 0;
  virtual std::size_t memory_bytes() const = 0;

  /// Where the two places to prefetch lie for a hash.
  struct Places {
    const void* const* directory = nullptr;
    unsigned shift = 63;
    std::size_t unit_mask = 0;
    std::size_t first_offset = 0;
    std::size_t first_stride = 0;
    std::size_t second_offset = 0;
    std::size_t second_stride = 0;
  };

 protected:
  Places places_;
};

}  // namespace tidemark::detail
