#include "sim/scenario_draws.h"

#include <algorithm>
#include <bit>

namespace tidemark {
namespace {

constexpr std::int64_t kUs = 1'000;
constexpr std::int64_t kMs = 1'000'000;

}  // namespace

std::uint64_t ScenarioDraws::draw(const ScenarioRange& range) {
  const auto lowest = static_cast<unsigned>(std::bit_width(range.low));
  const auto highest = static_cast<unsigned>(std::bit_width(range.high));
  const std::uint64_t bits = lowest + random_.next() % (highest - lowest + 1);
  const std::uint64_t least = bits == 0 ? 0 : std::uint64_t{1} << (bits - 1);
  const std::uint64_t low = std::max(range.low, least);
  const std::uint64_t high = std::min(range.high, bits == 0 ? 0 : 2 * least - 1);
  return low + random_.next() % (high - low + 1);
}

std::uint64_t ScenarioDraws::draw_fault(const ScenarioRange& range) {
  const std::uint64_t drawn = draw(range);
  const bool left_out = random_.next() % 2 == 0;
  return scenario_.swarm && left_out ? 0 : drawn;
}

FileFaults ScenarioDraws::draw_file_faults() {
  const Scenario::Faults& ranges = scenario_.faults;
  FileFaults files;
  files.full_disk_one_in = draw_fault(ranges.disk_full);
  files.io_error_one_in = draw_fault(ranges.io_error);
  files.read_error_one_in = draw_fault(ranges.read_error);
  files.output_error_one_in = draw_fault(ranges.output_error);
  files.death_one_in = draw_fault(ranges.death_in_file_change);
  return files;
}

Pace ScenarioDraws::draw_pace() {
  Pace pace;
  pace.max_step_ns = static_cast<std::int64_t>(draw(scenario_.pace.step_us)) * kUs;
  pace.max_laziness = draw(scenario_.pace.laziness);
  pace.max_stall_ns = static_cast<std::int64_t>(draw(scenario_.pace.stall_ms)) * kMs;
  pace.stall_one_in = pace.max_stall_ns > 0 ? draw_fault(scenario_.faults.stall) : 0;
  pace.max_io_latency_ns = static_cast<std::int64_t>(draw_fault(scenario_.pace.io_latency_ms)) * kMs;
  pace.leap_one_in = draw_fault(scenario_.faults.time_leap);
  return pace;
}

}  // namespace tidemark
