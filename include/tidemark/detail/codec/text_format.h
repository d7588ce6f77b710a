// Values as text, for the encoders of JSON and CSV and for messages. Pure; any thread.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::detail {

/// Appends `text` as a JSON string, quotes included. Bytes that are no UTF-8 stay as they are.
void append_json_string(std::string_view text, std::string& out);

/// Appends `text` as a CSV column: in quotes where it has a delimiter, a quote, a line break, a blank at an end or a byte
/// order mark at its beginning, and where it is empty, since an unquoted empty column is an absent value.
void append_csv_text(std::string_view text, char delimiter, std::string& out);

/// Standard alphabet, with padding.
void append_base64(std::string_view bytes, std::string& out);

/// "2015-07-15" of days since 1970.
void append_date(std::int64_t days, std::string& out);

/// The shortest decimal text that reads back as the same number.
template <class N>
void append_number(N value, std::string& out) {
  char buffer[32];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

}  // namespace tidemark::detail
