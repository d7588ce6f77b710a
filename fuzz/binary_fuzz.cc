// The binary encoding of values: any bytes are refused or become a value that survives its encoding; any value survives
// it.
#include <map>
#include <unordered_map>

#include "codec/test_records.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/codec/binary.h"

namespace tidemark::fuzz {
namespace {

using detail::ByteReader;
using detail::ByteWriter;

struct Nested {
  std::vector<std::vector<std::optional<std::string_view>>> lists;
  std::map<std::int16_t, std::variant<std::monostate, bool, std::vector<float>>> choices;
  std::optional<std::array<std::chrono::sys_days, 2>> days;
  std::pair<std::chrono::year_month_day, std::chrono::hours> pair;
  std::tuple<> nothing;
  bool operator==(const Nested&) const = default;
};

template <class T>
std::string encoded(const T& value) {
  ByteWriter out;
  detail::encode(value, out);
  return out.take();
}

template <class T>
void check_round_trip(const T& value) {
  const std::string bytes = encoded(value);
  ByteReader in{bytes};
  T back{};
  detail::decode(in, back);
  TIDEMARK_CHECK(in.ok() && in.remaining() == 0, "what was encoded can be decoded, to its end");
  if (value == value) TIDEMARK_CHECK(back == value, "a value survives its encoding");  // none with a NaN in it
}

template <class T>
void check_type(std::string_view input) {
  ByteReader in{input};
  T value{};
  detail::decode(in, value);
  if (in.ok())
    check_round_trip(value);
  else
    static_cast<void>(encoded(value));  // unspecified, but valid

  Input choices{input};
  check_round_trip(any_value<T>(choices, Values::kAny));
}

// Where no value equals itself, the bits decide.
void check_floats(std::string_view input) {
  ByteReader in{input};
  std::vector<double> values;
  detail::decode(in, values);
  if (!in.ok()) return;
  const std::string once = encoded(values);
  ByteReader again{once};
  std::vector<double> back;
  detail::decode(again, back);
  TIDEMARK_CHECK(again.ok() && encoded(back) == once, "floating-point numbers keep their bits");
}

void check(std::string_view input) {
  check_type<test::Everything>(input);
  check_type<Nested>(input);
  check_type<std::vector<test::Bid>>(input);
  check_type<std::unordered_map<std::string, std::vector<std::int64_t>>>(input);
  check_type<std::variant<test::Point, std::optional<test::Color>, std::chrono::sys_days>>(input);
  check_floats(input);
}

const Registration kTarget{"binary", check};

}  // namespace
}  // namespace tidemark::fuzz
