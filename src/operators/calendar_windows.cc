#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/result.h"
#include "env/posix_file_system.h"
#include "tidemark/detail/event_time/time_zone.h"
#include "tidemark/window.h"

namespace tidemark {
namespace {

constexpr std::int64_t kDayS = 86'400;
/// About 27,000 years: what std::chrono has years for.
constexpr Timestamp kFurthest{std::int64_t{10'000'000} * kDayS * 1000};

bool may_be_zone(std::string_view name) {
  return !name.empty() && name.front() != '/' && name.find("..") == std::string_view::npos &&
         name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == std::string_view::npos;
}

using Zone = std::shared_ptr<const detail::TimeZone>;

/// The zone, or what is wrong with its name.
std::expected<Zone, std::string> load_zone(const std::string& name) {
  if (!may_be_zone(name)) return std::unexpected{"is no name of one: write it as in \"Europe/Berlin\""};
  const std::string path = "/usr/share/zoneinfo/" + name;
  const auto file = read_file(posix_file_system(), path, 1 << 20);
  if (!file) return std::unexpected{"can't be read: " + file.error().message() + ". Is the name right, and the package tzdata installed?"};
  auto parsed = detail::TimeZone::parse(*file);
  if (!parsed) return std::unexpected{"is in a file that is none of the time zone database: " + path};
  return std::make_shared<const detail::TimeZone>(std::move(*parsed));
}

/// [first, second) in days since 1970.
std::pair<std::int64_t, std::int64_t> days_around(std::int64_t day, detail::CalendarUnit unit) {
  using namespace std::chrono;
  if (unit == detail::CalendarUnit::kDay) return {day, day + 1};
  const sys_days date{std::chrono::days{static_cast<std::chrono::days::rep>(day)}};
  if (unit == detail::CalendarUnit::kWeek) {
    const sys_days monday = date - (weekday{date} - Monday);
    return {monday.time_since_epoch().count(), (monday + std::chrono::days{7}).time_since_epoch().count()};
  }
  const year_month_day parts{date};
  const year_month month = parts.year() / parts.month();
  return {sys_days{month / 1}.time_since_epoch().count(), sys_days{(month + std::chrono::months{1}) / 1}.time_since_epoch().count()};
}

}  // namespace

// The machine's database is a part of the machine as its clock's zone is, not one of the job's files.
CalendarWindows::CalendarWindows(detail::CalendarUnit unit, std::string zone) : unit_{unit} {
  if (auto loaded = load_zone(zone)) {
    zone_ = std::move(*loaded);
  } else {
    problem_ = Error{ErrorCode::kInvalidArgument, "the time zone '" + zone + "' " + loaded.error()};
  }
}

Window CalendarWindows::window_of(Timestamp at) const {
  if (at < Timestamp{-kFurthest.ms()} || at > kFurthest) throw detail::no_window_for(at);
  const std::int64_t utc = detail::floor_to_grid(at.ms(), 1000, 0) / 1000;
  const std::int64_t local = utc + zone_->offset_at(utc);
  auto [first, end] = days_around(detail::floor_to_grid(local, kDayS, 0) / kDayS, unit_);
  // Clocks that go back over midnight show the day before once more: it is over all the same.
  while (zone_->first_at(end * kDayS) <= utc) std::tie(first, end) = days_around(end, unit_);
  return {Timestamp{zone_->first_at(first * kDayS) * 1000}, Timestamp{zone_->first_at(end * kDayS) * 1000}};
}

}  // namespace tidemark
