#include "codec/json_decoder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

#include "codec/json_string.h"
#include "codec/scalar_text.h"
#include "codec/utf8.h"

namespace tidemark {

using detail::FieldLayout;
using detail::RecordLayout;
using detail::ValueLayout;

/// Where the tokens of a line begin, and memory that is kept from line to line.
class JsonDecoder::Tokens {
 public:
  std::string unescaped_text;
  std::string unescaped_key;

  /// Finds them, and checks the line's UTF-8 and that its strings end.
  simdjson::error_code find(std::string_view line) {
    if (!parser_ || line.size() > parser_->capacity()) {
      if (const auto error = grow(line.size()); error != simdjson::SUCCESS) return error;
    }
    return parser_->stage1(reinterpret_cast<const std::uint8_t*>(line.data()), line.size(),
                           simdjson::stage1_mode::regular);
  }
  /// One offset a token; behind the last stands the line's size.
  std::span<const std::uint32_t> offsets() const {
    return {parser_->structural_indexes.get(), parser_->n_structural_indexes};
  }

 private:
  simdjson::error_code grow(std::size_t size) {
    parser_.reset();
    const std::size_t capacity = std::bit_ceil(std::max<std::size_t>(size, 4096));
    return simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, parser_);
  }
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser_;
};

namespace {

constexpr int kMaxSkippedNesting = 256;
constexpr std::size_t kMaxLineBytes = std::size_t{1} << 30;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// The field that a value is for, to name it in messages.
struct Place {
  const RecordLayout* record = nullptr;
  const FieldLayout* field = nullptr;
};

/// One pass over the tokens of one line. Every function that fails has set the error and returns false.
class Walk {
 public:
  Walk(std::string_view line, std::span<const std::uint32_t> tokens, std::string& unescaped_text,
       std::string& unescaped_key, detail::Arena& arena)
      : line_{line},
        at_{tokens.data()},
        end_{tokens.data() + tokens.size()},
        scratch_{unescaped_text},
        key_{unescaped_key},
        arena_{arena} {}

  bool document(const RecordLayout& layout, void* record) {
    if (!next_is('{')) return fail(column(), "the line is no JSON object");
    return object(layout, record) && (at_ == end_ || fail(column(), "more text behind the JSON object"));
  }

  DecodeError take_error() { return std::move(error_); }

 private:
  bool fail(std::size_t column, std::string message) {
    error_ = {column, std::move(message)};
    return false;
  }
  bool fail_expected(std::string_view what) { return fail(column(), fmt::format("expected {}", what)); }

  std::size_t column() const { return std::size_t{*at_} + 1; }
  bool next_is(char c) const { return at_ != end_ && line_[*at_] == c; }
  bool skip(char c) {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }

  /// The next token without the blanks behind it.
  std::string_view token() const {
    if (at_ == end_) return {};
    const char* begin = line_.data() + at_[0];
    const char* end = line_.data() + at_[1];
    while (is_blank(end[-1])) --end;
    return {begin, static_cast<std::size_t>(end - begin)};
  }

  /// Takes a string token and gives what is between its quotes.
  bool take_string(std::string_view& inner) {
    const std::string_view text = token();
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return fail_expected("a text in quotes");
    inner = text.substr(1, text.size() - 2);
    ++at_;
    return true;
  }

  bool object(const RecordLayout& layout, void* record) {
    const std::size_t begin = column();
    std::uint64_t seen = 0;
    std::size_t expected = 0;
    ++at_;
    if (!skip('}')) {
      do {
        const std::size_t key_column = column();
        std::string_view key;
        if (!take_string(key) || !unescape_key(key, key_column)) return false;
        if (!skip(':')) return fail_expected("':' behind a member's name");
        const std::size_t index = find_field(layout, key, expected);
        if (index == kNoField) {
          if (!skip_value(0)) return false;
          continue;
        }
        const FieldLayout& field = layout.fields[index];
        if (!value(*field.value, static_cast<char*>(record) + field.offset, {&layout, &field})) return false;
        seen |= std::uint64_t{1} << index;
        expected = index + 1;
      } while (skip(','));
      if (!skip('}')) return fail_expected("',' or '}'");
    }
    return settle_missing(layout, record, seen, begin);
  }

  bool unescape_key(std::string_view& key, std::size_t column) {
    if (key.find('\\') == std::string_view::npos) return true;
    const std::size_t fault = unescape_json(key, key_);
    if (fault != std::string_view::npos) return fail(column + 1 + fault, "an escape that JSON does not have");
    key = key_;
    return true;
  }

