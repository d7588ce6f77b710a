// The part of the file source that does not know the record's type: which files there are, how they are cut, and the lines
// of a split decoded through the record's layout.
//
// Files are those that match the pattern when the job starts, in the order of their paths, at the size that they have then;
// a checkpoint remembers both, so that a resumed job reads exactly the rest. A folder that is watched is looked at again and
// again; a checkpoint then has the paths of all files that were there at the last look, so that none of them is read twice.
// What is no longer there is forgotten.
//
// A split is a byte range of a file; its lines are those that begin in it. A packed file is one split, and a position in it
// counts bytes of its content. Blocks are read into one buffer that is used again; views in the records point into it until
// the next read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/codec/record_layout.h"
#include "tidemark/detail/connectors/line_format.h"
#include "tidemark/detail/connectors/split_enumerator_operator.h"
#include "tidemark/detail/task/operator.h"
#include "tidemark/format.h"
#include "tidemark/source.h"

namespace tidemark::detail {

struct FileSourceOptions {
  static constexpr std::uint64_t kSplitBytes = std::uint64_t{64} << 20;
  static constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMaxLineBytes = std::size_t{16} << 20;

  std::string pattern;
  LineFormat format = LineFormat::kJson;  ///< of JSON and CSV, blank lines are left out
  CsvOptions csv;
  OnError on_error;
  Compression compression = Compression::kByName;
  Duration watch_every{0};  ///< zero: the files are those that are there at the start
  std::uint64_t split_bytes = kSplitBytes;
  std::size_t block_bytes = kBlockBytes;  ///< of the buffer; it grows for a longer line
  std::size_t max_line_bytes = kMaxLineBytes;
};

/// Throws Error for options that can never work.
void check_options(const FileSourceOptions& options);

MakeSplitEnumerator file_split_enumerator(FileSourceOptions options);

class FileRecords {
 public:
  /// `layout` outlives this.
  FileRecords(FileSourceOptions options, const RecordLayout& layout);
  ~FileRecords();

  void start(const OperatorContext& context);
  void open(std::string_view split, std::string_view position);

  struct Filled {
    std::uint32_t count = 0;
    bool end = false;  ///< of the split
  };
  /// Decodes up to `capacity` records into values that are constructed and `stride` apart; text that is not in text_range()
  /// goes to `arena`.
  Filled read(void* values, std::size_t stride, std::uint32_t capacity, Arena& arena, std::vector<BadRecord>& bad);

  /// Where the records of the last read have their text.
  TextRange text_range() const;
  std::string position() const;
  /// "bids/2.ndjson:118203" of a record of the last read.
  std::string place_of(std::uint32_t index);
  std::uint64_t skipped() const;
  /// Of all splits so far.
  std::uint64_t bytes_read() const;
  /// Nothing of a packed file that was begun.
  PendingInput pending_in(std::string_view split, std::string_view position) const;

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace tidemark::detail
