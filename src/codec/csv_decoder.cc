#include "codec/csv_decoder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "codec/scalar_text.h"
#include "codec/utf8.h"

namespace tidemark {
namespace {

using detail::FieldLayout;
using detail::RecordLayout;
using detail::ValueLayout;

constexpr std::size_t kIgnored = ~std::size_t{0};

std::string_view without_return(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string quoted_start(std::string_view text) {
  return text.size() <= 40 ? fmt::format("\"{}\"", text) : fmt::format("\"{}...\"", text.substr(0, 37));
}

ScalarOutcome store_time(std::string_view text, const ValueLayout& layout, void* to) {
  if (layout.kind != TypeKind::kDate) {
    const ScalarOutcome outcome = store_count(text, layout, to);
    if (outcome != ScalarOutcome::kMalformed) return outcome;
  }
  return store_iso_time(text, layout, to);
}

ScalarOutcome store_bool(std::string_view text, void* to) {
  const bool is_true = text == "true" || text == "1";
  if (!is_true && text != "false" && text != "0") return ScalarOutcome::kMalformed;
  *static_cast<bool*>(to) = is_true;
  return ScalarOutcome::kOk;
}

ScalarOutcome store_enum_text(std::string_view text, const ValueLayout& layout, void* to) {
  const auto number = find_enumerator(layout, text);
  if (!number) return store_integer(text, layout.underlying, to);
  store_enum(*number, layout.underlying, to);
  return ScalarOutcome::kOk;
}

ScalarOutcome store_bytes(std::string_view text, const ValueLayout& layout, void* to) {
  std::string bytes;
  if (!decode_base64(text, bytes)) return ScalarOutcome::kMalformed;
  layout.set_bytes(to, bytes);
  return ScalarOutcome::kOk;
}

ScalarOutcome store_plain(std::string_view text, const ValueLayout& layout, void* to) {
  switch (layout.kind) {
    case TypeKind::kBool:
      return store_bool(text, to);
    case TypeKind::kFloat32:
    case TypeKind::kFloat64:
      return store_float(text, layout.kind, to);
    case TypeKind::kTimestamp:
    case TypeKind::kTime:
    case TypeKind::kDuration:
    case TypeKind::kDate:
      return store_time(text, layout, to);
    case TypeKind::kEnum:
      return store_enum_text(text, layout, to);
    case TypeKind::kBytes:
      return store_bytes(text, layout, to);
    default:
      return store_integer(text, layout.kind, to);
  }
}

}  // namespace

struct CsvDecoder::Column {
  std::size_t begin = 0;  // of what lies between delimiters
  std::string_view text;  // between the quotes, if there are any
  bool quoted = false;
  bool doubled = false;  // quotes in it are still doubled
};

CsvDecoder::CsvDecoder(const RecordLayout& layout, char delimiter) : layout_{&layout}, delimiter_{delimiter} {
  for (std::size_t i = 0; i < layout.fields.size(); ++i) fields_.push_back(i);
}

bool CsvDecoder::fail(std::size_t column, std::string message) {
  error_ = {column, std::move(message)};
  return false;
}

// Takes the column at `at` and leaves `at` behind its delimiter, or one behind the line's end.
inline bool CsvDecoder::next_column(std::string_view line, std::size_t& at, Column& column) {
  column = {.begin = at, .text = {}, .quoted = at < line.size() && line[at] == '"', .doubled = false};
  if (column.quoted) [[unlikely]]
    return next_quoted_column(line, at, column);
  const std::size_t end = std::min(line.find(delimiter_, at), line.size());
  column.text = {line.data() + at, end - at};
  at = end + 1;
  return true;
}

bool CsvDecoder::next_quoted_column(std::string_view line, std::size_t& at, Column& column) {
  std::size_t close = line.find('"', at + 1);
  while (close != std::string_view::npos && close + 1 < line.size() && line[close + 1] == '"') {
    column.doubled = true;
    close = line.find('"', close + 2);
  }
  if (close == std::string_view::npos) return fail(at + 1, "a quoted column does not end on this line");
  if (close + 1 < line.size() && line[close + 1] != delimiter_)
    return fail(close + 2, "behind the quotes of a column more text follows");
  column.text = line.substr(at + 1, close - at - 1);
  at = close + 2;
  return true;
}

std::optional<DecodeError> CsvDecoder::read_header(std::string_view line) {
  line = without_return(line);
  if (line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  std::vector<std::size_t> fields;
  std::uint64_t found = 0;
  for (std::size_t at = 0; at <= line.size();) {
    Column column;
    if (!next_column(line, at, column)) return std::move(error_);
    const auto field = std::ranges::find(layout_->fields, column.text, &FieldLayout::name);
    if (field == layout_->fields.end()) {
      fields.push_back(kIgnored);
      continue;
    }
    fields.push_back(static_cast<std::size_t>(field - layout_->fields.begin()));
    const std::uint64_t bit = std::uint64_t{1} << fields.back();
    if ((found & bit) != 0)
      return DecodeError{column.begin + 1, fmt::format("two columns are named \"{}\"", column.text)};
    found |= bit;
  }
  for (std::size_t i = 0; i < layout_->fields.size(); ++i) {
    if ((layout_->required & ~found) >> i & 1)
      return DecodeError{1, fmt::format("no column is named \"{}\", and {}::{} is no optional", layout_->fields[i].name,
                                        layout_->type_name, layout_->fields[i].name)};
  }
  const std::uint64_t all = layout_->fields.empty() ? 0 : ~std::uint64_t{0} >> (64 - layout_->fields.size());
  without_column_ = all & ~found;
  fields_ = std::move(fields);
  return std::nullopt;
}

bool CsvDecoder::store(const Column& column, std::size_t index, void* record, detail::Arena& text) {
  const FieldLayout& field = layout_->fields[index];
  const ValueLayout* value = field.value;
  void* to = static_cast<char*>(record) + field.offset;
  if (value->kind == TypeKind::kOptional) {
    if (column.text.empty() && !column.quoted) {
      value->clear(to);
      return true;
    }
    to = value->add(to);
    value = value->element;
  }
  std::string_view content = column.text;
  if (column.doubled) {
    unescaped_.clear();
    for (std::size_t i = 0; i < content.size(); ++i) {
      unescaped_ += content[i];
      if (content[i] == '"') ++i;
    }
    content = unescaped_;
  }
  if (value->kind == TypeKind::kString) {
    if (value->is_view) {
      *static_cast<std::string_view*>(to) = column.doubled ? text.copy(content) : content;
    } else {
      static_cast<std::string*>(to)->assign(content);
    }
    return true;
  }
  const ScalarOutcome outcome = store_plain(content, *value, to);
  if (outcome == ScalarOutcome::kOk) [[likely]]
    return true;
  const char* const wrong = outcome == ScalarOutcome::kOutOfRange ? ", which is out of its range" : "";
  return fail(column.begin + 1, fmt::format("\"{}\" is {}{}; {}::{} is {}", field.name, quoted_start(content), wrong,
                                            layout_->type_name, field.name, to_string(value->kind)));
}

std::optional<DecodeError> CsvDecoder::decode(std::string_view line, void* record, detail::Arena& text) {
  // Before anything looks at the line's end: this reads it from front to back, as memory comes fastest.
  if (!simdjson::validate_utf8(line)) [[unlikely]]
    return DecodeError{find_invalid_utf8(line) + 1, "this is no UTF-8"};
  line = without_return(line);
  std::size_t at = 0;
  for (const std::size_t field : fields_) {
    if (at > line.size())
      return DecodeError{line.size() + 1,
                         fmt::format("the line has fewer columns than the {} expected", fields_.size())};
    Column column;
    if (!next_column(line, at, column)) return std::move(error_);
    if (field != kIgnored && !store(column, field, record, text)) return std::move(error_);
  }
  if (at <= line.size())
    return DecodeError{at + 1, fmt::format("the line has more columns than the {} expected", fields_.size())};
  for (std::uint64_t left = without_column_; left != 0; left &= left - 1) {
    const FieldLayout& field = layout_->fields[static_cast<std::size_t>(std::countr_zero(left))];
    field.value->clear(static_cast<char*>(record) + field.offset);
  }
  return std::nullopt;
}

}  // namespace tidemark
