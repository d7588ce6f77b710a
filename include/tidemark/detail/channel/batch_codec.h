// Batches as bytes, for an edge whose two ends are in different processes of one job.
//
// Both processes run the same executable, so columns of plain records go as they lie in memory, with the text of their views
// behind them; records that own memory, such as a std::string, go one by one in the encoding of snapshots. What is read leaves
// its text in the bytes that came. Nothing of it is ever kept. Frames are checksummed by the transport and peers are trusted:
// bytes that do not fit are refused, those that fit are believed.
//
//   u32 records | u8 1 where there are hashes | values, and the texts of plain ones | event times | hashes
//
// Threads: none; a codec has no state.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>
#include <variant>

#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/codec/binary.h"
#include "tidemark/detail/codec/reflect.h"
#include "tidemark/detail/model/batch.h"

namespace tidemark::detail {

class BatchCodec {
 public:
  virtual std::unique_ptr<Batch> make_batch(std::uint32_t capacity) const = 0;
  /// Records from `begin` on, one at least, until they take about `enough` bytes, behind what `out` holds. The first that did not go.
  virtual std::uint32_t encode(const Batch& batch, std::uint32_t begin, std::size_t enough, ByteWriter& out) const = 0;
  /// All that is to be read, into an empty batch, whose text then points into the reader's bytes. False if it does not fit: the
  /// batch is then empty again.
  virtual bool decode(ByteReader& in, Batch& batch) const = 0;

 protected:
  ~BatchCodec() = default;
};

/// Whether it is known of all parts of the type what they are.
template <class T>
consteval bool is_known() {
  constexpr TypeKind kind = kind_v<T>;
  if constexpr (kind == TypeKind::kOptional || kind == TypeKind::kList || kind == TypeKind::kArray) {
    return is_known<typename T::value_type>();
  } else if constexpr (kind == TypeKind::kMap) {
    return is_known<typename T::key_type>() && is_known<typename T::mapped_type>();
  } else if constexpr (kind == TypeKind::kVariant) {
    return []<class... A>(std::type_identity<std::variant<A...>>) { return (is_known<A>() && ...); }(std::type_identity<T>{});
  } else if constexpr (kind == TypeKind::kStruct) {
    return []<class... F>(TypeList<F...>) { return (is_known<std::remove_cv_t<F>>() && ...); }(FieldTypes<T>{});
  } else {
    return kind != TypeKind::kNone;
  }
}

/// Whether a class that names its members in a schema is part of the type: it may have others.
template <class T>
consteval bool hides_members() {
  constexpr TypeKind kind = kind_v<T>;
  if constexpr (kind == TypeKind::kOptional || kind == TypeKind::kArray) {
    return hides_members<typename T::value_type>();
  } else if constexpr (kind == TypeKind::kVariant) {
    return []<class... A>(std::type_identity<std::variant<A...>>) { return (hides_members<A>() || ...); }(std::type_identity<T>{});
  } else if constexpr (kind == TypeKind::kStruct) {
    if (declares_members_v<T>) return true;
    return []<class... F>(TypeList<F...>) { return (hides_members<std::remove_cv_t<F>>() || ...); }(FieldTypes<T>{});
  } else {
    return false;
  }
}

/// Whether a record lies in memory here as it would in another process of the same executable, but for where its views point.
template <class T>
consteval bool is_plain_record() {
  if constexpr (!is_known<T>() || !std::is_trivially_copyable_v<T>) {
    return false;
  } else {
    return !hides_members<T>();
  }
}

template <class T>
class TypedBatchCodec final : public BatchCodec {
 public:
  /// One for all.
  static const TypedBatchCodec& instance() {
    static const TypedBatchCodec codec;
    return codec;
  }

  std::unique_ptr<Batch> make_batch(std::uint32_t capacity) const override { return std::make_unique<TypedBatch<T>>(capacity); }

  std::uint32_t encode(const Batch& batch, std::uint32_t begin, std::size_t enough, ByteWriter& out) const override {
    const std::size_t at = out.size();
    out.put_u32(0);
    out.put_u8(batch.has_hashes() ? 1 : 0);
    const std::uint32_t end = put_values(static_cast<const TypedBatch<T>&>(batch), begin, enough, out);
    const std::uint32_t count = end - begin;
    std::memcpy(out.data() + at, &count, sizeof count);
    put_column(batch.timestamps() + begin, count, out);
    if (batch.has_hashes()) put_column(batch.hashes() + begin, count, out);
    return end;
  }

