// Time zones against those of the C library, which reads the same database by code of its own.
#include "tidemark/detail/event_time/time_zone.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace tidemark::detail {
namespace {

constexpr std::int64_t kHour = 3600;

std::string file_of(const std::string& zone) {
  std::ifstream file{"/usr/share/zoneinfo/" + zone, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

class TimeZones : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string file = file_of(GetParam());
    if (file.empty()) GTEST_SKIP() << "this machine has no time zone database";
    zone_ = TimeZone::parse(file);
    ASSERT_TRUE(zone_);
    setenv("TZ", GetParam(), 1);
    tzset();
  }
  void TearDown() override {
    unsetenv("TZ");
    tzset();
  }
  static std::int64_t offset_by_the_library(std::int64_t utc) {
    const std::time_t t = utc;
    std::tm local{};
    localtime_r(&t, &local);
    return local.tm_gmtoff;
  }
  std::optional<TimeZone> zone_;
  std::mt19937_64 random_{20260325};
};
INSTANTIATE_TEST_SUITE_P(Some, TimeZones,
                         ::testing::Values("Europe/Berlin", "Europe/Dublin", "America/New_York", "America/St_Johns", "America/Sao_Paulo", "Asia/Kolkata",
                                           "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "America/Havana", "UTC",
                                           "America/Nuuk", "Asia/Tehran"));

// From 1900 to 2300: changes of the file, and of its rule beyond.
TEST_P(TimeZones, OffsetsAreThoseOfTheLibrary) {
  for (int i = 0; i < 20'000; ++i) {
    const std::int64_t utc = -2'208'988'800 + static_cast<std::int64_t>(random_() % (400ull * 31'556'952));
    ASSERT_EQ(zone_->offset_at(utc), offset_by_the_library(utc)) << utc;
  }
}

TEST_P(TimeZones, TheFirstMomentOfALocalTimeIsFirst) {
  for (int i = 0; i < 3'000; ++i) {
    // Near a change every second time, where there is one.
    std::int64_t near = -1'000'000'000 + static_cast<std::int64_t>(random_() % 6'000'000'000);
    if (i % 2 == 0) {
      for (int steps = 0; steps < 400 && offset_by_the_library(near) == offset_by_the_library(near + kHour * 24); ++steps) near += kHour * 24;
    }
    const std::int64_t local = near + zone_->offset_at(near) + static_cast<std::int64_t>(random_() % (6 * kHour)) - 3 * kHour;
    const std::int64_t found = zone_->first_at(local);
    ASSERT_GE(found + offset_by_the_library(found), local);
    for (std::int64_t before = found - 1; before > found - 30 * kHour; before -= 1 + static_cast<std::int64_t>(random_() % 2000)) {
      ASSERT_LT(before + offset_by_the_library(before), local) << found << " " << before;
    }
  }
}

TEST_P(TimeZones, TheCalendarRepeatsAfter400Years) {
  constexpr std::int64_t kCycle = std::int64_t{146'097} * 86'400;
  for (int i = 0; i < 2'000; ++i) {
    const std::int64_t utc = 4'000'000'000 + static_cast<std::int64_t>(random_() % 10'000'000'000);
    ASSERT_EQ(zone_->offset_at(utc), zone_->offset_at(utc + 7 * kCycle));
    ASSERT_EQ(zone_->first_at(utc) + 7 * kCycle, zone_->first_at(utc + 7 * kCycle));
  }
}

TEST(TimeZone, DamagedFilesAreRefusedOrRead) {
  const std::string whole = file_of("Europe/Berlin");
  if (whole.empty()) GTEST_SKIP() << "this machine has no time zone database";
  EXPECT_FALSE(TimeZone::parse(""));
  EXPECT_FALSE(TimeZone::parse("TZif"));
  std::mt19937_64 random{1};
  for (std::size_t size = 0; size < whole.size(); size += 1 + random() % 20) {
    if (const auto zone = TimeZone::parse(whole.substr(0, size))) {
      EXPECT_LT(zone->offset_at(0), 100'000);
    }
  }
  for (int i = 0; i < 5'000; ++i) {
    std::string damaged = whole;
    for (std::uint64_t n = 1 + random() % 4; n > 0; --n) damaged[random() % damaged.size()] = static_cast<char>(random());
    if (const auto zone = TimeZone::parse(damaged)) {
      const auto utc = static_cast<std::int64_t>(random() % 100'000'000'000) - 50'000'000'000;
      static_cast<void>(zone->offset_at(utc));
      static_cast<void>(zone->first_at(utc));
    }
  }
}

}  // namespace
}  // namespace tidemark::detail
