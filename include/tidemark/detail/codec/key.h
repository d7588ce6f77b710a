// The one encoding of keys: bytes whose order (memcmp, shorter first) is the order of the keys, one spelling a key.
//
// It stands in snapshots and its hash decides where a key lives, so it never changes (kHashId in hash.h names it):
//   integers, enums: big endian at their own width, the sign bit of signed ones flipped; bool: a byte 0 or 1
//   times, durations, dates: their count as an int64
//   float, double: their bits, ordered: all flipped if negative, else the sign bit; -0.0 as 0.0, every NaN as one, last
//   text, bytes: 0x00 becomes 0x00 0xff, the end is 0x00 0x01
//   optional: 0x00, or 0x01 and the value; structs, pairs, tuples and arrays: one part after the other
//
// A key of at most 8 bytes always is a word: the same bytes as one big endian number, so that words order like keys.
// Pure; any thread.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include "tidemark/detail/base/arena.h"
#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/base/hash.h"
#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/codec/reflect.h"

namespace tidemark::detail {

/// T can be a key.
template <class T>
consteval bool is_key() {
  constexpr TypeKind kind = kind_v<T>;
  if constexpr (kind == TypeKind::kOptional || kind == TypeKind::kArray) {
    return is_key<typename T::value_type>();
  } else if constexpr (kind == TypeKind::kStruct) {
    return []<class... F>(TypeList<F...>) { return (is_key<std::remove_cv_t<F>>() && ...); }(FieldTypes<T>{});
  } else {
    return kind != TypeKind::kNone && kind <= TypeKind::kEnum;
  }
}

/// The bytes that every T takes as a key; 0 where they vary.
template <class T>
consteval std::size_t fixed_key_size() {
  constexpr TypeKind kind = kind_v<T>;
  if constexpr (kind == TypeKind::kArray) {
    return fixed_key_size<typename T::value_type>() * std::tuple_size_v<T>;
  } else if constexpr (kind == TypeKind::kStruct) {
    if constexpr (field_count_v<T> == 0) return 1;
    return []<class... F>(TypeList<F...>) -> std::size_t {
      return ((fixed_key_size<std::remove_cv_t<F>>() > 0) && ...) ? (fixed_key_size<std::remove_cv_t<F>>() + ... + 0)
                                                                  : 0;
    }(FieldTypes<T>{});
  } else if constexpr (kind == TypeKind::kTimestamp || kind == TypeKind::kTime || kind == TypeKind::kDuration ||
                       kind == TypeKind::kDate) {
    return 8;
  } else if constexpr (kind == TypeKind::kString || kind == TypeKind::kBytes || kind == TypeKind::kOptional) {
    return 0;
  } else {
    return sizeof(T);
  }
}

template <class Bits>
constexpr Bits order_float_bits(Bits bits) {
  constexpr Bits sign = Bits{1} << (sizeof(Bits) * 8 - 1);
  return (bits & sign) != 0 ? ~bits : bits | sign;
}
template <class Bits>
constexpr Bits unorder_float_bits(Bits word) {
  constexpr Bits sign = Bits{1} << (sizeof(Bits) * 8 - 1);
  return (word & sign) != 0 ? word & ~sign : ~word;
}

template <class T>
using FloatBits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

inline constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;

template <class T>
constexpr std::uint64_t integer_to_word(T value) {
  using Unsigned = std::make_unsigned_t<T>;
  constexpr auto flip =
      std::signed_integral<T> ? static_cast<Unsigned>(Unsigned{1} << (sizeof(T) * 8 - 1)) : Unsigned{0};
  return static_cast<Unsigned>(static_cast<Unsigned>(value) ^ flip);
}
template <class T>
constexpr T integer_from_word(std::uint64_t word) {
  using Unsigned = std::make_unsigned_t<T>;
  return static_cast<T>(static_cast<Unsigned>(integer_to_word(static_cast<T>(static_cast<Unsigned>(word)))));
}

template <class T>
std::uint64_t key_to_word(const T& value);

// The parts of a struct or an array, the first one highest.
template <class T>
void append_to_word(std::uint64_t& word, const T& part) {
  if constexpr (fixed_key_size<T>() == 8)
    word = key_to_word(part);
  else
    word = word << (8 * fixed_key_size<T>()) | key_to_word(part);
}

template <class T>
std::uint64_t key_to_word(const T& value) {
  constexpr TypeKind kind = kind_v<T>;
  if constexpr (kind == TypeKind::kBool) {
    return value ? 1 : 0;
  } else if constexpr (is_stored_integer_v<T>) {
    return integer_to_word(value);
  } else if constexpr (kind == TypeKind::kFloat32 || kind == TypeKind::kFloat64) {
    const T canonical = value != value ? std::numeric_limits<T>::quiet_NaN() : value == 0 ? T{0} : value;
    return order_float_bits(std::bit_cast<FloatBits<T>>(canonical));
  } else if constexpr (kind == TypeKind::kTimestamp) {
    return integer_to_word(value.ms());
  } else if constexpr (kind == TypeKind::kTime) {
    return integer_to_word(std::int64_t{value.time_since_epoch().count()});
  } else if constexpr (kind == TypeKind::kDuration) {
    return integer_to_word(std::int64_t{value.count()});
  } else if constexpr (kind == TypeKind::kDate) {
    return integer_to_word(days_of(value));
  } else if constexpr (kind == TypeKind::kEnum) {
    return key_to_word(static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (kind == TypeKind::kArray) {
    std::uint64_t word = 0;
    for (const auto& element : value) append_to_word(word, element);
    return word;
  } else {
    std::uint64_t word = 0;
    for_each_field(value, [&](auto, const auto& field) { append_to_word(word, field); });
    return word;
  }
}

/// False where no T has that word.
template <class T>
bool key_from_word(std::uint64_t word, T& value) {
  constexpr TypeKind kind = kind_v<T>;
  if constexpr (kind == TypeKind::kBool) {
    value = word != 0;
    return word <= 1;
  } else if constexpr (is_stored_integer_v<T>) {
    value = integer_from_word<T>(word);
    return true;
  } else if constexpr (kind == TypeKind::kFloat32 || kind == TypeKind::kFloat64) {
    value = std::bit_cast<T>(unorder_float_bits(static_cast<FloatBits<T>>(word)));
    return key_to_word(value) == word;
  } else if constexpr (kind == TypeKind::kTimestamp) {
    value = Timestamp{integer_from_word<std::int64_t>(word)};
    return true;
  } else if constexpr (kind == TypeKind::kTime || kind == TypeKind::kDuration) {
    const auto count = integer_from_word<std::int64_t>(word);
    const auto narrow = static_cast<typename T::rep>(count);
    if constexpr (kind == TypeKind::kTime)
      value = T{typename T::duration{narrow}};
    else
      value = T{narrow};
    return narrow == count;
  } else if constexpr (kind == TypeKind::kDate) {
    return assign_days(value, integer_from_word<std::int64_t>(word));
  } else if constexpr (kind == TypeKind::kEnum) {
    std::underlying_type_t<T> number{};
    const bool ok = key_from_word(word, number);
    value = static_cast<T>(number);
    return ok;
  } else {
    std::size_t left = fixed_key_size<T>();
    bool ok = true;
    const auto take = [&]<class Part>(Part& part) {
      constexpr std::size_t size = fixed_key_size<Part>();
      left -= size;
      const std::uint64_t mask = ~std::uint64_t{0} >> (64 - 8 * size);
      ok = key_from_word((word >> (8 * left)) & mask, part) && ok;
    };
    if constexpr (kind == TypeKind::kArray) {
      for (auto& element : value) take(element);
    } else if constexpr (field_count_v<T> == 0) {
      return word == 0;
    } else {
      for_each_field(value, [&](auto, auto& field) { take(field); });
    }
    return ok;
  }
}

/// The first `Size` bytes of the result, as they lie in memory, are the key's.
template <std::size_t Size>
constexpr std::uint64_t word_bytes(std::uint64_t word) {
  return __builtin_bswap64(word << (64 - 8 * Size));
}

template <std::size_t Size>
std::uint64_t read_word(ByteReader& in) {
  const std::string_view bytes = in.get_bytes(Size);
  if (bytes.empty()) return 0;
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data(), Size);
  return __builtin_bswap64(word) >> (64 - 8 * Size);
}

template <class T>
inline constexpr bool is_word_key_v = fixed_key_size<T>() > 0 && fixed_key_size<T>() <= 8;

template <class Sink>
void put_key_text(std::string_view text, Sink& out) {
  using namespace std::string_view_literals;
  while (true) {
    const std::size_t zero = text.find('\0');
    out.put_bytes(text.substr(0, zero));
    if (zero == std::string_view::npos) break;
    out.put_bytes("\0\xff"sv);
    text.remove_prefix(zero + 1);
  }
  out.put_bytes("\0\1"sv);
}

template <class T, class Sink>
void put_key(const T& value, Sink& out) {
  constexpr TypeKind kind = kind_v<T>;
  if constexpr (is_word_key_v<T>) {
    const std::uint64_t bytes = word_bytes<fixed_key_size<T>()>(key_to_word(value));
    out.put_bytes({reinterpret_cast<const char*>(&bytes), fixed_key_size<T>()});
  } else if constexpr (kind == TypeKind::kString) {
    put_key_text(value, out);
  } else if constexpr (kind == TypeKind::kBytes) {
    put_key_text({reinterpret_cast<const char*>(value.data()), value.size()}, out);
  } else if constexpr (kind == TypeKind::kOptional) {
    out.put_bytes(value ? std::string_view{"\1", 1} : std::string_view{"\0", 1});
    if (value) put_key(*value, out);
  } else if constexpr (kind == TypeKind::kArray) {
    for (const auto& element : value) put_key(element, out);
  } else {
    for_each_field(value, [&](auto, const auto& field) { put_key(field, out); });
  }
}

/// Takes escaped text up to its end: a view into the reader's bytes where nothing was escaped, else into `arena`.
std::string_view take_key_text(ByteReader& in, Arena& arena);

template <class T>
void take_key(ByteReader& in, T& value, Arena& arena) {
  constexpr TypeKind kind = kind_v<T>;
  if constexpr (is_word_key_v<T>) {
    if (!key_from_word(read_word<fixed_key_size<T>()>(in), value)) in.fail();
  } else if constexpr (kind == TypeKind::kString) {
    value = take_key_text(in, arena);
  } else if constexpr (kind == TypeKind::kBytes) {
    const std::string_view text = take_key_text(in, arena);
    const auto* data = reinterpret_cast<const std::byte*>(text.data());
    value.assign(data, data + text.size());
  } else if constexpr (kind == TypeKind::kOptional) {
    value.reset();
    if (decode_bool(in)) take_key(in, value.emplace(), arena);
  } else if constexpr (kind == TypeKind::kArray) {
    for (auto& element : value) take_key(in, element, arena);
  } else {
    for_each_field(value, [&](auto, auto& field) { take_key(in, field, arena); });
  }
}

// Where keys of one size are spelled out.
template <std::size_t Size>
class FixedKeyBuffer {
 public:
  void put_bytes(std::string_view bytes) {
    std::memcpy(bytes_ + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void clear() { size_ = 0; }
  std::string_view view() const { return {bytes_, Size}; }

 private:
  std::size_t size_ = 0;
  char bytes_[Size];
};

// Where a key is spelled out to be hashed: short ones cost no allocation.
class KeyBuffer {
 public:
  void put_bytes(std::string_view bytes) {
    if (long_.empty() && size_ + bytes.size() <= sizeof short_) {
      if (!bytes.empty()) std::memcpy(short_ + size_, bytes.data(), bytes.size());
      size_ += bytes.size();
    } else {
      if (long_.empty()) long_.assign(short_, size_);
      long_.append(bytes);
    }
  }
  std::string_view view() const { return long_.empty() ? std::string_view{short_, size_} : std::string_view{long_}; }

 private:
  std::size_t size_ = 0;
  char short_[248];
  std::string long_;
};

/// Everything a key of type K is to state and exchange.
template <class K>
struct KeyCodec {
  static_assert(is_key<K>(),
                "this type can't be a key: a key is a bool, number, enum, text, bytes, time or date, or an optional, "
                "std::array, aggregate, pair or tuple of these");

  /// The encoded size where all keys have the same, else 0.
  static constexpr std::size_t kFixedSize = fixed_key_size<K>();
  /// A key fits a word of 64 bits.
  static constexpr bool kIsWord = is_word_key_v<K>;
  /// It doesn't, and two words hold the bytes of all keys.
  static constexpr bool kIsTwoWords = kFixedSize > 8 && kFixedSize <= 16;

  /// One word a key, in the order of the keys, below 2^(8 * kFixedSize).
  static std::uint64_t to_word(const K& key)
    requires kIsWord
  {
    return key_to_word(key);
  }
  /// The key of a word that to_word() made.
  static K from_word(std::uint64_t word)
    requires kIsWord
  {
    K key{};
    key_from_word(word, key);
    return key;
  }

  static void encode(const K& key, ByteWriter& out) { put_key(key, out); }

  /// The key that is all of `encoded`; false if that is none. Views in it point into `encoded`, and into `arena` where
  /// their text has zero bytes.
  [[nodiscard]] static bool decode(std::string_view encoded, K& key, Arena& arena) {
    ByteReader in{encoded};
    take_key(in, key, arena);
    return in.ok() && in.remaining() == 0;
  }
  /// The same for words, which need no arena; K{} where `encoded` is no key.
  static K decode(std::string_view encoded)
    requires kIsWord
  {
    ByteReader in{encoded};
    K key{};
    const bool ok = key_from_word(read_word<kFixedSize>(in), key) && in.ok() && in.remaining() == 0;
    return ok ? key : K{};
  }
};

/// XXH3-64 of an encoded key.
inline std::uint64_t hash_of_encoded(std::string_view encoded) noexcept { return hash_bytes(encoded); }

/// The hash of the key of that word.
template <class K>
std::uint64_t hash_word(std::uint64_t word) noexcept {
  constexpr std::size_t size = KeyCodec<K>::kFixedSize;
  static_assert(KeyCodec<K>::kIsWord);
  const std::uint64_t bytes = word_bytes<size>(word);
  return hash_bytes<size>(&bytes);
}

/// The hash of a key: of its encoded bytes.
template <class K>
std::uint64_t hash_key(const K& key) {
  if constexpr (KeyCodec<K>::kIsWord) {
    return hash_word<K>(key_to_word(key));
  } else if constexpr (KeyCodec<K>::kIsTwoWords) {
    FixedKeyBuffer<KeyCodec<K>::kFixedSize> buffer;
    put_key(key, buffer);
    return hash_bytes<KeyCodec<K>::kFixedSize>(buffer.view().data());
  } else {
    KeyBuffer buffer;
    put_key(key, buffer);
    return hash_bytes(buffer.view());
  }
}

}  // namespace tidemark::detail
