#include "codec/scalar_text.h"

#include <fast_float/fast_float.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <limits>

namespace tidemark {
namespace {

constexpr std::ptrdiff_t kSafeDigits = 19;  // so many fit into a uint64 whatever they are

bool is_digit(char c) { return c >= '0' && c <= '9'; }
std::uint64_t digit_at(const char* at) { return static_cast<std::uint64_t>(*at - '0'); }

// A number as JSON writes it, but for its exponent.
struct Decimal {
  bool negative = false;
  bool has_exponent = false;
  std::uint64_t digits = 0;         // before and behind the point; wrapped around if there are more than kSafeDigits
  std::ptrdiff_t digit_count = 0;
  std::ptrdiff_t fraction_digits = 0;
};

const char* scan_digits(const char* at, const char* end, std::uint64_t& digits) {
  for (; at != end && is_digit(*at); ++at) digits = digits * 10 + digit_at(at);
  return at;
}

std::optional<Decimal> scan_decimal(std::string_view text) {
  Decimal decimal;
  const char* at = text.data();
  const char* const end = at + text.size();
  decimal.negative = at != end && *at == '-';
  if (decimal.negative) ++at;
  const char* const whole = at;
  at = scan_digits(at, end, decimal.digits);
  decimal.digit_count = at - whole;
  if (decimal.digit_count == 0 || (*whole == '0' && decimal.digit_count > 1)) return std::nullopt;
  if (at != end && *at == '.') {
    const char* const fraction = ++at;
    at = scan_digits(at, end, decimal.digits);
    decimal.fraction_digits = at - fraction;
    decimal.digit_count += decimal.fraction_digits;
    if (decimal.fraction_digits == 0) return std::nullopt;
  }
  decimal.has_exponent = at != end && (*at == 'e' || *at == 'E');
  if (decimal.has_exponent) {
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    std::uint64_t exponent_digits = 0;
    const char* const exponent = at;
    at = scan_digits(at, end, exponent_digits);
    if (at == exponent) return std::nullopt;
  }
  return at == end ? std::optional{decimal} : std::nullopt;
}

// A quotient of two numbers that a double holds exactly is rounded once, as it should be.
std::optional<double> exact_quotient(const Decimal& decimal) {
  static constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                          1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                          1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  constexpr std::uint64_t kLargestExact = std::uint64_t{1} << std::numeric_limits<double>::digits;
  if (decimal.has_exponent || decimal.digit_count > kSafeDigits || decimal.digits > kLargestExact) return std::nullopt;
  const double magnitude =
      static_cast<double>(decimal.digits) / kPowersOfTen[static_cast<std::size_t>(decimal.fraction_digits)];
  return decimal.negative ? -magnitude : magnitude;
}

template <class T>
ScalarOutcome store_as(bool negative, std::uint64_t magnitude, void* to) {
  T value{};
  if (negative) {
    const auto lowest =
        std::uint64_t{0} - static_cast<std::uint64_t>(static_cast<std::int64_t>(std::numeric_limits<T>::min()));
    if (magnitude > lowest) return ScalarOutcome::kOutOfRange;
    value = static_cast<T>(std::uint64_t{0} - magnitude);
  } else {
    if (magnitude > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return ScalarOutcome::kOutOfRange;
    value = static_cast<T>(magnitude);
  }
  std::memcpy(to, &value, sizeof value);
  return ScalarOutcome::kOk;
}

ScalarOutcome store_magnitude(bool negative, std::uint64_t magnitude, TypeKind kind, void* to) {
  switch (kind) {
    case TypeKind::kInt8:
      return store_as<std::int8_t>(negative, magnitude, to);
    case TypeKind::kInt16:
      return store_as<std::int16_t>(negative, magnitude, to);
    case TypeKind::kInt32:
      return store_as<std::int32_t>(negative, magnitude, to);
    case TypeKind::kInt64:
      return store_as<std::int64_t>(negative, magnitude, to);
    case TypeKind::kUint8:
      return store_as<std::uint8_t>(negative, magnitude, to);
    case TypeKind::kUint16:
      return store_as<std::uint16_t>(negative, magnitude, to);
    case TypeKind::kUint32:
      return store_as<std::uint32_t>(negative, magnitude, to);
    case TypeKind::kUint64:
      return store_as<std::uint64_t>(negative, magnitude, to);
    default:
      return ScalarOutcome::kMalformed;
  }
}

// Reads fixed-width decimal parts of a time from the front.
class TimeScanner {
 public:
  explicit TimeScanner(std::string_view text) : at_{text.data()}, end_{text.data() + text.size()} {}

  bool done() const { return at_ == end_; }
  bool next_is(char c) const { return at_ != end_ && *at_ == c; }
  bool skip(char c) {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }
  /// Exactly `digits` digits, or -1.
  int number(int digits) {
    int value = 0;
    for (int i = 0; i < digits; ++i) {
      if (at_ == end_ || !is_digit(*at_)) return -1;
      value = value * 10 + (*at_++ - '0');
    }
    return value;
  }
  /// The digits after a decimal point as nanoseconds, finer ones cut off; -1 without any.
  std::int64_t nanoseconds() {
    const char* begin = at_;
    std::int64_t value = 0;
    std::int64_t scale = 1'000'000'000;
    for (; at_ != end_ && is_digit(*at_); ++at_) {
      scale /= 10;
      value += (*at_ - '0') * scale;
    }
    return at_ == begin ? -1 : value;
  }

 private:
  const char* at_;
  const char* end_;
};

struct Instant {
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;
};

std::optional<std::int64_t> scan_date(TimeScanner& in) {
  const int year = in.number(4);
  if (year < 0 || !in.skip('-')) return std::nullopt;
  const int month = in.number(2);
  if (month < 0 || !in.skip('-')) return std::nullopt;
  const int day = in.number(2);
  if (day < 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return detail::days_of(date);
}

// Seconds east of UTC.
std::optional<std::int64_t> scan_zone(TimeScanner& in) {
  if (in.done() || in.skip('Z')) return 0;
  const bool west = in.next_is('-');
  if (!in.skip('-') && !in.skip('+')) return std::nullopt;
  const int hours = in.number(2);
  in.skip(':');
  const int minutes = in.done() ? 0 : in.number(2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  const std::int64_t east = hours * 3600 + minutes * 60;
  return west ? -east : east;
}

std::optional<Instant> parse_iso(std::string_view text) {
  TimeScanner in{text};
  const auto days = scan_date(in);
  if (!days) return std::nullopt;
  Instant instant{*days * 86400, 0};
  if (in.done()) return instant;
  if (!in.skip('T') && !in.skip(' ')) return std::nullopt;
  const int hour = in.number(2);
  if (hour < 0 || hour > 23 || !in.skip(':')) return std::nullopt;
  const int minute = in.number(2);
  if (minute < 0 || minute > 59) return std::nullopt;
  instant.seconds += hour * 3600 + minute * 60;
  if (in.skip(':')) {
    const int second = in.number(2);
    if (second < 0 || second > 59) return std::nullopt;
    instant.seconds += second;
    if (in.skip('.') && (instant.nanoseconds = in.nanoseconds()) < 0) return std::nullopt;
  }
  const auto east = scan_zone(in);
  if (!east || !in.done()) return std::nullopt;
  instant.seconds -= *east;
  return instant;
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (is_digit(c)) return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

template <class T>
ScalarOutcome store_float_as(std::string_view text, void* to) {
  T value{};
  fast_float::from_chars(text.data(), text.data() + text.size(), value);
  if (value - value != 0) return ScalarOutcome::kOutOfRange;
  std::memcpy(to, &value, sizeof value);
  return ScalarOutcome::kOk;
}

}  // namespace

bool is_json_number(std::string_view text) noexcept { return scan_decimal(text).has_value(); }

ScalarOutcome store_integer(std::string_view text, TypeKind kind, void* to) noexcept {
  const char* at = text.data();
  const char* const end = at + text.size();
  const bool negative = at != end && *at == '-';
  if (negative) ++at;
  const char* const digits = at;
  std::uint64_t magnitude = 0;
  bool overflow = false;
  const char* const safe_end = end - digits > kSafeDigits ? digits + kSafeDigits : end;
  for (; at != safe_end && is_digit(*at); ++at) magnitude = magnitude * 10 + digit_at(at);
  for (; at != end && is_digit(*at); ++at) {
    overflow |=
        __builtin_mul_overflow(magnitude, 10, &magnitude) || __builtin_add_overflow(magnitude, digit_at(at), &magnitude);
  }
  if (at != end) return is_json_number(text) ? ScalarOutcome::kFraction : ScalarOutcome::kMalformed;
  if (at == digits || (*digits == '0' && at - digits > 1)) return ScalarOutcome::kMalformed;
  if (overflow) return ScalarOutcome::kOutOfRange;
  return store_magnitude(negative, magnitude, kind, to);
}

ScalarOutcome store_float(std::string_view text, TypeKind kind, void* to) noexcept {
  const auto decimal = scan_decimal(text);
  if (!decimal) return ScalarOutcome::kMalformed;
  if (kind == TypeKind::kFloat32) return store_float_as<float>(text, to);
  const auto value = exact_quotient(*decimal);
  if (!value) return store_float_as<double>(text, to);
  std::memcpy(to, &*value, sizeof *value);
  return ScalarOutcome::kOk;
}

ScalarOutcome store_count(std::string_view text, const detail::ValueLayout& layout, void* to) noexcept {
  std::int64_t count = 0;
  const ScalarOutcome outcome = store_integer(text, TypeKind::kInt64, &count);
  if (outcome != ScalarOutcome::kOk) return outcome;
  return layout.set_count(to, count) ? ScalarOutcome::kOk : ScalarOutcome::kOutOfRange;
}

ScalarOutcome store_iso_time(std::string_view text, const detail::ValueLayout& layout, void* to) noexcept {
  const auto instant = parse_iso(text);
  if (!instant || layout.kind == TypeKind::kDuration) return ScalarOutcome::kMalformed;
  // count = floor((seconds + nanoseconds / 1e9) * den / num), in 128 bits, which hold it.
  const __int128 nanoseconds = __int128{instant->seconds} * 1'000'000'000 + instant->nanoseconds;
  const __int128 dividend = nanoseconds * layout.unit_den;
  const __int128 divisor = __int128{layout.unit_num} * 1'000'000'000;
  __int128 count = dividend / divisor;
  if (count * divisor > dividend) --count;
  if (count < std::numeric_limits<std::int64_t>::min() || count > std::numeric_limits<std::int64_t>::max())
    return ScalarOutcome::kOutOfRange;
  return layout.set_count(to, static_cast<std::int64_t>(count)) ? ScalarOutcome::kOk : ScalarOutcome::kOutOfRange;
}

std::optional<std::int64_t> find_enumerator(const detail::ValueLayout& layout, std::string_view text) noexcept {
  const auto found = std::ranges::find(layout.enumerators, text, &TypeEnumerator::name);
  if (found == layout.enumerators.end()) return std::nullopt;
  return found->value;
}

void store_enum(std::int64_t value, TypeKind underlying, void* to) noexcept {
  const bool negative = value < 0 && underlying != TypeKind::kUint64;
  const auto bits = static_cast<std::uint64_t>(value);
  store_magnitude(negative, negative ? std::uint64_t{0} - bits : bits, underlying, to);
}

bool decode_base64(std::string_view text, std::string& bytes) {
  bytes.clear();
  if (text.size() % 4 != 0) return false;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool padded = i >= text.size() - padding;
    const int value = padded ? 0 : base64_value(text[i]);
    if (value < 0) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if (i % 4 != 3) continue;
    bytes += static_cast<char>(bits >> 16);
    bytes += static_cast<char>(bits >> 8);
    bytes += static_cast<char>(bits);
  }
  bytes.resize(bytes.size() - padding);
  return true;
}

}  // namespace tidemark