  static constexpr std::size_t kNoField = ~std::size_t{0};

  static std::size_t find_field(const RecordLayout& layout, std::string_view key, std::size_t expected) {
    const std::size_t count = layout.fields.size();
    if (expected < count && layout.fields[expected].name == key) [[likely]]
      return expected;
    for (std::size_t i = 0; i < count; ++i) {
      if (layout.fields[i].name == key) return i;
    }
    return kNoField;
  }

  bool settle_missing(const RecordLayout& layout, void* record, std::uint64_t seen, std::size_t begin) {
    const std::uint64_t all = layout.fields.empty() ? 0 : ~std::uint64_t{0} >> (64 - layout.fields.size());
    if (seen == all) [[likely]]
      return true;
    if (const std::uint64_t missing = layout.required & ~seen; missing != 0) {
      const std::string& name = layout.fields[static_cast<std::size_t>(std::countr_zero(missing))].name;
      return fail(begin, fmt::format("\"{}\" is missing, {}::{} is no optional", name, layout.type_name, name));
    }
    for (std::size_t i = 0; i < layout.fields.size(); ++i) {
      const FieldLayout& field = layout.fields[i];
      if ((seen >> i & 1) == 0) field.value->clear(static_cast<char*>(record) + field.offset);
    }
    return true;
  }

  bool value(const ValueLayout& layout, void* to, const Place& place) {
    switch (layout.kind) {
      case TypeKind::kInt8:
      case TypeKind::kInt16:
      case TypeKind::kInt32:
      case TypeKind::kInt64:
      case TypeKind::kUint8:
      case TypeKind::kUint16:
      case TypeKind::kUint32:
      case TypeKind::kUint64: {
        const std::string_view text = token();
        return settle(store_integer(text, layout.kind, to), layout, place);
      }
      case TypeKind::kFloat32:
      case TypeKind::kFloat64: {
        const std::string_view text = token();
        return settle(store_float(text, layout.kind, to), layout, place);
      }
      case TypeKind::kString:
        return text_value(layout, to, place);
      case TypeKind::kTimestamp:
      case TypeKind::kTime:
      case TypeKind::kDuration:
      case TypeKind::kDate:
        return time_value(layout, to, place);
      case TypeKind::kBool:
        return bool_value(layout, to, place);
      case TypeKind::kBytes:
        return bytes_value(layout, to, place);
      case TypeKind::kEnum:
        return enum_value(layout, to, place);
      case TypeKind::kOptional:
        if (token() != "null") return value(*layout.element, layout.add(to), place);
        layout.clear(to);
        ++at_;
        return true;
      case TypeKind::kList:
        return list_value(layout, to, place);
      case TypeKind::kArray:
        return array_value(layout, to, place);
      case TypeKind::kMap:
        return map_value(layout, to, place);
      case TypeKind::kVariant:
        return variant_value(layout, to, place);
      case TypeKind::kStruct:
        return next_is('{') ? object(*layout.record, to) : fail_type(layout, place);
      case TypeKind::kNone:
        break;
    }
    return fail_type(layout, place);
  }

  /// Takes the token that `outcome` came of, or says what is wrong with it.
  bool settle(ScalarOutcome outcome, const ValueLayout& layout, const Place& place) {
    if (outcome == ScalarOutcome::kOk) [[likely]] {
      ++at_;
      return true;
    }
    if (outcome == ScalarOutcome::kOutOfRange)
      return fail(column(),
                  fmt::format("\"{}\" is {}, which is out of the range of {}::{}, {}", place.field->name,
                              shorten(token()), place.record->type_name, place.field->name, to_string(layout.kind)));
    return fail_type(layout, place);
  }

  bool fail_type(const ValueLayout& layout, const Place& place) {
    return fail(column(), fmt::format("\"{}\" is {}, {}::{} is {}", place.field->name, describe_token(),
                                      place.record->type_name, place.field->name, describe(layout)));
  }

  static std::string describe(const ValueLayout& layout) {
    if (layout.kind == TypeKind::kArray) return fmt::format("a list of {}", layout.size);
    return std::string{to_string(layout.kind)};
  }

  static std::string shorten(std::string_view text) {
    return text.size() <= 40 ? std::string{text} : fmt::format("{}...", text.substr(0, 37));
  }

  std::string describe_token() const {
    if (at_ == end_) return "missing";
    const std::string_view text = token();
    switch (text.front()) {
      case '"':
        return "a string";
      case '{':
        return "an object";
      case '[':
        return "a list";
      case ',':
      case ':':
      case '}':
      case ']':
        return "missing";
      default:
        if (text == "true" || text == "false" || text == "null" || is_json_number(text)) return shorten(text);
        return fmt::format("no JSON ({})", shorten(text));
    }
  }

