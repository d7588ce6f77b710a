// Every kind of state in one job: operator lists (split and union), broadcast rules, value, list, map, reducing and
// aggregating state, timers of both times, a window, two sinks. What each state must hold follows from the events read.
//
// Events of a key come in order (lanes.h), so all rows are known beforehand but for what hangs on the rules: how many a row
// saw, which never shrinks, and for timers of processing time, which each fire once.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "sim/workloads/checkpoint_contents.h"
#include "sim/workloads/committed_rows.h"
#include "sim/workloads/job_workload.h"
#include "sim/workloads/lanes.h"
#include "sim/workloads/workloads.h"

namespace tidemark {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kWindowMs = 50;
constexpr std::size_t kKept = 3;       // of a key's numbers, in its list
constexpr std::int64_t kRemainders = 3;  // of a key's map

struct Event {
  std::int64_t key = 0;
  std::int64_t number = 0;
  std::int64_t time = 0;
};

struct Rule {
  std::int64_t id = 0;
  std::int64_t time = 0;
};

struct Row {
  std::int64_t kind = 0;  ///< which row: see below
  std::int64_t key = 0;
  std::int64_t sequence = 0;  ///< of the key and kind, from 1; kTimer: when it was set for
  std::int64_t kept = 0;      ///< sum of the list
  std::int64_t alike = 0;     ///< of the map: how many numbers of the key had this one's remainder
  std::int64_t largest = 0;
  std::int64_t total = 0;
  std::int64_t rules = 0;
  std::int64_t number = 0;
};
constexpr std::int64_t kEvent = 0;
constexpr std::int64_t kTimer = 1;            // of event time
constexpr std::int64_t kProcessingTimer = 2;
constexpr std::int64_t kWrongTimer = 3;       // fired too early, or was not set

struct Larger {
  std::int64_t operator()(std::int64_t a, std::int64_t b) const { return std::max(a, b); }
};

/// What the keyed states hold; the oracle's own account of them.
struct Account {
  std::int64_t sequence = 0;
  std::vector<std::int64_t> kept;
  std::map<std::int64_t, std::int64_t> remainders;
  std::int64_t largest = 0;
  std::int64_t total = 0;

  void add(std::int64_t number) {
    ++sequence;
    kept.push_back(number);
    if (kept.size() > kKept) kept.erase(kept.begin());
    ++remainders[number % kRemainders];
    largest = std::max(largest, number);
    total += number;
  }
  Row row(std::int64_t key, std::int64_t number) const {
    return {kEvent, key, sequence, std::accumulate(kept.begin(), kept.end(), std::int64_t{0}),
            remainders.at(number % kRemainders), largest, total, 0, number};
  }
};

/// Counts what passes in two operator lists. An item is what one subtask counted since it started.
class CountPassing final : public Process<Event, Event> {
 public:
  CountPassing(Declare& declare, BadLuck bad_luck) : split_{declare, "split"}, union_{declare, "union"}, bad_luck_{std::move(bad_luck)} {}

  void open(OpenContext& context) override {
    // Every subtask has all items now; one of them keeps their sum.
    const std::int64_t sum = std::accumulate(union_.get().begin(), union_.get().end(), std::int64_t{0});
    union_.set(context.subtask == 0 ? std::vector{sum} : std::vector<std::int64_t>{});
    union_.add(0);
    split_.add(0);
    bad_luck_();
  }
  void process(const Event& event, Context&, Out<Event>& out) override {
    split_.mutate([](std::vector<std::int64_t>& items) { ++items.back(); });
    union_.mutate([](std::vector<std::int64_t>& items) { ++items.back(); });
    bad_luck_();
    out.emit(event);
  }

 private:
  SplitListState<std::int64_t> split_;
  UnionListState<std::int64_t> union_;
  BadLuck bad_luck_;
};

class KeepAll final : public KeyedBroadcastProcess<std::int64_t, Event, Rule, Row> {
 public:
  KeepAll(Declare& declare, BadLuck bad_luck)
      : rules_{declare, "rules"},
        sequence_{declare, "sequence"},
        kept_{declare, "kept"},
        remainders_{declare, "remainders"},
        largest_{declare, "largest"},
        total_{declare, "total", sum(&Event::number)},
        due_{declare, "due"},
        fired_{declare, "fired"},
        bad_luck_{std::move(bad_luck)} {}

