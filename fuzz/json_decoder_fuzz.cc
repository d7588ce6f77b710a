// JSON lines: what the decoder takes is JSON and means what another parser reads; what is written reads back; however a
// file is cut into splits and blocks, its records are the same.
#include <map>
#include <nlohmann/json.hpp>

#include "codec/json_decoder.h"
#include "codec/test_records.h"
#include "fuzz/input.h"
#include "fuzz/split_reading.h"
#include "fuzz/target.h"

namespace tidemark::fuzz {
namespace {

using Json = nlohmann::json;

// Every field may be absent, so that much JSON is a record.
struct Loose {
  std::optional<std::int64_t> i;
  std::optional<std::uint64_t> u;
  std::optional<double> d;
  std::optional<bool> b;
  std::optional<std::string> s;
  std::optional<std::string_view> v;
  std::optional<std::vector<std::int64_t>> l;
  std::optional<std::map<std::string, std::string>> m;
  std::optional<std::optional<std::vector<std::string_view>>> t;
};
struct Nothing {};

template <class T>
std::string as_json(const T& value) {
  std::string json;
  detail::append_json(value, json);
  return json;
}

template <class T>
bool decode(std::string_view line, T& record, detail::Arena& text) {
  JsonDecoder decoder{detail::layout_of<T>()};
  const auto error = decoder.decode(line, &record, text);
  if (!error) return true;
  TIDEMARK_CHECK(error->column >= 1 && error->column <= line.size() + 1, "an error's column lies in the line");
  TIDEMARK_CHECK(!error->message.empty(), "an error says what is wrong");
  static_cast<void>(as_json(record));  // unspecified, but valid
  return false;
}

enum class Verdict { kJson, kNoJson, kCannotTell };

// The other parser refuses numbers beyond a double, skips a byte order mark, and ends at a zero byte.
Verdict parse(std::string_view line, Json& json) {
  if (line.starts_with("\xef\xbb\xbf") || line.find('\0') != std::string_view::npos) return Verdict::kCannotTell;
  try {
    json = Json::parse(line);
    return Verdict::kJson;
  } catch (const Json::out_of_range&) {
    return Verdict::kCannotTell;
  } catch (const Json::parse_error&) {
    return Verdict::kNoJson;
  }
}

const Json* member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

template <class T>
void check_member(const Json& json, const char* name, const std::optional<T>& value) {
  const Json* other = member(json, name);
  TIDEMARK_CHECK((other != nullptr) == value.has_value(), "a member is there or not");
  if (value) TIDEMARK_CHECK(other->get<T>() == *value, "a member means the same to both parsers");
}

void check_meaning(const Loose& record, const Json& json) {
  check_member(json, "i", record.i);
  check_member(json, "u", record.u);
  check_member(json, "d", record.d);
  check_member(json, "b", record.b);
  check_member(json, "s", record.s);
  check_member(json, "v", record.v ? std::optional<std::string>{*record.v} : std::nullopt);
  check_member(json, "l", record.l);
  check_member(json, "m", record.m);
}

int depth_of(std::string_view line) {
  return static_cast<int>(std::ranges::count(line, '[') + std::ranges::count(line, '{'));
}

void check_against_other_parser(std::string_view line) {
  Json json;
  const Verdict verdict = parse(line, json);
  if (verdict == Verdict::kCannotTell) return;
  detail::Arena text;
  Loose record;
  if (decode(line, record, text)) {
    TIDEMARK_CHECK(verdict == Verdict::kJson && json.is_object(), "what the decoder takes is a JSON object");
    check_meaning(record, json);
  }
  Nothing nothing;
  const bool is_object = verdict == Verdict::kJson && json.is_object();
  const bool taken = decode(line, nothing, text);
  const bool may_be_too_deep = depth_of(line) > 200;
  TIDEMARK_CHECK(taken == is_object || (is_object && may_be_too_deep), "any JSON object is a record without fields");
}

template <class T>
void check_round_trip(const T& value) {
  const std::string json = as_json(value);
  detail::Arena text;
  T back{};
  TIDEMARK_CHECK(decode(json, back, text), "what was written can be read");
  TIDEMARK_CHECK(back == value, "a record survives being written and read");
}

template <class T>
void check_type(std::string_view input) {
  detail::Arena text;
  T record{};
  if (decode(input, record, text)) check_round_trip(record);
  Input in{input};
  check_round_trip(any_value<T>(in, Values::kReadableAsText));
}

void check(std::string_view input) {
  check_against_other_parser(input);
  check_type<test::Everything>(input);
  check_type<test::Bid>(input);
  check_cuts<test::Bid>(input, {.format = detail::LineFormat::kJson});
}

const Registration kTarget{"json_decoder", check};

}  // namespace
}  // namespace tidemark::fuzz
