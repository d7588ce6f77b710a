// A growing run of bytes and a bounds-checked reader of one: what every codec writes to and reads from.
//
// Integers are little endian; varints are LEB128. A reader never reads past its end: it turns into the failed state, in
// which it returns zeros and empty views, so that a decoder checks ok() once at its end. Not for sharing between threads.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tidemark::detail {

static_assert(std::endian::native == std::endian::little, "the formats are written as they lie in memory");

class ByteWriter {
 public:
  void put_u8(std::uint8_t v) { bytes_.push_back(static_cast<char>(v)); }
  void put_u16(std::uint16_t v) { put_fixed(v); }
  void put_u32(std::uint32_t v) { put_fixed(v); }
  void put_u64(std::uint64_t v) { put_fixed(v); }
  void put_i64(std::int64_t v) { put_fixed(v); }
  void put_varint(std::uint64_t v) {
    char buffer[10];
    int n = 0;
    while (v >= 0x80) {
      buffer[n++] = static_cast<char>(v | 0x80);
      v >>= 7;
    }
    buffer[n++] = static_cast<char>(v);
    bytes_.append(buffer, n);
  }
  /// Zigzag, so that small negative numbers are short.
  void put_signed_varint(std::int64_t v) {
    put_varint((static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63));
  }
  void put_bytes(std::string_view bytes) { bytes_.append(bytes); }
  /// Length as a varint, then the bytes.
  void put_string(std::string_view s) {
    put_varint(s.size());
    bytes_.append(s);
  }

  std::string_view view() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  void clear() { bytes_.clear(); }
  void reserve(std::size_t n) { bytes_.reserve(n); }
  char* data() { return bytes_.data(); }
  std::string take() { return std::move(bytes_); }
  std::string& buffer() { return bytes_; }

 private:
  template <class T>
  void put_fixed(T v) {
    char buffer[sizeof v];
    std::memcpy(buffer, &v, sizeof v);
    bytes_.append(buffer, sizeof v);
  }
  std::string bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : begin_{bytes.data()}, at_{bytes.data()}, end_{bytes.data() + bytes.size()} {}

  std::uint8_t get_u8() { return get_fixed<std::uint8_t>(); }
  std::uint16_t get_u16() { return get_fixed<std::uint16_t>(); }
  std::uint32_t get_u32() { return get_fixed<std::uint32_t>(); }
  std::uint64_t get_u64() { return get_fixed<std::uint64_t>(); }
  std::int64_t get_i64() { return get_fixed<std::int64_t>(); }
  std::uint64_t get_varint() {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) break;
      const auto byte = static_cast<std::uint8_t>(*at_++);
      if (shift == 63 && byte > 1) break;
      v |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
    fail();
    return 0;
  }
  std::int64_t get_signed_varint() {
    const std::uint64_t v = get_varint();
    return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
  }
  /// A view into the bytes being read.
  std::string_view get_bytes(std::uint64_t size) {
    if (size > remaining()) {
      fail();
      return {};
    }
    std::string_view result{at_, static_cast<std::size_t>(size)};
    at_ += size;
    return result;
  }
  std::string_view get_string() { return get_bytes(get_varint()); }

  /// What has not been read yet.
  std::string_view rest() const { return {at_, remaining()}; }

  bool ok() const { return ok_; }
  void fail() {
    ok_ = false;
    at_ = end_;
  }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }
  std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  template <class T>
  T get_fixed() {
    if (remaining() < sizeof(T)) {
      fail();
      return 0;
    }
    T v;
    std::memcpy(&v, at_, sizeof v);
    at_ += sizeof v;
    return v;
  }
  const char* begin_;
  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace tidemark::detail
