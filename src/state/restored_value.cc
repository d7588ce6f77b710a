#include "state/restored_value.h"

#include "tidemark/detail/state/stamped.h"

namespace tidemark {
namespace {

using detail::ByteReader;
using detail::ByteWriter;
using Kind = StateDescriptor::Kind;

// What stands before the value itself; see stamped.h. Takes it off `bytes`.
std::optional<std::string_view> take_stamps(Kind kind, std::string_view& bytes) {
  ByteReader reader{bytes};
  if (kind == Kind::kValue) {
    reader.get_u32();
  } else {
    detail::get_stamps(reader);
  }
  if (!reader.ok()) return std::nullopt;
  const std::string_view stamps = bytes.substr(0, reader.position());
  bytes = reader.rest();
  return stamps;
}

// For every part of a value that has none; false if it can't have so many parts.
bool put_new_stamps(Kind kind, std::string_view value, std::uint32_t written_s, ByteWriter& to) {
  std::uint64_t count = 1;
  if (kind != Kind::kValue) {
    ByteReader reader{value};
    count = reader.get_varint();
    if (!reader.ok() || count > reader.remaining()) return false;
    detail::put_stamp_count(count, to);
  }
  for (; count > 0; --count) to.put_u32(written_s);
  return true;
}

}  // namespace

RestoredValue::RestoredValue(const StateDescriptor& saved, const StateDescriptor& declared, const Conversion& conversion,
                             std::uint32_t written_s)
    : conversion_{conversion},
      kind_{saved.kind},
      saved_has_ttl_{saved.has_ttl},
      declared_has_ttl_{declared.has_ttl},
      written_s_{written_s} {}

std::optional<std::string_view> RestoredValue::of(std::string_view saved) {
  if (conversion_.same && saved_has_ttl_ == declared_has_ttl_) return saved;
  std::string_view value = saved;
  std::string_view stamps;
  if (saved_has_ttl_) {
    const auto taken = take_stamps(kind_, value);
    if (!taken) return std::nullopt;
    stamps = *taken;
  }
  if (!conversion_.same) {
    if (!convert_value(conversion_, value, converted_)) return std::nullopt;
    value = converted_.view();
  }
  if (!declared_has_ttl_) return value;
  stamped_.clear();
  if (saved_has_ttl_) {
    stamped_.put_bytes(stamps);
  } else if (!put_new_stamps(kind_, value, written_s_, stamped_)) {
    return std::nullopt;
  }
  stamped_.put_bytes(value);
  return stamped_.view();
}

}  // namespace tidemark