  void process(const Event& event, Context& ctx, Out<Row>& out) override {
    sequence_.set(sequence_.get() + 1);
    std::vector<std::int64_t> kept = kept_.get();
    if (kept.size() == kKept) kept.erase(kept.begin());
    kept_.set(kept);
    kept_.add(event.number);
    remainders_.mutate(event.number % kRemainders, [](std::int64_t& count) { ++count; });
    largest_.add(event.number);
    total_.add(event);
    ctx.timers().at(ctx.timestamp() + milliseconds{7});
    ctx.timers().remove(ctx.timers().at(ctx.timestamp() + milliseconds{8}));
    if (due_.find() == nullptr) due_.set(ctx.timers().at_processing_time(ctx.processing_time() + milliseconds{3}).at);
    bad_luck_();
    out.emit({kEvent, ctx.key(), sequence_.get(), std::accumulate(kept_.get().begin(), kept_.get().end(), std::int64_t{0}),
              *remainders_.find(event.number % kRemainders), largest_.get(), total_.get().value_or(-1),
              static_cast<std::int64_t>(rules_.entries().size()), event.number});
  }

  void process_broadcast(const Rule& rule, BroadcastContext& ctx, Out<Row>&) override { ctx.writable(rules_).put(rule.id, rule.time); }

  void on_timer(Timestamp at, Context& ctx, Out<Row>& out) override {
    bad_luck_();
    out.emit({ctx.watermark() >= at ? kTimer : kWrongTimer, ctx.key(), at.ms()});
  }

  void on_processing_timer(Timestamp at, Context& ctx, Out<Row>& out) override {
    const Timestamp* due = due_.find();
    const bool is_right = due != nullptr && *due == at && ctx.processing_time() >= at;
    due_.clear();
    fired_.set(fired_.get() + 1);
    bad_luck_();
    out.emit({is_right ? kProcessingTimer : kWrongTimer, ctx.key(), fired_.get()});
  }

 private:
  BroadcastState<std::int64_t, std::int64_t> rules_;
  ValueState<std::int64_t> sequence_;
  ListState<std::int64_t> kept_;
  MapState<std::int64_t, std::int64_t> remainders_;
  ReducingState<std::int64_t, Larger> largest_;
  AggregatingState<Event, decltype(sum(&Event::number))> total_;
  ValueState<Timestamp> due_;  // when the timer of processing time is set for
  ValueState<std::int64_t> fired_;
  BadLuck bad_luck_;
};

struct WindowRow {
  Timestamp start;
  Timestamp end;
  std::int64_t key = 0;
  std::int64_t value = 0;
};

class AllRound final : public JobWorkload {
 public:
  explicit AllRound(const WorkloadOptions& options) : JobWorkload{options}, lanes_{make(options)}, rules_{make_rules(options)} {
    std::map<std::int64_t, Account> accounts;
    for (const Input<Event>& lane : lanes_) {
      for (const Event& event : *lane) {
        Account& account = accounts[event.key];
        account.add(event.number);
        rows_.emplace(std::tuple{kEvent, event.key, account.sequence}, account.row(event.key, event.number));
        rows_.emplace(std::tuple{kTimer, event.key, event.time + 7}, Row{kTimer, event.key, event.time + 7});
        windows_[{event.key, event.time / kWindowMs * kWindowMs}] += event.number;
      }
    }
  }

  std::string name() const override { return "all-round"; }

  void describe(Job& job) const override {
    const auto rules = job.from(from_input(rules_).event_time(&Rule::time)).uid("rules").parallelism(1);
    const Stream<Event> events = from_lanes(job, lanes_);
    events.process<CountPassing>(bad_luck()).uid("passing").to(discard());
    const auto rows =
        events.key_by(&Event::key).connect(rules.broadcast()).process<KeepAll>(bad_luck()).uid("states");
    rows.to(write_files(kRows, as_json())).uid("rows");
    rows.filter([](const Row& row) { return row.kind == kEvent; })
        .key_by(&Row::key)
        .window(tumbling(milliseconds{kWindowMs}))
        .aggregate(sum(&Row::number))
        .uid("windows")
        .to(write_files(kWindows, as_json()))
        .uid("window-rows");
  }

  Complaint check_so_far(FileSystem& files) const override {
    const auto rows = read_committed<Row>(files, kRows);
    if (!rows) return rows.error().message();
    const auto windows = read_committed<WindowRow>(files, kWindows);
    if (!windows) return windows.error().message();
    const Complaint wrong = find_wrong(*rows);
    return wrong ? wrong : find_wrong_window(*windows);
  }

