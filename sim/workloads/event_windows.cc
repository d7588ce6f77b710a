// Windows over events that come out of order, some of them too late: tumbling, sliding and over all keys. A window's result
// is the list of its events' ids, so each event can be traced to the windows that counted it, or to the file of late ones.
//
// Which events are late hangs on how the watermark ran, and the oracle does not ask: each event is either late or counted
// in the last of its windows, as many of them as had not fired when it came; never both, and each window fires once. An
// event that lags no more than the source was told to expect is never late for any of its windows.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "sim/workloads/checkpoint_contents.h"
#include "sim/workloads/committed_rows.h"
#include "sim/workloads/job_workload.h"
#include "sim/workloads/timed_events.h"
#include "sim/workloads/workloads.h"

namespace tidemark {
namespace {

using std::chrono::milliseconds;

using Event = TimedEvent;

constexpr std::int64_t kExpectedLagMs = 10;

/// When an event happens that does not lag.
std::int64_t due_ms(std::int64_t id) { return 200 + 4 * id; }

bool is_in_time(const Event& event) { return due_ms(event.id) - event.time <= kExpectedLagMs; }

struct Row {
  Timestamp start;
  Timestamp end;
  std::optional<std::int64_t> key;  ///< not of a window over all keys
  std::vector<std::int64_t> value;
};

/// One way to cut the events into windows.
struct Branch {
  std::string name;
  std::int64_t size_ms;
  std::int64_t slide_ms;
  bool keyed;

  std::string rows() const { return "/out/" + name; }
  std::string late() const { return "/out/" + name + "-late"; }
  std::string late_uid() const { return name + "-late"; }
  std::string rows_uid() const { return name + "-rows"; }
  std::string state() const { return fmt::format("window-{}-{}-0", size_ms, slide_ms); }
  /// The starts of the windows that a time lies in, in order.
  std::vector<std::int64_t> windows_of(std::int64_t time) const {
    std::vector<std::int64_t> starts;
    for (std::int64_t start = time / slide_ms * slide_ms; start > time - size_ms; start -= slide_ms) starts.insert(starts.begin(), start);
    return starts;
  }
};

const std::vector<Branch>& branches() {
  static const std::vector<Branch> all{
      {"tumbling", 20, 20, true}, {"sliding", 45, 15, true}, {"all", 30, 30, false}};
  return all;
}

/// What the files say of a branch.
struct Found {
  std::map<std::int64_t, std::set<std::int64_t>> counted;  // by event: the starts of its windows
  std::set<std::int64_t> late;
};

class EventWindows final : public JobWorkload {
 public:
  explicit EventWindows(const WorkloadOptions& options) : JobWorkload{options}, input_{make(options)} {}

  std::string name() const override { return "event-windows"; }

  void describe(Job& job) const override {
    const auto events = job.from(from_input(input_).event_time(&Event::time, out_of_order_by(milliseconds{kExpectedLagMs})))
                            .uid("events")
                            .filter(bad_luck().filter<Event>());
    for (const Branch& branch : branches()) {
      const WindowAssigner windows = sliding(milliseconds{branch.size_ms}, milliseconds{branch.slide_ms});
      if (branch.keyed) {
        write(branch, events.key_by(&Event::key).window(windows).late_to(SideOutput<Event>{"late"}).aggregate(IdsOfEvents{}));
      } else {
        write(branch, events.window_all(windows).late_to(SideOutput<Event>{"late"}).aggregate(IdsOfEvents{}));
      }
    }
  }

  Complaint check_so_far(FileSystem& files) const override {
    for (const Branch& branch : branches()) {
      Found found;
      if (auto wrong = read_branch(files, branch, nullptr, found)) return wrong;
    }
    return std::nullopt;
  }

  Complaint check_finished(FileSystem& files) const override {
    for (const Branch& branch : branches()) {
      Found found;
      if (auto wrong = read_branch(files, branch, nullptr, found)) return wrong;
      if (auto lost = find_lost(branch, found)) return lost;
      if (auto leftover = find_leftover(files, branch.rows())) return leftover;
      if (auto leftover = find_leftover(files, branch.late())) return leftover;
    }
    return std::nullopt;
  }

  Complaint check_checkpoint(FileSystem& files, const std::string& folder,
                             const CheckpointMetadata& checkpoint) const override {
    const auto read = numbers_read(checkpoint, "events", input_->size());
    if (!read) return read.error().message();
    for (const Branch& branch : branches()) {
      Found found;
      if (auto wrong = read_branch(files, branch, &checkpoint, found)) return wrong;
      std::set<std::int64_t> waiting;  // in the slices of windows that have not fired
      const auto taken = read_entries(files, folder, checkpoint, branch.name, branch.state(), [&](const SnapshotEntry& entry) {
        std::vector<std::int64_t> ids;
        const bool ok = detail::StoredValue<std::vector<std::int64_t>>::decode(entry.value, ids);
        waiting.insert(ids.begin(), ids.end());
        return ok;
      });
      if (!taken) return taken.error().message();
      for (const Event& event : *input_) {
        const bool was_read = (*read)[static_cast<std::size_t>(event.id)];
        const bool waits = waiting.contains(event.id);
        if (was_read && !waits && !found.counted.contains(event.id) && !found.late.contains(event.id)) {
          return fmt::format("{}: event {} was read before the barrier and is lost", branch.name, event.id);
        }
        if (!was_read && waits && exactly_once()) {
          return fmt::format("{}: the state has event {}, which was not read before the barrier", branch.name, event.id);
        }
      }
    }
    return std::nullopt;
  }

