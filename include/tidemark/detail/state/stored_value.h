// How a user's value lies in a table and in a snapshot.
//
// Small trivially copyable values without text lie in the slot itself. Every other value is boxed: one block of its own,
// with the text that its views point to behind it, so that a value put into state is whole and independent of the batch
// that it came from. A box that a running snapshot can see is never changed: the writer clones it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/codec/reflect.h"
#include "tidemark/detail/state/owned_bytes.h"

namespace tidemark::detail {

template <class V>
struct StoredValue {
  static void encode(const V& value, ByteWriter& to) { detail::encode(value, to); }

  /// Views in `value` point into `bytes`.
  static bool decode(std::string_view bytes, V& value) {
    ByteReader reader{bytes};
    detail::decode(reader, value);
    return reader.ok() && reader.remaining() == 0;
  }
};

template <class V>
inline constexpr bool kStoredInline = std::is_trivially_copyable_v<V> && !contains_views_v<V> && sizeof(V) <= 64 && alignof(V) <= 8;

/// The value itself, in as many words as it needs.
template <class V>
struct InlineCell {
  static constexpr std::size_t kWords = (sizeof(V) + 7) / 8;
  static constexpr bool kOwns = false;

  static const V& get(const std::uint64_t* words) { return *reinterpret_cast<const V*>(words); }
  static void make(const V& value, std::uint64_t* words) {
    words[kWords - 1] = 0;
    std::memcpy(words, &value, sizeof value);
  }
};

/// A pointer to a block that the cell owns.
template <class V>
struct BoxedCell {
  static constexpr std::size_t kWords = 1;
  static constexpr bool kOwns = true;

  static const V& get(const std::uint64_t* words) { return box(words)->value; }
  static V& get_mutable(const std::uint64_t* words) { return box(words)->value; }
  static void make(const V& value, std::uint64_t* words) { words[0] = reinterpret_cast<std::uint64_t>(new Box(value)); }
  static void free(std::uint64_t word) { delete reinterpret_cast<Box*>(word); }
  /// What the cell of this word owns, about.
  static std::size_t owned_bytes(std::uint64_t word) {
    const Box& owned = *reinterpret_cast<const Box*>(word);
    std::size_t text = 0;
    for_each_view(owned.value, [&](std::string_view view) { text += view.size(); });
    return block_bytes(sizeof(Box)) + detail::owned_bytes(owned.value) + (text > 0 ? block_bytes(text) : 0);
  }

 private:
  struct Box {
    explicit Box(const V& from) : value{from} {
      if constexpr (contains_views_v<V>) own_text();
    }
    void own_text() {
      std::size_t size = 0;
      for_each_view(value, [&](std::string_view& view) { size += view.size(); });
      text = std::make_unique_for_overwrite<char[]>(size);
      char* at = text.get();
      for_each_view(value, [&](std::string_view& view) {
        if (view.empty()) return;
        std::memcpy(at, view.data(), view.size());
        view = {at, view.size()};
        at += view.size();
      });
    }
    V value;
    struct Nothing {};
    [[no_unique_address]] std::conditional_t<contains_views_v<V>, std::unique_ptr<char[]>, Nothing> text;
  };
  static Box* box(const std::uint64_t* words) { return reinterpret_cast<Box*>(words[0]); }
};

template <class V>
using ValueCell = std::conditional_t<kStoredInline<V>, InlineCell<V>, BoxedCell<V>>;

}  // namespace tidemark::detail