  Complaint check_finished(FileSystem& files) const override {
    if (auto wrong = check_so_far(files)) return wrong;
    const auto rows = value_or_throw(read_committed<Row>(files, kRows));
    const auto windows = value_or_throw(read_committed<WindowRow>(files, kWindows));
    for (const Input<Event>& lane : lanes_) {
      if (auto lost = find_lost(rows, *lane)) return lost;
    }
    if (auto lost = find_lost_rest(rows, windows)) return lost;
    const Complaint leftover = find_leftover(files, kRows);
    return leftover ? leftover : find_leftover(files, kWindows);
  }

  Complaint check_checkpoint(FileSystem& files, const std::string& folder, const CheckpointMetadata& checkpoint) const override {
    const auto read = records_read(checkpoint, lanes_);
    if (!read) return read.error().message();
    if (exactly_once()) {
      if (auto wrong = find_wrong_state(files, folder, checkpoint, *read)) return wrong;
    }
    const auto rows = read_secured<Row>(files, kRows, checkpoint, "rows");
    return rows ? find_lost(*rows, *read) : rows.error().message();
  }

 private:
  using Rows = std::vector<CommittedRow<Row>>;
  static constexpr const char* kRows = "/out/rows";
  static constexpr const char* kWindows = "/out/windows";
  static constexpr std::size_t kLanes = 2;

  static Lanes<Event> make(const WorkloadOptions& options) {
    Dice dice{options.seed};
    const auto keys = static_cast<std::uint64_t>(2 + dice.below(8));
    std::vector<Event> lanes[kLanes];
    std::int64_t time = 0;
    for (std::uint64_t n = 0; n < options.records; ++n) {
      time += 1 + dice.below(5);
      const std::int64_t key = dice.below(keys);
      lanes[static_cast<std::size_t>(key) % kLanes].push_back({key, static_cast<std::int64_t>(n), time});
    }
    return {make_input(std::move(lanes[0])), make_input(std::move(lanes[1]))};
  }

  static Input<Rule> make_rules(const WorkloadOptions& options) {
    std::vector<Rule> rules;
    for (std::uint64_t n = 0; n < options.records / 10 + 1; ++n) rules.push_back({static_cast<std::int64_t>(n), static_cast<std::int64_t>(30 * n)});
    return make_input(std::move(rules));
  }

  /// What a row must be, but for the rules that it saw; false if there is no such row.
  bool is_expected(Row row) const {
    if (row.kind == kProcessingTimer) return row.sequence > 0;
    const auto expected = rows_.find({row.kind, row.key, row.sequence});
    if (expected == rows_.end()) return false;
    const Row& e = expected->second;
    return std::tie(e.kept, e.alike, e.largest, e.total, e.number) == std::tie(row.kept, row.alike, row.largest, row.total, row.number);
  }

  Complaint find_wrong(const Rows& rows) const {
    std::set<std::tuple<std::int64_t, std::int64_t, std::int64_t>> seen;
    std::map<std::pair<std::int64_t, std::int64_t>, Row> last;  // by kind and key
    for (const auto& [row, subtask, attempt] : rows) {
      if (row.kind == kWrongTimer) return fmt::format("a timer of key {} fired that should not: {}", row.key, row.sequence);
      if (!exactly_once()) continue;
      if (!is_expected(row)) return fmt::format("key {} has no row {} of kind {} with {} {} {} {}", row.key, row.sequence, row.kind, row.kept, row.alike, row.largest, row.total);
      if (!seen.emplace(row.kind, row.key, row.sequence).second) {
        return fmt::format("row {} of kind {} of key {} came out twice", row.sequence, row.kind, row.key);
      }
      const auto [before, is_first] = last.try_emplace({row.kind, row.key}, row);
      if (!is_first && row.sequence <= before->second.sequence) {
        return fmt::format("row {} of kind {} of key {} came out behind {}", row.sequence, row.kind, row.key, before->second.sequence);
      }
      if (row.kind == kEvent && (row.rules < before->second.rules || row.rules > static_cast<std::int64_t>(rules_->size()))) {
        return fmt::format("row {} of key {} saw {} rules, the one before {}", row.sequence, row.key, row.rules, before->second.rules);
      }
      before->second = row;
    }
    return std::nullopt;
  }

  Complaint find_wrong_window(const std::vector<CommittedRow<WindowRow>>& rows) const {
    std::set<std::pair<std::int64_t, std::int64_t>> seen;
    if (!exactly_once()) return std::nullopt;
    for (const auto& committed : rows) {
      const WindowRow& row = committed.row;
      const auto expected = windows_.find({row.key, row.start.ms()});
      if (expected == windows_.end() || expected->second != row.value || row.end != row.start + milliseconds{kWindowMs}) {
        return fmt::format("key {} has no window from {} to {} with {}", row.key, row.start.ms(), row.end.ms(), row.value);
      }
      if (!seen.emplace(expected->first).second) return fmt::format("the window of key {} at {} fired twice", row.key, row.start.ms());
    }
    return std::nullopt;
  }

