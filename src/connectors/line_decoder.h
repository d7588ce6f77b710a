// Text of any format into records: one line, or the value of one message, at a time. Text of a record may point into it.
// One owner, no threads.
#pragma once

#include <optional>
#include <string_view>

#include "codec/csv_decoder.h"
#include "codec/json_decoder.h"
#include "tidemark/detail/connectors/line_format.h"
#include "tidemark/format.h"

namespace tidemark::detail {

class LineDecoder {
 public:
  /// `layout` outlives this.
  LineDecoder(LineFormat format, CsvOptions csv, const RecordLayout& layout);

  /// Columns of CSV are the fields in their order again, until read_header().
  void forget_header();
  [[nodiscard]] std::optional<DecodeError> read_header(std::string_view line) { return csv_->read_header(line); }

  /// Fills `record`, which is constructed and of the layout's type. After an error it is valid but unspecified.
  [[nodiscard]] std::optional<DecodeError> decode(std::string_view line, void* record, Arena& arena);

 private:
  const RecordLayout* layout_;
  char delimiter_;
  std::optional<JsonDecoder> json_;
  std::optional<CsvDecoder> csv_;
};

}  // namespace tidemark::detail
