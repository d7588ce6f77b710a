// How a key lies in a table: keys that encode to at most 8 bytes as one word, those that all encode to as many and at most 16
// bytes as two, all others as their encoded bytes.
//
// All hash and compare as the one key encoding does (codec/key.h), so that equal keys are equal bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/base/hash.h"
#include "tidemark/detail/codec/fixed_key.h"
#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/state/cow_domain.h"

namespace tidemark::detail {

template <class K>
struct WordKey {
  static constexpr std::size_t kWords = 1;
  static constexpr bool kOwns = false;
  using Lookup = std::uint64_t;

  static std::uint64_t hash(std::uint64_t word) { return hash_word<K>(word); }
  static std::uint64_t hash(const std::uint64_t* words) { return hash_word<K>(words[0]); }
  static bool equals(const std::uint64_t* words, std::uint64_t key) { return words[0] == key; }
  static void make(std::uint64_t key, std::uint64_t* words, CowDomain&) { words[0] = key; }
  static Lookup lookup(const std::uint64_t* words) { return words[0]; }
  static void encode(std::uint64_t word, ByteWriter& to) { KeyCodec<K>::encode(KeyCodec<K>::from_word(word), to); }
  static void encode(const std::uint64_t* words, ByteWriter& to) { encode(words[0], to); }
  static bool decode(std::string_view bytes, std::uint64_t& word) {
    if (bytes.size() != KeyCodec<K>::kFixedSize) return false;
    word = KeyCodec<K>::to_word(KeyCodec<K>::decode(bytes));
    return true;
  }
};

/// The encoded bytes, which are `Size` of every key, and zeros behind them.
template <std::size_t Size>
struct TwoWordKey {
  static_assert(Size > 8 && Size <= 16);
  static constexpr std::size_t kWords = 2;
  static constexpr bool kOwns = false;
  using Lookup = std::string_view;  // of that size

  static std::uint64_t hash(std::string_view key) { return hash_bytes<Size>(key.data()); }
  static std::uint64_t hash(const std::uint64_t* words) { return hash_bytes<Size>(words); }
  static bool equals(const std::uint64_t* words, std::string_view key) {
    std::uint64_t other[kWords];
    to_words(key, other);
    return ((words[0] ^ other[0]) | (words[1] ^ other[1])) == 0;
  }
  static void make(std::string_view key, std::uint64_t* words, CowDomain&) { to_words(key, words); }
  static Lookup lookup(const std::uint64_t* words) { return {reinterpret_cast<const char*>(words), Size}; }
  static void encode(const std::uint64_t* words, ByteWriter& to) { to.put_bytes(lookup(words)); }
  static bool decode(std::string_view bytes, std::string_view& key) {
    key = bytes;
    return bytes.size() == Size;
  }

 private:
  static void to_words(std::string_view key, std::uint64_t* words) {
    words[1] = 0;
    std::memcpy(words, key.data(), Size);
  }
};

/// Two words: the length and the first four bytes, then the next eight or a pointer to all of them.
struct BytesKey {
  static constexpr std::size_t kWords = 2;
  static constexpr bool kOwns = true;
  using Lookup = std::string_view;

  static std::uint64_t hash(std::string_view key) { return hash_bytes(key); }
  static std::uint64_t hash(const std::uint64_t* words) { return hash_bytes(lookup(words)); }
  static bool equals(const std::uint64_t* words, std::string_view key) {
    return words[0] == head(key) && lookup(words) == key;
  }
  /// The bytes that don't fit are the domain's, until retire().
  static void make(std::string_view key, std::uint64_t* words, CowDomain& domain) {
    words[0] = head(key);
    words[1] = 0;
    if (key.size() <= kInline) {
      if (key.size() > 4) std::memcpy(words + 1, key.data() + 4, key.size() - 4);
      return;
    }
    auto* bytes = static_cast<char*>(domain.take_block(key.size()));
    std::memcpy(bytes, key.data(), key.size());
    words[1] = reinterpret_cast<std::uint64_t>(bytes);
  }
  static Lookup lookup(const std::uint64_t* words) {
    const auto size = static_cast<std::uint32_t>(words[0]);
    const auto* inline_bytes = reinterpret_cast<const char*>(words) + 4;
    return {size <= kInline ? inline_bytes : reinterpret_cast<const char*>(words[1]), size};
  }
  static void encode(const std::uint64_t* words, ByteWriter& to) { to.put_bytes(lookup(words)); }
  static bool decode(std::string_view bytes, std::string_view& key) {
    key = bytes;
    return true;
  }
  static void retire(const std::uint64_t* words, std::uint32_t born, CowDomain& domain) {
    const auto size = static_cast<std::uint32_t>(words[0]);
    if (size > kInline) domain.retire_block(reinterpret_cast<void*>(words[1]), born, size);
  }

 private:
  static constexpr std::size_t kInline = 12;
  static std::uint64_t head(std::string_view key) {
    std::uint64_t word = static_cast<std::uint32_t>(key.size());
    std::memcpy(reinterpret_cast<char*>(&word) + 4, key.data(), key.size() < 4 ? key.size() : 4);
    return word;
  }
};

template <class K>
struct StoredKeyOf {
  using type = BytesKey;
};
template <class K>
  requires(KeyCodec<K>::kIsWord)
struct StoredKeyOf<K> {
  using type = WordKey<K>;
};
template <class K>
  requires(KeyCodec<K>::kIsTwoWords)
struct StoredKeyOf<K> {
  using type = TwoWordKey<KeyCodec<K>::kFixedSize>;
};
template <class K>
using StoredKey = typename StoredKeyOf<K>::type;

/// Its hashes are spread anew: keys whose own ones begin with the same bits then fill a table as all keys together do.
template <class Stored>
struct RespreadKey : Stored {
  template <class Key>
  static std::uint64_t hash(const Key& key) {
    return respread(Stored::hash(key));
  }
  /// The upper half is made of all bits. The lower one, which names places in a table, stays, so that entries that come in the
  /// order of a table come to another one in its order, too.
  static constexpr std::uint64_t respread(std::uint64_t hash) {
    constexpr std::uint64_t kLowerHalf = 0xffffffff;
    return (hash * 0x9e3779b97f4a7c15 & ~kLowerHalf) | (hash & kLowerHalf);
  }
};

template <class K>
struct OwnedKeyOf {
  using type = std::string;
};
template <class K>
  requires(KeyCodec<K>::kIsWord)
struct OwnedKeyOf<K> {
  using type = std::uint64_t;
};
template <class K>
  requires(KeyCodec<K>::kIsTwoWords)
struct OwnedKeyOf<K> {
  using type = FixedKey<KeyCodec<K>::kFixedSize>;
};
/// A key on its own, for what outlives the record: a word, or the encoded bytes.
template <class K>
using OwnedKey = typename OwnedKeyOf<K>::type;

}  // namespace tidemark::detail
