// JSON objects straight into records: simdjson finds the tokens of a line and checks its UTF-8, a walk over them fills
// the fields of the record's layout. In the order of the declaration, the fields cost one comparison of their name
// each.
//
// Texts without escapes stay where they are: std::string_view fields point into the line, which must outlive the
// record; unescaped ones go to the arena. Nothing else is allocated once the largest line was seen. Members without a
// field are ignored but must be JSON. A missing or null member empties an optional and is an error elsewhere; of a
// repeated member the last counts. Times are integers in their unit or ISO 8601 texts; enums their names or numbers;
// bytes base64; variants an object of one member, named as the alternative.
//
// Not for sharing between threads; each reader has its own.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "codec/decode_error.h"
#include "tidemark/detail/base/arena.h"
#include "tidemark/detail/codec/record_layout.h"

namespace tidemark {

class JsonDecoder {
 public:
  /// `layout` must outlive the decoder.
  explicit JsonDecoder(const detail::RecordLayout& layout);
  ~JsonDecoder();
  JsonDecoder(JsonDecoder&&) noexcept;
  JsonDecoder& operator=(JsonDecoder&&) noexcept;

  /// Fills `record`, which is of the layout's type, from the one JSON object that `line` holds. After an error the
  /// record is valid but unspecified. The line needs no padding.
  [[nodiscard]] std::optional<DecodeError> decode(std::string_view line, void* record, detail::Arena& text);

 private:
  class Tokens;
  const detail::RecordLayout* layout_;
  std::unique_ptr<Tokens> tokens_;
};

}  // namespace tidemark
