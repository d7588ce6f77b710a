#include "coordinator/state_growth.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "graph/plan.h"

namespace tidemark {
namespace {

constexpr std::uint64_t kFirstMilestone = 8;
constexpr unsigned kDoublings = 3;
// Of what was added: neither load nor compression are even.
constexpr double kDoubled = 1.7;

// What is kept for longer looks the same as what is kept for good; windows that are kept for a week grow, too, but come to rest.
constexpr Duration kLong = std::chrono::days{30};

using Kind = StateDescriptor::Kind;

bool is_of_windows(const LogicalNode& node, const StateDescriptor& state) {
  return state.kind == Kind::kWindow || (node.windows_stay && state.name == kWindowsState);
}
bool stays_for_good(const LogicalNode& node, const StateDescriptor& state) {
  if (is_of_windows(node, state)) return node.windows_stay && *node.windows_stay > kLong;
  return (state.kind == Kind::kValue || state.kind == Kind::kList || state.kind == Kind::kMap) && !state.has_ttl;
}

std::string remedy_for_windows(const LogicalNode& node) {
  if (*node.windows_stay == Duration::max()) {
    return "A global window has no end: purge it, by a trigger that is purging(...), or take windows that end";
  }
  return fmt::format("Its windows are kept for {} days behind their end: give it a shorter allowed_lateness()",
                     std::chrono::floor<std::chrono::days>(*node.windows_stay).count());
}
constexpr const char* kRemedyForKeys =
    "Give it a time to live (ttl.h; for a join unbounded(ttl(...))), or remove what is over, say by a timer. If the keys come to an "
    "end, so will this";

std::string megabytes(std::uint64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

}  // namespace

StateGrowth::StateGrowth(const LogicalPlan& plan, std::uint64_t from_bytes) : from_bytes_{from_bytes}, milestone_{kFirstMilestone} {
  for (const LogicalNode& node : plan.nodes) {
    std::string states;
    bool are_windows = false;
    for (const StateDescriptor& state : node.states) {
      if (!stays_for_good(node, state)) continue;
      states += fmt::format("{}'{}'", states.empty() ? "" : ", ", state.name);
      are_windows = are_windows || is_of_windows(node, state);
    }
    if (states.empty()) continue;
    const std::string remedy = are_windows ? remedy_for_windows(node) : kRemedyForKeys;
    watched_.emplace(node.uid, Watched{.what = describe(node), .states = std::move(states), .remedy = remedy});
  }
}

std::vector<std::string> StateGrowth::on_completed(const std::map<std::string, std::uint64_t>& bytes) {
  std::vector<std::string> warnings;
  ++completed_;
  const bool is_first = completed_ == 1;
  const bool is_milestone = completed_ == milestone_;
  if (is_milestone) milestone_ *= 2;
  for (auto& [uid, watched] : watched_) {
    const auto found = bytes.find(uid);
    const std::uint64_t now = found == bytes.end() ? 0 : found->second;
    note_removal(watched, now);
    if (is_first) {
      watched.first_bytes = now;
    } else if (is_milestone && grows(watched, now) && now >= from_bytes_ && !watched.was_told) {
      watched.was_told = true;
      warnings.push_back(warning_of(watched, now));
    }
  }
  return warnings;
}

void StateGrowth::note_removal(Watched& watched, std::uint64_t bytes) {
  const bool was_removed = bytes < watched.most_bytes / 2;
  watched.most_bytes = was_removed ? bytes : std::max(watched.most_bytes, bytes);
  if (was_removed) watched.doublings = 0;
}

bool StateGrowth::grows(Watched& watched, std::uint64_t bytes) {
  const auto added = [&](std::uint64_t until) { return static_cast<double>(until) - static_cast<double>(watched.first_bytes); };
  const double before = added(watched.bytes_before);
  const bool doubled = before > 0 && added(bytes) >= kDoubled * before;
  watched.doublings = doubled ? watched.doublings + 1 : 0;
  watched.bytes_before = bytes;
  return watched.doublings >= kDoublings && bytes / 2 >= watched.first_bytes;
}

std::string StateGrowth::warning_of(const Watched& watched, std::uint64_t bytes) const {
  return fmt::format(
      "{}: its state has grown from {} to {} over {} checkpoints and does not come to rest; of {} nothing expires. {}",
      watched.what, megabytes(watched.first_bytes), megabytes(bytes), completed_, watched.states, watched.remedy);
}

}  // namespace tidemark
