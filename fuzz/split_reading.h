// Reads a file of records as a job's source does: in splits, through a small buffer, going on from a checkpoint.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/file_split.h"
#include "env/memory_file_system.h"
#include "fuzz/input.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/codec/json_encode.h"
#include "tidemark/detail/connectors/file_records.h"
#include "tidemark/detail/state/list_items.h"

namespace tidemark::fuzz {

struct Cut {
  std::uint64_t split_bytes = 0;
  std::size_t block_bytes = 0;
  bool resumed = false;  ///< after every read, by a reader of its own
};

/// What a file holds, each as text in the order of the file.
struct ReadRecords {
  std::vector<std::string> records;
  std::vector<std::string> bad;
  std::string error;  ///< that ended it
  bool operator==(const ReadRecords&) const = default;
};

template <class T>
class SplitReader {
 public:
  SplitReader(std::string_view content, detail::FileSourceOptions options)
      : options_{std::move(options)}, size_{content.size()} {
    options_.on_error = side_output("bad");
    auto file = value_or_throw(files_.create(kPath, CreateMode::kTruncate));
    value_or_throw(file->append(content));
    value_or_throw(file->close());
  }

  ReadRecords read(const Cut& cut) {
    ReadRecords result;
    try {
      for (std::uint64_t begin = 0; begin < size_; begin += cut.split_bytes)
        read_split(begin, std::min(size_, begin + cut.split_bytes), cut, result);
    } catch (const Error& error) {
      result.error = error.message();
    }
    return result;
  }

 private:
  static constexpr const char* kPath = "/in";
  static constexpr std::uint32_t kCapacity = 3;

  void read_split(std::uint64_t begin, std::uint64_t end, const Cut& cut, ReadRecords& result) {
    const std::string split =
        detail::encode_item(detail::FileSplit{.path = kPath, .begin = begin, .end = end, .file_size = size_});
    options_.block_bytes = cut.block_bytes;
    auto reader = open(split, "");
    detail::Arena arena;
    std::vector<T> values(kCapacity);
    while (true) {
      std::vector<BadRecord> bad;
      const auto filled = reader->read(values.data(), sizeof(T), kCapacity, arena, bad);
      TIDEMARK_CHECK(filled.count <= kCapacity, "a read fills the room that it has");
      for (std::uint32_t i = 0; i < filled.count; ++i) {
        detail::append_json(values[i], result.records.emplace_back());
        result.records.back() += " at " + reader->place_of(i);
      }
      for (const BadRecord& record : bad)
        result.bad.push_back(std::to_string(record.line) + ":" + std::to_string(record.column) + ": " + record.reason +
                             "\n" + record.text);
      if (filled.end) return;
      if (cut.resumed) reader = open(split, reader->position());
    }
  }

  std::unique_ptr<detail::FileRecords> open(std::string_view split, const std::string& position) {
    auto reader = std::make_unique<detail::FileRecords>(options_, detail::layout_of<T>());
    reader->start({.env = &env_});
    reader->open(split, position);
    return reader;
  }

  MemoryFileSystem files_;
  Env env_{.files = &files_};
  detail::FileSourceOptions options_;
  std::uint64_t size_;
};

/// However a file is cut, it holds the same records. Returns them.
template <class T>
ReadRecords check_cuts(std::string_view content, const detail::FileSourceOptions& options) {
  SplitReader<T> reader{content, options};
  const Cut whole{.split_bytes = content.size() + 1, .block_bytes = content.size() + 1};
  const ReadRecords expected = reader.read(whole);
  const std::size_t size = content.size();
  for (const Cut& cut : {Cut{.split_bytes = size + 1, .block_bytes = 1, .resumed = true},
                         Cut{.split_bytes = size / 7 + 1, .block_bytes = 16},
                         Cut{.split_bytes = size / 12 + 1, .block_bytes = 5, .resumed = size < 256}}) {
    TIDEMARK_CHECK(reader.read(cut) == expected, "splits, blocks and resumes change no record");
  }
  return expected;
}

}  // namespace tidemark::fuzz
