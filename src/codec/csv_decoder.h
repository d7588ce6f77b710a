// Lines of CSV (RFC 4180) straight into flat records. Columns are the record's fields in their order, or go by the
// names of a header line. Unquoted columns stay where they are: std::string_view fields point into the line, which must
// outlive the record; those with doubled quotes go to the arena. An empty column without quotes empties an optional. A
// quoted column ends on its line.
//
// Not for sharing between threads; each reader has its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/decode_error.h"
#include "tidemark/detail/base/arena.h"
#include "tidemark/detail/codec/record_layout.h"

namespace tidemark {

class CsvDecoder {
 public:
  /// `layout` must outlive the decoder and be of a CsvRow (csv_encode.h).
  explicit CsvDecoder(const detail::RecordLayout& layout, char delimiter = ',');

  /// From now on columns go by the names in `line`; those that name no field are ignored. An error if a field that is
  /// no optional has no column, or two have the same name.
  [[nodiscard]] std::optional<DecodeError> read_header(std::string_view line);

  /// Fills `record`, which is of the layout's type, from `line`; a carriage return at its end is ignored. After an
  /// error the record is valid but unspecified.
  [[nodiscard]] std::optional<DecodeError> decode(std::string_view line, void* record, detail::Arena& text);

 private:
  struct Column;
  bool next_column(std::string_view line, std::size_t& at, Column& column);
  bool next_quoted_column(std::string_view line, std::size_t& at, Column& column);
  bool store(const Column& column, std::size_t field, void* record, detail::Arena& text);
  bool fail(std::size_t column, std::string message);

  const detail::RecordLayout* layout_;
  char delimiter_;
  std::vector<std::size_t> fields_;  // of each column; kIgnored where it has none
  std::uint64_t without_column_ = 0;
  std::string unescaped_;
  DecodeError error_;
};

}  // namespace tidemark