  bool bool_value(const ValueLayout& layout, void* to, const Place& place) {
    const std::string_view text = token();
    if (text != "true" && text != "false") return fail_type(layout, place);
    *static_cast<bool*>(to) = text == "true";
    ++at_;
    return true;
  }

  /// Takes a string token; `text` points into the line or, where it had escapes, into `scratch`.
  bool plain_string(std::string_view& text, std::string& scratch) {
    const std::size_t begin = column();
    if (!take_string(text)) return false;
    if (std::memchr(text.data(), '\\', text.size()) == nullptr) [[likely]]
      return true;
    const std::size_t fault = unescape_json(text, scratch);
    if (fault != std::string_view::npos) return fail(begin + 1 + fault, "an escape that JSON does not have");
    text = scratch;
    return true;
  }

  bool text_value(const ValueLayout& layout, void* to, const Place& place) {
    if (!next_is('"')) return fail_type(layout, place);
    std::string_view text;
    if (!plain_string(text, scratch_)) return false;
    if (layout.is_view) {
      *static_cast<std::string_view*>(to) = text.data() == scratch_.data() ? arena_.copy(text) : text;
    } else {
      static_cast<std::string*>(to)->assign(text);
    }
    return true;
  }

  bool time_value(const ValueLayout& layout, void* to, const Place& place) {
    if (!next_is('"')) {
      const std::string_view text = token();
      const ScalarOutcome outcome =
          layout.kind == TypeKind::kDate ? ScalarOutcome::kMalformed : store_count(text, layout, to);
      return settle(outcome, layout, place);
    }
    const std::uint32_t* const at = at_;
    std::string_view text;
    if (!plain_string(text, scratch_)) return false;
    const ScalarOutcome outcome = store_iso_time(text, layout, to);
    if (outcome == ScalarOutcome::kOk) return true;
    at_ = at;
    if (outcome == ScalarOutcome::kOutOfRange || layout.kind == TypeKind::kDuration)
      return settle(outcome, layout, place);
    return fail(column(), fmt::format("\"{}\" is \"{}\", which is no time of ISO 8601; {}::{} is {}", place.field->name,
                                      shorten(text), place.record->type_name, place.field->name, describe(layout)));
  }

  bool bytes_value(const ValueLayout& layout, void* to, const Place& place) {
    if (!next_is('"')) return fail_type(layout, place);
    const std::size_t begin = column();
    std::string_view text;
    if (!plain_string(text, scratch_)) return false;
    std::string bytes;
    if (!decode_base64(text, bytes)) return fail(begin, fmt::format("\"{}\" is no base64", place.field->name));
    layout.set_bytes(to, bytes);
    return true;
  }

  bool enum_value(const ValueLayout& layout, void* to, const Place& place) {
    if (!next_is('"')) return settle(store_integer(token(), layout.underlying, to), layout, place);
    const std::size_t begin = column();
    std::string_view text;
    if (!plain_string(text, scratch_)) return false;
    const auto number = find_enumerator(layout, text);
    if (!number)
      return fail(begin, fmt::format("\"{}\" is \"{}\", {}::{} has no such value", place.field->name, shorten(text),
                                     place.record->type_name, place.field->name));
    store_enum(*number, layout.underlying, to);
    return true;
  }

  bool list_value(const ValueLayout& layout, void* to, const Place& place) {
    if (!skip('[')) return fail_type(layout, place);
    layout.clear(to);
    if (skip(']')) return true;
    do {
      if (!value(*layout.element, layout.add(to), place)) return false;
    } while (skip(','));
    return skip(']') || fail_expected("',' or ']'");
  }

  bool array_value(const ValueLayout& layout, void* to, const Place& place) {
    const std::size_t begin = column();
    if (!skip('[')) return fail_type(layout, place);
    for (std::size_t i = 0; i < layout.size; ++i) {
      if (next_is(']') || (i > 0 && !skip(',')))
        return fail(begin, fmt::format("\"{}\" has too few elements, {}::{} is {}", place.field->name,
                                       place.record->type_name, place.field->name, describe(layout)));
      if (!value(*layout.element, static_cast<char*>(to) + i * layout.stride, place)) return false;
    }
    return skip(']') || fail(column(), fmt::format("\"{}\" has too many elements, {}::{} is {}", place.field->name,
                                                   place.record->type_name, place.field->name, describe(layout)));
  }

