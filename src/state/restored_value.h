// How the bytes of a saved value become those of the state that the job declares: of a type that has changed, and with or
// without a time to live where the saved state was without or with one. Not for sharing between threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "codec/conversion.h"
#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

class RestoredValue {
 public:
  /// `conversion` is that of the two types, and must outlive this. What was saved without a time of writing counts as
  /// written at `written_s`.
  RestoredValue(const StateDescriptor& saved, const StateDescriptor& declared, const Conversion& conversion,
                std::uint32_t written_s);

  /// Valid until the next call. Nothing if the bytes are none of the saved type.
  std::optional<std::string_view> of(std::string_view saved);

 private:
  const Conversion& conversion_;
  StateDescriptor::Kind kind_;
  bool saved_has_ttl_;
  bool declared_has_ttl_;
  std::uint32_t written_s_;
  detail::ByteWriter converted_;
  detail::ByteWriter stamped_;
};

}  // namespace tidemark