 private:
  /// Times go up by and by; some lie a little behind, which is allowed, and some far.
  static Input<Event> make(const WorkloadOptions& options) {
    Dice dice{options.seed};
    const auto keys = static_cast<std::uint64_t>(1 + dice.below(4));
    const auto late_one_in = static_cast<std::uint64_t>(3 + dice.below(20));
    std::vector<Event> events;
    for (std::uint64_t n = 0; n < options.records; ++n) {
      const auto id = static_cast<std::int64_t>(n);
      const std::int64_t lag = dice.below(dice.one_in(late_one_in) ? 120 : kExpectedLagMs + 1);
      events.push_back({id, dice.below(keys), due_ms(id) - lag});
    }
    return make_input(std::move(events));
  }

  template <class Windows>
  static void write(const Branch& branch, const Stream<Windows>& rows) {
    rows.uid(branch.name).to(write_files(branch.rows(), as_json())).uid(branch.rows_uid());
    rows.side_output(SideOutput<Event>{"late"}).to(write_files(branch.late(), as_json())).uid(branch.late_uid());
  }

  /// What was committed or, with a checkpoint, is secured by it; complains of what is wrong in itself.
  Complaint read_branch(FileSystem& files, const Branch& branch, const CheckpointMetadata* checkpoint, Found& found) const {
    const auto rows = checkpoint == nullptr ? read_committed<Row>(files, branch.rows())
                                            : read_secured<Row>(files, branch.rows(), *checkpoint, branch.rows_uid());
    if (!rows) return rows.error().message();
    const auto late = checkpoint == nullptr ? read_committed<Event>(files, branch.late())
                                            : read_secured<Event>(files, branch.late(), *checkpoint, branch.late_uid());
    if (!late) return late.error().message();
    std::set<std::pair<std::int64_t, std::int64_t>> fired;
    for (const auto& committed : *rows) {
      const Row& row = committed.row;
      if (!fired.emplace(row.key.value_or(0), row.start.ms()).second && !may_repeat()) {
        return fmt::format("{}: the window of key {} at {} fired twice", branch.name, row.key.value_or(0), row.start.ms());
      }
      if (auto wrong = take(branch, row, found)) return wrong;
    }
    for (const auto& committed : *late) {
      const Event& event = committed.row;
      const Event* expected = find_event(event.id);
      if (expected == nullptr || expected->key != event.key || expected->time != event.time) {
        return fmt::format("{}: there is no event {} of key {} at {}", branch.name, event.id, event.key, event.time);
      }
      if (may_repeat()) {
        found.late.insert(event.id);
        continue;
      }
      if (!found.late.insert(event.id).second) return fmt::format("{}: event {} was late twice", branch.name, event.id);
      if (found.counted.contains(event.id)) return fmt::format("{}: event {} was late and counted", branch.name, event.id);
    }
    return std::nullopt;
  }

  Complaint take(const Branch& branch, const Row& row, Found& found) const {
    if (row.key.has_value() != branch.keyed || row.end != row.start + milliseconds{branch.size_ms} || row.value.empty()) {
      return fmt::format("{}: no window starts at {} and ends at {}", branch.name, row.start.ms(), row.end.ms());
    }
    for (const std::int64_t id : row.value) {
      const Event* event = find_event(id);
      const bool in_place = event != nullptr && (!branch.keyed || event->key == row.key) &&
                            std::ranges::count(branch.windows_of(event->time), row.start.ms()) == 1;
      if (!in_place) return fmt::format("{}: event {} does not belong into the window at {}", branch.name, id, row.start.ms());
      if (!found.counted[id].insert(row.start.ms()).second && !may_repeat()) {
        return fmt::format("{}: event {} was counted twice in the window at {}", branch.name, id, row.start.ms());
      }
    }
    return std::nullopt;
  }

  Complaint find_lost(const Branch& branch, const Found& found) const {
    for (const Event& event : *input_) {
      const auto counted = found.counted.find(event.id);
      if (counted == found.counted.end()) {
        if (found.late.contains(event.id) && !(exactly_once() && is_in_time(event))) continue;
        return fmt::format("{}: event {} is neither counted nor rightly late", branch.name, event.id);
      }
      if (!exactly_once()) continue;
      if (is_in_time(event) && counted->second.size() != branch.windows_of(event.time).size()) {
        return fmt::format("{}: event {} came in time and is missing in a window", branch.name, event.id);
      }
      const std::vector<std::int64_t> windows = branch.windows_of(event.time);
      if (!std::equal(counted->second.rbegin(), counted->second.rend(), windows.rbegin())) {
        return fmt::format("{}: event {} is missing in a window that fired behind another that has it", branch.name, event.id);
      }
    }
    return std::nullopt;
  }

  const Event* find_event(std::int64_t id) const {
    const auto index = static_cast<std::size_t>(id);
    return index < input_->size() ? &(*input_)[index] : nullptr;
  }

  const Input<Event> input_;
};

}  // namespace

std::unique_ptr<Workload> make_event_windows(const WorkloadOptions& options) {
  return std::make_unique<EventWindows>(options);
}

}  // namespace tidemark
