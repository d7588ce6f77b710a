// An order's life as a state machine, a key an order. The input holds legal transitions only, and each event is legal in one
// state alone: an event that is lost or comes twice makes the next one illegal, and that raises an alert.
#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "sim/workloads/checkpoint_contents.h"
#include "sim/workloads/committed_rows.h"
#include "sim/workloads/job_workload.h"
#include "sim/workloads/lanes.h"
#include "sim/workloads/workloads.h"

namespace tidemark {
namespace {

// States: 0 new, 1 paid, 2 shipped, 3 delivered, 4 closed.
struct Transition {
  std::int64_t from;
  std::int64_t to;
};
// By event: pay, cancel, ship, refund, deliver, give back, keep, reopen.
constexpr Transition kTransitions[] = {{0, 1}, {0, 4}, {1, 2}, {1, 4}, {2, 3}, {3, 2}, {3, 4}, {4, 0}};

struct Event {
  std::int64_t key = 0;
  std::int64_t step = 0;  ///< from 1, of the key; for the oracle alone
  std::int64_t event = 0;
  std::int64_t time = 0;
};

struct Machine {
  std::int64_t state = 0;
  std::int64_t steps = 0;
  friend bool operator==(const Machine&, const Machine&) = default;
};

struct Row {
  std::int64_t key = 0;
  std::int64_t step = 0;   ///< the event's
  std::int64_t steps = 0;  ///< of the machine, with this one
  std::int64_t state = 0;  ///< behind it
  bool legal = true;
};

class RunMachine final : public KeyedProcess<std::int64_t, Event, Row> {
 public:
  RunMachine(Declare& declare, BadLuck bad_luck) : machine_{declare, "machine"}, bad_luck_{std::move(bad_luck)} {}

  void process(const Event& event, Context& ctx, Out<Row>& out) override {
    const Transition transition = kTransitions[event.event];
    bool legal = false;
    machine_.mutate([&](Machine& machine) {
      legal = machine.state == transition.from;
      machine = {transition.to, machine.steps + 1};
    });
    bad_luck_();
    out.emit({ctx.key(), event.step, machine_.get().steps, transition.to, legal});
  }

 private:
  ValueState<Machine> machine_;
  BadLuck bad_luck_;
};

class StateMachine final : public JobWorkload {
 public:
  explicit StateMachine(const WorkloadOptions& options) : JobWorkload{options}, lanes_{make()} {}

  std::string name() const override { return "state-machine"; }

  bool may_be_drained() const override { return true; }

  void describe(Job& job) const override {
    const Stream<Row> rows =
        from_lanes(job, lanes_).key_by(&Event::key).process<RunMachine>(bad_luck()).uid("machines");
    rows.filter([](const Row& row) { return row.legal; }).to(write_files(kSteps, as_json())).uid("steps");
    rows.filter([](const Row& row) { return !row.legal; }).to(write_files(kAlerts, as_json())).uid("alerts");
  }

  Complaint check_so_far(FileSystem& files) const override {
    const auto rows = read_all(files);
    return rows ? find_wrong(*rows) : rows.error().message();
  }

  Complaint check_finished(FileSystem& files) const override {
    const auto rows = read_all(files);
    if (!rows) return rows.error().message();
    if (auto wrong = find_wrong(*rows)) return wrong;
    for (const Input<Event>& lane : lanes_) {
      if (auto lost = find_lost(*rows, *lane)) return lost;
    }
    const Complaint leftover = find_leftover(files, kSteps);
    return leftover ? leftover : find_leftover(files, kAlerts);
  }

  Complaint check_checkpoint(FileSystem& files, const std::string& folder,
                             const CheckpointMetadata& checkpoint) const override {
    const auto read = records_read(checkpoint, lanes_);
    if (!read) return read.error().message();
    const auto machines = read_keyed_state<std::int64_t, Machine>(files, folder, checkpoint, "machines", "machine");
    if (!machines) return machines.error().message();
    if (auto wrong = find_wrong_machine(*read, *machines)) return wrong;
    auto rows = read_secured<Row>(files, kSteps, checkpoint, "steps");
    const auto alerts = read_secured<Row>(files, kAlerts, checkpoint, "alerts");
    if (!rows || !alerts) return (rows ? alerts : rows).error().message();
    rows->insert(rows->end(), alerts->begin(), alerts->end());
    return find_lost(*rows, *read);
  }

