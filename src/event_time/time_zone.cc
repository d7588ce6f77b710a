#include "tidemark/detail/event_time/time_zone.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>

#include "tidemark/detail/event_time/window_spec.h"

namespace tidemark::detail {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;
/// After 400 years the calendar repeats, weekdays included.
constexpr std::int64_t kCycle = 146'097 * kDaySeconds;
/// Clocks differ from UTC by less.
constexpr std::int64_t kMostOffset = 26 * 3600;

/// Big endian numbers of a file. What is not there reads as zero and makes the cursor bad.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_{bytes} {}

  std::int64_t number(std::size_t size) {
    const std::string_view digits = take(size);
    std::uint64_t value = !digits.empty() && (digits[0] & 0x80) != 0 ? ~std::uint64_t{0} : 0;
    for (const char digit : digits) value = value << 8 | static_cast<std::uint8_t>(digit);
    return static_cast<std::int64_t>(value);
  }
  std::string_view take(std::size_t size) {
    if (size > bytes_.size()) {
      good_ = false;
      return {};
    }
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::string_view rest() const { return bytes_; }
  bool good() const { return good_; }

 private:
  std::string_view bytes_;
  bool good_ = true;
};

struct Header {
  char version = 0;
  std::size_t utc_flags = 0;
  std::size_t standard_flags = 0;
  std::size_t leaps = 0;
  std::size_t changes = 0;
  std::size_t types = 0;
  std::size_t letters = 0;

  std::size_t size(std::size_t time_size) const {
    return changes * (time_size + 1) + types * 6 + letters + leaps * (time_size + 4) + standard_flags + utc_flags;
  }
};

std::optional<Header> read_header(Cursor& cursor) {
  if (cursor.take(4) != "TZif") return std::nullopt;
  const std::string_view version = cursor.take(1);
  cursor.take(15);
  Header header;
  for (std::size_t* count : {&header.utc_flags, &header.standard_flags, &header.leaps, &header.changes, &header.types, &header.letters}) {
    const std::int64_t value = cursor.number(4);
    if (value < 0 || value > 1 << 20) return std::nullopt;
    *count = static_cast<std::size_t>(value);
  }
  if (!cursor.good() || header.types == 0) return std::nullopt;
  header.version = version[0];
  return header;
}

/// A day of each year, and the time on it: "M3.5.0/2", "J60", "59".
struct YearlyMoment {
  enum class Kind { kWeekday, kDayWithoutLeap, kDay };
  Kind kind = Kind::kDay;
  int month = 0;
  int week = 0;
  int day = 0;
  std::int64_t time = 2 * 3600;

  /// Local seconds since 1970.
  std::int64_t in(int year) const {
    using namespace std::chrono;
    const auto first = sys_days{std::chrono::year{year} / January / 1};
    sys_days date = first + days{day};
    if (kind == Kind::kDayWithoutLeap) {
      date = first + days{day - 1};
      if (std::chrono::year{year}.is_leap() && day >= 60) date += days{1};
    } else if (kind == Kind::kWeekday) {
      const auto in_month = std::chrono::year{year} / std::chrono::month{static_cast<unsigned>(month)};
      const weekday on{static_cast<unsigned>(day)};
      date = week == 5 ? sys_days{in_month / on[last]} : sys_days{in_month / on[static_cast<unsigned>(week)]};
    }
    return date.time_since_epoch().count() * kDaySeconds + time;
  }
};

/// The rule for the years to come, as in the variable TZ of POSIX: "CET-1CEST,M3.5.0,M10.5.0/3".
class RuleText {
 public:
  explicit RuleText(std::string_view text) : text_{text} {}

