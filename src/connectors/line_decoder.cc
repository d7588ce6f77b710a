#include "connectors/line_decoder.h"

#include <string>

namespace tidemark::detail {

LineDecoder::LineDecoder(LineFormat format, CsvOptions csv, const RecordLayout& layout) : layout_{&layout}, delimiter_{csv.delimiter} {
  if (format == LineFormat::kJson) json_.emplace(layout);
  if (format == LineFormat::kCsv) forget_header();
}

void LineDecoder::forget_header() { csv_.emplace(*layout_, delimiter_); }

std::optional<DecodeError> LineDecoder::decode(std::string_view line, void* record, Arena& arena) {
  if (json_) return json_->decode(line, record, arena);
  if (csv_) return csv_->decode(line, record, arena);
  const FieldLayout& field = layout_->fields.front();
  void* text = static_cast<char*>(record) + field.offset;
  if (field.value->is_view) {
    *static_cast<std::string_view*>(text) = line;
  } else {
    *static_cast<std::string*>(text) = line;
  }
  return std::nullopt;
}

}  // namespace tidemark::detail