 private:
  using Rows = std::vector<CommittedRow<Row>>;
  static constexpr const char* kSteps = "/out/steps";
  static constexpr const char* kAlerts = "/out/alerts";
  static constexpr std::size_t kLanes = 2;

  /// Draws legal events and notes what becomes of each key.
  Lanes<Event> make() {
    Dice dice{options().seed};
    const auto keys = static_cast<std::uint64_t>(2 + dice.below(10));
    std::vector<Event> lanes[kLanes];
    std::map<std::int64_t, Machine> machines;
    for (std::uint64_t n = 0; n < options().records; ++n) {
      const std::int64_t key = dice.below(keys);
      Machine& machine = machines[key];
      std::int64_t event = dice.below(std::size(kTransitions));
      while (kTransitions[event].from != machine.state) event = dice.below(std::size(kTransitions));
      machine = {kTransitions[event].to, machine.steps + 1};
      states_[{key, machine.steps}] = machine.state;
      lanes[static_cast<std::size_t>(key) % kLanes].push_back({key, machine.steps, event, static_cast<std::int64_t>(n)});
    }
    return {make_input(std::move(lanes[0])), make_input(std::move(lanes[1]))};
  }

  static Result<Rows> read_all(FileSystem& files) {
    TIDEMARK_ASSIGN(rows, read_committed<Row>(files, kSteps));
    TIDEMARK_ASSIGN(alerts, read_committed<Row>(files, kAlerts));
    rows.insert(rows.end(), alerts.begin(), alerts.end());
    return rows;
  }

  Complaint find_wrong(const Rows& rows) const {
    std::set<std::pair<std::int64_t, std::int64_t>> seen;
    std::map<std::int64_t, std::int64_t> last_step;
    for (const auto& [row, subtask, attempt] : rows) {
      const auto expected = states_.find({row.key, row.step});
      if (expected == states_.end() || expected->second != row.state) {
        return fmt::format("key {} has no step {} to state {}", row.key, row.step, row.state);
      }
      if (may_repeat()) continue;
      if (!seen.emplace(row.key, row.step).second) return fmt::format("step {} of key {} came out twice", row.step, row.key);
      if (!exactly_once()) continue;
      if (!row.legal) return fmt::format("alert: step {} of key {} was illegal", row.step, row.key);
      if (row.steps != row.step) return fmt::format("step {} of key {} was counted as {}", row.step, row.key, row.steps);
      if (row.step <= std::exchange(last_step[row.key], row.step)) {
        return fmt::format("step {} of key {} came out behind a later one", row.step, row.key);
      }
    }
    return std::nullopt;
  }

  static Complaint find_lost(const Rows& rows, const std::vector<Event>& wanted) {
    std::set<std::pair<std::int64_t, std::int64_t>> there;
    for (const auto& committed : rows) there.emplace(committed.row.key, committed.row.step);
    for (const Event& event : wanted) {
      if (!there.contains({event.key, event.step})) return fmt::format("step {} of key {} is lost", event.step, event.key);
    }
    return std::nullopt;
  }

  Complaint find_wrong_machine(const std::vector<Event>& read, std::map<std::int64_t, Machine> machines) const {
    std::map<std::int64_t, std::int64_t> steps;
    for (const Event& event : read) steps[event.key] = event.step;
    if (machines.size() > steps.size() && exactly_once()) return "the state has keys that were not read before the barrier";
    for (const auto& [key, step] : steps) {
      const Machine& machine = machines[key];
      if (may_repeat() ? machine.steps >= step : machine == Machine{states_.at({key, step}), step}) continue;
      return fmt::format("{} steps of key {} were read before the barrier, its state is {} after {} steps", step, key,
                         machine.state, machine.steps);
    }
    return std::nullopt;
  }

  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> states_;  // by key and step: the state behind it
  const Lanes<Event> lanes_;
};

}  // namespace

std::unique_ptr<Workload> make_state_machine(const WorkloadOptions& options) {
  return std::make_unique<StateMachine>(options);
}

}  // namespace tidemark
