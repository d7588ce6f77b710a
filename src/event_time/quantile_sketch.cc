#include "tidemark/detail/event_time/quantile_sketch.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidemark::detail {
namespace {

constexpr double kAccuracy = 0.01;
constexpr double kGrowth = (1 + kAccuracy) / (1 - kAccuracy);
// Smaller ones count as zero, which keeps the buckets of denormal numbers away.
constexpr double kSmallest = std::numeric_limits<double>::min();

std::int32_t bucket_of(double magnitude) { return static_cast<std::int32_t>(std::ceil(std::log(magnitude) / std::log(kGrowth))); }
// In the middle of the bucket, as far from both bounds in proportion.
double value_of(std::int32_t bucket) { return 2 / (1 + kGrowth) * std::exp(static_cast<double>(bucket) * std::log(kGrowth)); }

void add_counts(std::map<std::int32_t, std::int64_t>& into, const std::map<std::int32_t, std::int64_t>& from) {
  for (const auto& [bucket, count] : from) into[bucket] += count;
}

}  // namespace

void QuantileSketch::insert(double value) {
  if (std::isnan(value)) return;
  ++count;
  const double magnitude = std::min(std::abs(value), std::numeric_limits<double>::max());
  if (magnitude < kSmallest) {
    ++zeros;
  } else {
    ++(value > 0 ? positive : negative)[bucket_of(magnitude)];
  }
}

void QuantileSketch::insert_all(const QuantileSketch& other) {
  add_counts(positive, other.positive);
  add_counts(negative, other.negative);
  zeros += other.zeros;
  count += other.count;
}

double QuantileSketch::quantile(double share) const {
  if (count <= 0) return 0;
  const double rank = std::floor(std::clamp(share, 0.0, 1.0) * static_cast<double>(count - 1));
  double seen = 0;
  for (auto bucket = negative.rbegin(); bucket != negative.rend(); ++bucket) {
    seen += static_cast<double>(bucket->second);
    if (seen > rank) return -value_of(bucket->first);
  }
  seen += static_cast<double>(zeros);
  if (seen > rank) return 0;
  for (const auto& [bucket, in_bucket] : positive) {
    seen += static_cast<double>(in_bucket);
    if (seen > rank) return value_of(bucket);
  }
  return positive.empty() ? 0 : value_of(positive.rbegin()->first);
}

}  // namespace tidemark::detail