  bool skip_name() {
    if (take('<')) {
      while (!text_.empty() && text_[0] != '>') text_.remove_prefix(1);
      return take('>');
    }
    const std::size_t before = text_.size();
    while (!text_.empty() && ((text_[0] | 0x20) >= 'a' && (text_[0] | 0x20) <= 'z')) text_.remove_prefix(1);
    return text_.size() < before;
  }
  /// "[+-]h[h[h]][:mm[:ss]]" in seconds.
  std::optional<std::int64_t> time() {
    const bool negative = take('-');
    if (!negative) take('+');
    std::int64_t seconds = 0;
    std::int64_t unit = 3600;
    do {
      const auto part = number();
      if (!part) return std::nullopt;
      seconds += *part * unit;
      unit /= 60;
    } while (unit > 0 && take(':'));
    return negative ? -seconds : seconds;
  }
  std::optional<YearlyMoment> moment() {
    YearlyMoment result;
    if (take('M')) {
      result.kind = YearlyMoment::Kind::kWeekday;
      const auto month = number();
      const auto week = take('.') ? number() : std::nullopt;
      const auto day = take('.') ? number() : std::nullopt;
      if (!month || !week || !day || *month < 1 || *month > 12 || *week < 1 || *week > 5 || *day > 6) return std::nullopt;
      result.month = *month;
      result.week = *week;
      result.day = *day;
    } else {
      if (take('J')) result.kind = YearlyMoment::Kind::kDayWithoutLeap;
      const auto day = number();
      if (!day || *day > 365 || (result.kind == YearlyMoment::Kind::kDayWithoutLeap && *day == 0)) return std::nullopt;
      result.day = *day;
    }
    if (take('/')) {
      const auto at = time();
      if (!at) return std::nullopt;
      result.time = *at;
    }
    return result;
  }
  bool take(char expected) {
    if (text_.empty() || text_[0] != expected) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool at_end() const { return text_.empty(); }
  bool at_rule() const { return !text_.empty() && text_[0] == ','; }

 private:
  std::optional<int> number() {
    int value = 0;
    std::size_t digits = 0;
    while (digits < text_.size() && digits < 3 && text_[digits] >= '0' && text_[digits] <= '9') value = value * 10 + (text_[digits++] - '0');
    if (digits == 0) return std::nullopt;
    text_.remove_prefix(digits);
    return value;
  }
  std::string_view text_;
};

int year_of(std::int64_t utc) {
  using namespace std::chrono;
  return static_cast<int>(year_month_day{sys_days{days{floor_to_grid(utc, kDaySeconds, 0) / kDaySeconds}}}.year());
}

}  // namespace

std::optional<TimeZone> TimeZone::parse(std::string_view file) {
  Cursor cursor{file};
  const auto old = read_header(cursor);
  if (!old || old->version < '2') return std::nullopt;
  cursor.take(old->size(4));
  const auto header = read_header(cursor);
  if (!header) return std::nullopt;

  std::vector<std::int64_t> times(header->changes);
  for (std::int64_t& time : times) time = cursor.number(8);
  const std::string_view types = cursor.take(header->changes);
  std::vector<std::int64_t> offsets(header->types);
  for (std::int64_t& offset : offsets) {
    offset = cursor.number(4);
    cursor.take(2);
    if (offset <= -kMostOffset || offset >= kMostOffset) return std::nullopt;
  }
  cursor.take(header->size(8) - header->changes * 9 - header->types * 6);
  if (!cursor.good() || !std::is_sorted(times.begin(), times.end())) return std::nullopt;

  TimeZone zone;
  zone.first_offset_ = offsets[0];
  // The first change may stand at the beginning of all time; years are reckoned for this age alone.
  constexpr std::int64_t kThisAge = 10'000 * 366 * kDaySeconds;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto type = static_cast<std::uint8_t>(types[i]);
    if (type >= offsets.size() || times[i] > kThisAge) return std::nullopt;
    zone.changes_.push_back({std::max(times[i], -kThisAge), offsets[type]});
  }
  std::string_view rule = cursor.rest();
  if (!rule.starts_with('\n')) return std::nullopt;
  rule.remove_prefix(1);
  zone.add_years(rule.substr(0, rule.find('\n')));
  return zone;
}

// A rule that can't be read changes nothing: the last offset stays.
void TimeZone::add_years(std::string_view rule) {
  RuleText text{rule};
  if (!text.skip_name()) return;
  const auto standard_west = text.time();
  if (!standard_west || text.at_end()) return;
  if (!text.skip_name()) return;
  const std::int64_t standard = -*standard_west;
  std::int64_t summer = standard + 3600;
  if (!text.at_rule()) {
    const auto summer_west = text.time();
    if (!summer_west) return;
    summer = -*summer_west;
  }
  const auto begin = text.take(',') ? text.moment() : std::nullopt;
  const auto end = text.take(',') ? text.moment() : std::nullopt;
  if (!begin || !end || !text.at_end() || std::max(std::abs(standard), std::abs(summer)) >= kMostOffset) return;

  const std::int64_t known_until = changes_.empty() ? 0 : changes_.back().at;
  const int first_year = year_of(known_until);
  std::vector<Change> added;
  for (int year = first_year; year <= first_year + 401; ++year) {
    added.push_back({begin->in(year) - standard, summer});
    added.push_back({end->in(year) - summer, standard});
  }
  std::stable_sort(added.begin(), added.end(), [](const Change& a, const Change& b) { return a.at < b.at; });
  for (const Change& change : added) {
    if (changes_.empty() || change.at > known_until) changes_.push_back(change);
  }
  repeats_ = std::chrono::sys_days{std::chrono::year{first_year + 401} / std::chrono::January / 1}.time_since_epoch().count() * kDaySeconds;
}

std::vector<TimeZone::Change>::const_iterator TimeZone::first_change_after(std::int64_t utc) const {
  return std::upper_bound(changes_.begin(), changes_.end(), utc, [](std::int64_t t, const Change& change) { return t < change.at; });
}

std::int64_t TimeZone::offset_at(std::int64_t utc) const {
  if (repeats_ && utc >= *repeats_) utc -= ((utc - *repeats_) / kCycle + 1) * kCycle;
  const auto next = first_change_after(utc);
  return next == changes_.begin() ? first_offset_ : (next - 1)->offset;
}

std::int64_t TimeZone::first_at(std::int64_t local) const {
  if (repeats_ && local >= *repeats_) {
    const std::int64_t later = ((local - *repeats_) / kCycle + 1) * kCycle;
    return first_at(local - later) + later;
  }
  // One stretch of the same offset after the other, from one that is surely over before `local` is shown.
  auto next = first_change_after(local - 2 * kMostOffset);
  while (true) {
    const bool is_first = next == changes_.begin();
    const std::int64_t offset = is_first ? first_offset_ : (next - 1)->offset;
    const std::int64_t shown_at = is_first ? local - offset : std::max(local - offset, (next - 1)->at);
    if (next == changes_.end() || shown_at < next->at) return shown_at;
    ++next;
  }
}

}  // namespace tidemark::detail
