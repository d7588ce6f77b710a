#include "control/failure_cause.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "codec/utf8.h"
#include "tidemark/detail/codec/text_format.h"

namespace tidemark {
namespace {

// Of the Java Object Serialization Specification, 6.4.2.
constexpr char kNull = 0x70;
constexpr char kClassDescription = 0x72;
constexpr char kObject = 0x73;
constexpr char kString = 0x74;
constexpr char kEndOfBlock = 0x78;
constexpr char kLongString = 0x7C;
constexpr char kHasWriteMethod = 0x01;
constexpr char kIsSerializable = 0x02;

constexpr std::string_view kStringType = "Ljava/lang/String;";

std::string valid_utf8(std::string_view text) {
  std::string valid{text};
  for (std::size_t at = 0; (at = find_invalid_utf8(valid)) != std::string::npos;) valid[at] = '?';
  return valid;
}

void append_big_endian(std::uint64_t value, int bytes, std::string& out) {
  for (int byte = bytes - 1; byte >= 0; --byte) out += static_cast<char>(value >> (8 * byte) & 0xFF);
}

// One unit of UTF-16, in three bytes.
void append_unit(std::uint32_t unit, std::string& out) {
  for (const std::uint32_t byte : {0xE0 | unit >> 12, 0x80 | (unit >> 6 & 0x3F), 0x80 | (unit & 0x3F)}) out += static_cast<char>(byte);
}

// As Java does: no byte is 0, and what needs two units of UTF-16 has both. `text` is UTF-8.
std::string modified_utf8(std::string_view text) {
  std::string modified;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == 0) {
      modified += "\xC0\x80";
    } else if (byte < 0xF0) {
      modified += text[at];
    } else {
      std::uint32_t code_point = byte & 0x07;
      for (int i = 0; i < 3; ++i) code_point = code_point << 6 | (static_cast<unsigned char>(text[++at]) & 0x3F);
      append_unit(0xD800 + ((code_point - 0x10000) >> 10), modified);
      append_unit(0xDC00 + ((code_point - 0x10000) & 0x3FF), modified);
    }
  }
  return modified;
}

void append_name(std::string_view name, std::string& out) {
  append_big_endian(name.size(), 2, out);
  out += name;
}

void append_string(std::string_view text, std::string& out) {
  const bool is_long = text.size() > 0xFFFF;
  out += is_long ? kLongString : kString;
  append_big_endian(text.size(), is_long ? 8 : 2, out);
  out += text;
}

// All its fields are strings. Those of the class that are missing are null to the reader.
void append_class(std::string_view name, std::uint64_t version, char flags, std::initializer_list<std::string_view> fields, std::string& out) {
  out += kClassDescription;
  append_name(name, out);
  append_big_endian(version, 8, out);
  out += flags;
  append_big_endian(fields.size(), 2, out);
  for (const std::string_view field : fields) {
    out += 'L';
    append_name(field, out);
    append_string(kStringType, out);
  }
  out += kEndOfBlock;
}

}  // namespace

std::string serialized_throwable(std::string_view why) {
  const std::string text = modified_utf8(valid_utf8(why));
  std::string object{"\xAC\xED\x00\x05", 4};
  object += kObject;
  append_class("org.apache.flink.util.SerializedThrowable", 7'284'183'123'441'947'635, kIsSerializable,
               {"fullStringifiedStackTrace", "originalErrorClassName"}, object);
  append_class("java.lang.Exception", 0xD0FD'1F3E'1A3B'1CC4, kIsSerializable, {}, object);
  append_class("java.lang.Throwable", 0xD5C6'3527'3977'B8CB, kIsSerializable | kHasWriteMethod, {"detailMessage"}, object);
  object += kNull;  // no class above it; the values follow from there downwards
  append_string(text, object);
  object += kEndOfBlock;
  append_string("tidemark.Error: " + text + '\n', object);
  append_string("tidemark.Error", object);
  std::string base64;
  detail::append_base64(object, base64);
  return base64;
}

}  // namespace tidemark