  bool decode(ByteReader& in, Batch& batch) const override {
    auto& to = static_cast<TypedBatch<T>&>(batch);
    const std::string_view bytes = in.rest();
    const bool fits = get_records(in, to) && in.ok() && in.remaining() == 0;
    if (fits) {
      to.set_borrowed_text({bytes.data(), bytes.data() + bytes.size()});
    } else {
      to.clear();
    }
    return fits;
  }

 private:
  static std::uint32_t put_values(const TypedBatch<T>& batch, std::uint32_t begin, std::size_t enough, ByteWriter& out) {
    const T* values = batch.values();
    if constexpr (is_plain_record<T>()) {
      const std::uint32_t end = end_of_part(values, begin, batch.size(), enough);
      put_column(values + begin, end - begin, out);
      put_texts(values + begin, end - begin, out);
      return end;
    } else {
      const std::size_t from = out.size();
      std::uint32_t end = begin;
      do {
        detail::encode(values[end++], out);
      } while (end < batch.size() && out.size() - from < enough);
      return end;
    }
  }

  // Of plain records, whose sizes are known before they are written.
  static std::uint32_t end_of_part(const T* values, std::uint32_t begin, std::uint32_t size, std::size_t enough) {
    constexpr std::size_t kRowBytes = sizeof(T) + sizeof(std::int64_t) + sizeof(std::uint64_t);
    if constexpr (contains_views_v<T>) {
      std::uint32_t end = begin;
      std::size_t bytes = 0;
      do {
        bytes += kRowBytes;
        for_each_view(values[end++], [&](std::string_view view) { bytes += view.size(); });
      } while (end < size && bytes < enough);
      return end;
    } else {
      return begin + static_cast<std::uint32_t>(std::clamp<std::size_t>(enough / kRowBytes, 1, size - begin));
    }
  }

  static bool get_records(ByteReader& in, TypedBatch<T>& to) {
    const std::uint32_t count = in.get_u32();
    const std::uint8_t has_hashes = in.get_u8();
    if (count > to.capacity() || has_hashes > 1) return false;
    to.set_has_hashes(has_hashes == 1);
    return get_values(in, to, count) && get_column(in, to.timestamps(), count) && (has_hashes == 0 || get_column(in, to.hashes(), count));
  }

  static bool get_values(ByteReader& in, TypedBatch<T>& to, std::uint32_t count) {
    if constexpr (is_plain_record<T>()) {
      if (!get_column(in, to.values(), count)) return false;
      to.set_size(count);
      get_texts(in, to);
    } else {
      for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        detail::decode(in, *new (to.values() + i) T());
        to.set_size(i + 1);
      }
    }
    return in.ok();
  }

  template <class Value>
  static void put_column(const Value* values, std::uint32_t count, ByteWriter& out) {
    out.put_bytes({reinterpret_cast<const char*>(values), count * sizeof(Value)});
  }
  template <class Value>
  static bool get_column(ByteReader& in, Value* values, std::uint32_t count) {
    const std::string_view bytes = in.get_bytes(count * sizeof(Value));
    if (!in.ok()) return false;
    // A trivially copyable type, which may have no default constructor.
    if (!bytes.empty()) std::memcpy(static_cast<void*>(values), bytes.data(), bytes.size());
    return true;
  }

  // Of all views in the order of records and fields; how long each is stands in the view itself.
  static void put_texts(const T* values, std::uint32_t count, ByteWriter& out) {
    if constexpr (contains_views_v<T>) {
      for (std::uint32_t i = 0; i < count; ++i) {
        for_each_view(values[i], [&](std::string_view view) { out.put_bytes(view); });
      }
    }
  }
  static void get_texts(ByteReader& in, TypedBatch<T>& to) {
    if constexpr (contains_views_v<T>) {
      for (std::uint32_t i = 0; i < to.size(); ++i) {
        for_each_view(to.values()[i], [&](std::string_view& view) { view = in.get_bytes(view.size()); });
      }
    }
  }
};

/// Of a stream's records; null where they can't leave the process, as nobody knows what is in them.
template <class T>
const BatchCodec* batch_codec() {
  if constexpr (is_plain_record<T>() || (is_known<T>() && std::is_default_constructible_v<T>)) {
    return &TypedBatchCodec<T>::instance();
  } else {
    return nullptr;
  }
}

}  // namespace tidemark::detail