  bool map_value(const ValueLayout& layout, void* to, const Place& place) {
    if (!skip('{')) return fail_type(layout, place);
    layout.clear(to);
    if (skip('}')) return true;
    do {
      const std::size_t key_column = column();
      std::string_view key;
      if (!take_string(key) || !unescape_key(key, key_column)) return false;
      if (!skip(':')) return fail_expected("':' behind a member's name");
      if (!value(*layout.element, layout.add_entry(to, key), place)) return false;
    } while (skip(','));
    return skip('}') || fail_expected("',' or '}'");
  }

  bool variant_value(const ValueLayout& layout, void* to, const Place& place) {
    if (!skip('{')) return fail_type(layout, place);
    const std::size_t key_column = column();
    std::string_view key;
    if (!take_string(key) || !unescape_key(key, key_column)) return false;
    if (!skip(':')) return fail_expected("':' behind a member's name");
    const std::size_t index = find_field(*layout.record, key, 0);
    if (index == kNoField)
      return fail(key_column, fmt::format("\"{}\" is a \"{}\", {}::{} has no such alternative", place.field->name,
                                          shorten(key), place.record->type_name, place.field->name));
    return value(*layout.record->fields[index].value, layout.choose(to, index), place) &&
           (skip('}') || fail_expected("'}' behind the one alternative"));
  }

  /// A value that no field wants.
  bool skip_value(int depth) {
    if (depth > kMaxSkippedNesting) return fail(column(), "nested too deep");
    if (skip('{')) return skip_members(depth, '}', true);
    if (skip('[')) return skip_members(depth, ']', false);
    if (next_is('"')) return skip_string();
    const std::string_view text = token();
    if (text != "true" && text != "false" && text != "null" && !is_json_number(text))
      return fail_expected("a JSON value");
    ++at_;
    return true;
  }

  bool skip_members(int depth, char close, bool named) {
    if (skip(close)) return true;
    do {
      if (named && !skip_string()) return false;
      if (named && !skip(':')) return fail_expected("':' behind a member's name");
      if (!skip_value(depth + 1)) return false;
    } while (skip(','));
    return skip(close) || fail_expected(named ? "',' or '}'" : "',' or ']'");
  }

  bool skip_string() {
    const std::size_t begin = column();
    std::string_view text;
    return take_string(text) && unescape_key(text, begin);
  }

  std::string_view line_;
  const std::uint32_t* at_;
  const std::uint32_t* end_;
  std::string& scratch_;
  std::string& key_;
  detail::Arena& arena_;
  DecodeError error_;
};

// simdjson says that a line is broken; this says where.
DecodeError explain(simdjson::error_code error, std::string_view line) {
  if (error == simdjson::MEMALLOC || error == simdjson::CAPACITY)
    return {1, fmt::format("the line has {} bytes: there is no memory to read it", line.size())};
  if (error == simdjson::EMPTY) return {1, "the line is empty"};
  if (const std::size_t bad = find_invalid_utf8(line); bad != std::string_view::npos)
    return {bad + 1, "this is no UTF-8"};
  bool inside = false;
  std::size_t opened = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') {
      inside = !inside;
      opened = i;
    } else if (inside && line[i] == '\\') {
      ++i;
    } else if (inside && static_cast<unsigned char>(line[i]) < 0x20) {
      return {i + 1, "a control character stands in a text unescaped"};
    }
  }
  if (inside) return {opened + 1, "a text in quotes does not end"};
  return {1, std::string{"the line is no JSON: "} + simdjson::error_message(error)};
}

}  // namespace

JsonDecoder::JsonDecoder(const RecordLayout& layout) : layout_{&layout}, tokens_{std::make_unique<Tokens>()} {}
JsonDecoder::~JsonDecoder() = default;
JsonDecoder::JsonDecoder(JsonDecoder&&) noexcept = default;
JsonDecoder& JsonDecoder::operator=(JsonDecoder&&) noexcept = default;

std::optional<DecodeError> JsonDecoder::decode(std::string_view line, void* record, detail::Arena& text) {
  if (line.size() > kMaxLineBytes) return DecodeError{1, "the line is longer than 1 GiB"};
  if (const auto error = tokens_->find(line); error != simdjson::SUCCESS) [[unlikely]]
    return explain(error, line);
  Walk walk{line, tokens_->offsets(), tokens_->unescaped_text, tokens_->unescaped_key, text};
  if (walk.document(*layout_, record)) [[likely]]
    return std::nullopt;
  return walk.take_error();
}

}  // namespace tidemark
