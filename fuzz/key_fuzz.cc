// Keys: their encoding orders as they do, has one spelling a key, and survives decoding; equal keys have equal hashes.
#include <compare>

#include "codec/test_records.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/codec/key.h"

namespace tidemark::fuzz {
namespace {

using detail::Arena;
using detail::ByteWriter;
using detail::KeyCodec;

struct Reading {
  std::optional<double> value;
  std::string_view sensor;
  test::Plain kind = test::Plain::kNone;
};
struct Nothing {};

template <class K>
std::weak_ordering compare(const K& a, const K& b);

template <class K>
std::weak_ordering compare_fields(const K& a, const K& b) {
  std::weak_ordering order = std::weak_ordering::equivalent;
  detail::for_each_field(a, [&](auto i, const auto& left) {
    detail::for_each_field(b, [&](auto j, const auto& right) {
      if constexpr (i == j) {
        if (order == 0) order = compare(left, right);
      }
    });
  });
  return order;
}

// The order that keys are documented to have: that of their type, -0.0 equal to 0.0, every NaN equal and last.
template <class K>
std::weak_ordering compare(const K& a, const K& b) {
  constexpr TypeKind kind = detail::kind_v<K>;
  if constexpr (std::is_floating_point_v<K>) {
    if (a != a || b != b) return (a != a) <=> (b != b);
    return a < b ? std::weak_ordering::less : a > b ? std::weak_ordering::greater : std::weak_ordering::equivalent;
  } else if constexpr (kind == TypeKind::kOptional) {
    return a && b ? compare(*a, *b) : a.has_value() <=> b.has_value();
  } else if constexpr (kind == TypeKind::kArray) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (const auto order = compare(a[i], b[i]); order != 0) return order;
    }
    return std::weak_ordering::equivalent;
  } else if constexpr (kind == TypeKind::kStruct) {
    return compare_fields(a, b);
  } else {
    return a <=> b;
  }
}

template <class K>
std::string encoded(const K& key) {
  ByteWriter out;
  KeyCodec<K>::encode(key, out);
  return out.take();
}

template <class K>
void check_key(const K& key, const std::string& bytes) {
  Arena arena;
  K back{};
  TIDEMARK_CHECK(KeyCodec<K>::decode(bytes, back, arena), "an encoded key can be decoded");
  TIDEMARK_CHECK(compare(back, key) == 0, "a key survives its encoding");
  TIDEMARK_CHECK(encoded(back) == bytes, "a key has one spelling");
  TIDEMARK_CHECK(detail::hash_key(key) == detail::hash_of_encoded(bytes), "a key's hash is that of its encoding");
  if constexpr (KeyCodec<K>::kFixedSize > 0)
    TIDEMARK_CHECK(bytes.size() == KeyCodec<K>::kFixedSize, "keys of a fixed size have it");
  if constexpr (KeyCodec<K>::kIsWord) {
    const std::uint64_t word = KeyCodec<K>::to_word(key);
    TIDEMARK_CHECK(compare(KeyCodec<K>::from_word(word), key) == 0, "a key survives its word");
    TIDEMARK_CHECK(compare(KeyCodec<K>::decode(bytes), key) == 0, "a word decodes without an arena, too");
    TIDEMARK_CHECK(detail::hash_word<K>(word) == detail::hash_key(key), "a word's hash is its key's");
  }
}

template <class K>
void check_pair(const K& a, const K& b) {
  const std::string left = encoded(a), right = encoded(b);
  check_key(a, left);
  check_key(b, right);
  TIDEMARK_CHECK((left <=> right) == compare(a, b), "encoded keys order as the keys do");
  if constexpr (KeyCodec<K>::kIsWord)
    TIDEMARK_CHECK((KeyCodec<K>::to_word(a) <=> KeyCodec<K>::to_word(b)) == compare(a, b),
                   "words order as the keys do");
}

template <class K>
void check_type(std::string_view input) {
  Arena arena;
  K key{};
  if (KeyCodec<K>::decode(input, key, arena)) {
    TIDEMARK_CHECK(encoded(key) == input, "bytes that are a key are its one spelling");
  } else if constexpr (KeyCodec<K>::kIsWord) {
    TIDEMARK_CHECK(compare(KeyCodec<K>::decode(input), K{}) == 0, "bytes that are no key become the default one");
  }
  Input in{input};
  const K a = any_value<K>(in, Values::kAny);
  check_pair(a, a);
  check_pair(a, any_value<K>(in, Values::kAny));
}

template <class... K>
void check_types(std::string_view input) {
  (check_type<K>(input), ...);
}

void check(std::string_view input) {
  check_types<bool, std::int8_t, std::uint16_t, std::int32_t, std::int64_t, std::uint64_t, float, double>(input);
  check_types<std::string, std::string_view, std::vector<std::byte>, test::Color, test::Plain>(input);
  check_types<Timestamp, std::chrono::sys_time<std::chrono::nanoseconds>, std::chrono::duration<std::int32_t>,
              std::chrono::sys_days, std::chrono::year_month_day>(input);
  check_types<std::optional<std::string>, std::optional<std::optional<std::int32_t>>, std::array<std::int16_t, 4>,
              std::pair<std::string, std::int64_t>, std::tuple<bool, float, std::uint8_t>, test::Point, Reading,
              Nothing, std::pair<Nothing, std::int32_t>, std::array<std::string, 2>>(input);
}

const Registration kTarget{"key", check};

}  // namespace
}  // namespace tidemark::fuzz