  static Complaint find_lost(const Rows& rows, const std::vector<Event>& wanted) {
    std::set<std::int64_t> numbers;
    for (const auto& committed : rows) {
      if (committed.row.kind == kEvent) numbers.insert(committed.row.number);
    }
    for (const Event& event : wanted) {
      if (!numbers.contains(event.number)) return fmt::format("number {} of key {} is lost", event.number, event.key);
    }
    return std::nullopt;
  }

  /// Timers and windows, and processing timers without a gap.
  Complaint find_lost_rest(const Rows& rows, const std::vector<CommittedRow<WindowRow>>& windows) const {
    std::set<std::tuple<std::int64_t, std::int64_t, std::int64_t>> there;
    for (const auto& [row, subtask, attempt] : rows) there.emplace(row.kind, row.key, row.sequence);
    for (const auto& [wanted, row] : rows_) {
      if (row.kind == kTimer && !there.contains(wanted)) return fmt::format("the timer of key {} at {} is lost", row.key, row.sequence);
    }
    for (const auto& [kind, key, sequence] : there) {
      if (kind != kProcessingTimer || !exactly_once() || sequence == 1 || there.contains({kind, key, sequence - 1})) continue;
      return fmt::format("the processing timer {} of key {} is lost", sequence - 1, key);
    }
    std::set<std::pair<std::int64_t, std::int64_t>> fired;
    for (const auto& committed : windows) fired.emplace(committed.row.key, committed.row.start.ms());
    for (const auto& [window, value] : windows_) {
      if (!fired.contains(window)) return fmt::format("the window of key {} at {} is lost", window.first, window.second);
    }
    return std::nullopt;
  }

  Complaint find_wrong_state(FileSystem& files, const std::string& folder, const CheckpointMetadata& checkpoint,
                             const std::vector<Event>& read) const {
    for (const char* name : {"split", "union"}) {
      const auto items = read_list_state<std::int64_t>(checkpoint, "passing", name);
      if (!items) return items.error().message();
      const auto sum = std::accumulate(items->begin(), items->end(), std::int64_t{0});
      if (sum != static_cast<std::int64_t>(read.size())) {
        return fmt::format("{} events were read before the barrier, the {} list says {}", read.size(), name, sum);
      }
    }
    const auto rules_read = numbers_read(checkpoint, "rules", rules_->size());
    if (!rules_read) return rules_read.error().message();
    const auto rules = read_list_state<std::pair<std::int64_t, std::int64_t>>(checkpoint, "states", "rules");
    if (!rules) return rules.error().message();
    if (std::ranges::count(*rules_read, true) != static_cast<std::ptrdiff_t>(rules->size())) {
      return fmt::format("{} rules were read before the barrier, the state has {}", std::ranges::count(*rules_read, true), rules->size());
    }
    return find_wrong_keyed_state(files, folder, checkpoint, read);
  }

  Complaint find_wrong_keyed_state(FileSystem& files, const std::string& folder, const CheckpointMetadata& checkpoint,
                                   const std::vector<Event>& read) const {
    std::map<std::int64_t, Account> expected;
    for (const Event& event : read) expected[event.key].add(event.number);
    const auto compare = [&]<class V>(std::string_view state, V Account::*member) -> Complaint {
      const auto held = read_keyed_state<std::int64_t, V>(files, folder, checkpoint, "states", state);
      if (!held) return held.error().message();
      if (held->size() != expected.size()) return fmt::format("'{}' has {} keys; {} were read before the barrier", state, held->size(), expected.size());
      for (const auto& [key, account] : expected) {
        const auto found = held->find(key);
        if (found == held->end() || found->second != account.*member) return fmt::format("'{}' of key {} is not what was read before the barrier", state, key);
      }
      return std::nullopt;
    };
    if (auto wrong = compare("sequence", &Account::sequence)) return wrong;
    if (auto wrong = compare("kept", &Account::kept)) return wrong;
    if (auto wrong = compare("remainders", &Account::remainders)) return wrong;
    if (auto wrong = compare("largest", &Account::largest)) return wrong;
    return compare("total", &Account::total);
  }

  const Lanes<Event> lanes_;
  const Input<Rule> rules_;
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, Row> rows_;        // by kind, key and sequence
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> windows_;  // by key and start: the sum of its numbers
};

}  // namespace

std::unique_ptr<Workload> make_all_round(const WorkloadOptions& options) { return std::make_unique<AllRound>(options); }

}  // namespace tidemark
