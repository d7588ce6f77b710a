#include "tidemark/detail/event_time/hyper_log_log.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

namespace tidemark::detail {
namespace {

constexpr unsigned kIndexBits = 12;
constexpr std::size_t kRegisters = std::size_t{1} << kIndexBits;
constexpr unsigned kRankBits = 64 - kIndexBits;
constexpr std::size_t kMostFew = 256;

// The high bits choose a register; the rank is where the first one bit of the others stands, from 1.
void insert_into(std::vector<std::uint8_t>& registers, std::uint64_t hash) {
  const auto rank = static_cast<std::uint8_t>(std::countl_zero((hash << kIndexBits) | (std::uint64_t{1} << (kIndexBits - 1))) + 1);
  std::uint8_t& highest = registers[hash >> kRankBits];
  highest = std::max(highest, rank);
}

// Ertl's sigma and tau: series that end where the next term no longer changes the sum.
double sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double y = 1;
  double z = x;
  double before = 0;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (z != before);
  return z;
}
double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1;
  double z = 1 - x;
  double before = 0;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (z != before);
  return z / 3;
}

}  // namespace

void HyperLogLog::insert(std::uint64_t hash) {
  if (!registers.empty()) {
    registers.resize(kRegisters);
    return insert_into(registers, hash);
  }
  const auto at = std::lower_bound(few.begin(), few.end(), hash);
  if (at != few.end() && *at == hash) return;
  few.insert(at, hash);
  if (few.size() <= kMostFew) return;
  registers.resize(kRegisters);
  for (const std::uint64_t each : few) insert_into(registers, each);
  few = {};
}

void HyperLogLog::insert_all(const HyperLogLog& other) {
  if (!other.registers.empty() && registers.empty()) {
    registers.resize(kRegisters);
    for (const std::uint64_t each : few) insert_into(registers, each);
    few = {};
  }
  for (const std::uint64_t each : other.few) insert(each);
  if (!other.registers.empty()) registers.resize(kRegisters);
  for (std::size_t i = 0; i < std::min(kRegisters, other.registers.size()); ++i) registers[i] = std::max(registers[i], other.registers[i]);
}

std::int64_t HyperLogLog::estimate() const {
  if (registers.empty()) return static_cast<std::int64_t>(few.size());
  std::array<double, kRankBits + 2> with_rank{};
  for (const std::uint8_t rank : registers) ++with_rank[std::min<std::size_t>(rank, kRankBits + 1)];
  const double m = kRegisters;
  double z = m * tau(1 - with_rank[kRankBits + 1] / m);
  for (unsigned rank = kRankBits; rank >= 1; --rank) z = 0.5 * (z + with_rank[rank]);
  z += m * sigma(with_rank[0] / m);
  // Only damaged registers say more than there are hashes.
  return std::llround(std::min(m * m / (2 * std::numbers::ln2 * z), 0x1p62));
}

}  // namespace tidemark::detail
