// A time zone: what its clocks show beside UTC, from a file of the IANA database (TZif, RFC 9636), which every Linux has.
//
// Behind the last change that the file lists, its rule for the years to come goes on, forever. All times are seconds since
// 1970, of UTC or as local clocks show them; years are those of the Gregorian calendar. Immutable; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tidemark::detail {

class TimeZone {
 public:
  /// None if the bytes are no TZif file of version 2 or later.
  static std::optional<TimeZone> parse(std::string_view file);

  /// What local clocks are ahead of UTC.
  std::int64_t offset_at(std::int64_t utc) const;

  /// The first moment at which local clocks show `local`, or, where they leap over it, more.
  std::int64_t first_at(std::int64_t local) const;

 private:
  struct Change {
    std::int64_t at;      // UTC
    std::int64_t offset;  // from then on
  };

  void add_years(std::string_view rule);
  std::vector<Change>::const_iterator first_change_after(std::int64_t utc) const;

  std::int64_t first_offset_ = 0;
  std::vector<Change> changes_;           // by time
  std::optional<std::int64_t> repeats_;  // from here on all is as 400 years before
};

}  // namespace tidemark::detail
