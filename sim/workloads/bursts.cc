// Thousands of timers that are due at one time: every key has one for the end of its burst, so that firing takes many steps,
// and the outputs fill up in between. Each reminder must come once, at its time, and none may overtake the burst before.
#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

#include "sim/workloads/checkpoint_contents.h"
#include "sim/workloads/rows_workload.h"
#include "sim/workloads/workloads.h"

namespace tidemark {
namespace {

constexpr std::int64_t kKeysOfRecord = 60;

struct Number {
  std::int64_t number = 0;
};

struct Event {
  std::int64_t key = 0;
  std::int64_t burst = 0;
};

struct Reminder {
  std::int64_t key = 0;
  std::int64_t burst = 0;
};

struct Row {
  std::int64_t key = 0;
  std::int64_t burst = 0;
  std::int64_t count = 0;  ///< of the reminders of its burst, with this one
};

class Remind final : public KeyedProcess<std::int64_t, Event, Reminder> {
 public:
  Remind(Declare& declare, BadLuck bad_luck) : burst_{declare, "burst"}, bad_luck_{std::move(bad_luck)} {}

  void process(const Event& event, Context& ctx, Out<Reminder>&) override {
    burst_.set(event.burst);
    ctx.timers().at(Timestamp{event.burst});
  }
  void on_timer(Timestamp at, Context& ctx, Out<Reminder>& out) override {
    bad_luck_();
    out.emit({ctx.key(), at.ms() == burst_.get() ? at.ms() : -1});
    burst_.clear();
  }

 private:
  ValueState<std::int64_t> burst_;
  BadLuck bad_luck_;
};

class Count final : public KeyedProcess<std::int64_t, Reminder, Row> {
 public:
  explicit Count(Declare& declare) : count_{declare, "count"} {}

  void process(const Reminder& reminder, Context&, Out<Row>& out) override {
    count_.set(count_.get() + 1);
    out.emit({reminder.key, reminder.burst, count_.get()});
  }

 private:
  ValueState<std::int64_t> count_;
};

class Bursts final : public RowsWorkload<Row> {
 public:
  explicit Bursts(const WorkloadOptions& options)
      : RowsWorkload{options}, records_of_burst_{std::int64_t{20} << options.seed % 4} {}

  std::string name() const override { return "bursts"; }

  void describe(Job& job) const override {
    job.from(generate<Number>(options().records, [](std::uint64_t n) { return Number{static_cast<std::int64_t>(n)}; })
                 .event_time(&Number::number))
        .uid("numbers")
        .parallelism(1)
        .flat_map([of_burst = records_of_burst_](const Number& n, Out<Event>& out) {
          for (std::int64_t i = 0; i < kKeysOfRecord; ++i) out.emit({n.number * kKeysOfRecord + i, burst_of(n.number, of_burst)});
        })
        .key_by(&Event::key)
        .process<Remind>(bad_luck())
        .uid("reminders")
        .key_by(&Reminder::burst)
        .process<Count>()
        .uid("counts")
        .to(write_files(kOut, as_json()))
        .uid(kSink);
  }

  Complaint check_checkpoint(FileSystem& files, const std::string& folder, const CheckpointMetadata& checkpoint) const override {
    if (!exactly_once()) return std::nullopt;
    const auto read = numbers_read(checkpoint, "numbers", options().records);
    if (!read) return read.error().message();
    const auto waiting = read_keyed_state<std::int64_t, std::int64_t>(files, folder, checkpoint, "reminders", "burst");
    if (!waiting) return waiting.error().message();
    const auto timers = read_timers<std::int64_t>(files, folder, checkpoint, "reminders");
    if (!timers) return timers.error().message();
    for (const auto& [key, burst] : *waiting) {
      if (!timers->contains({key, Timestamp{burst}})) return fmt::format("key {} has no timer", key);
    }
    if (timers->size() != waiting->size()) return fmt::format("{} keys wait, with {} timers", waiting->size(), timers->size());
    return check_secured(files, checkpoint, [&](const Rows& rows) { return find_lost(rows, *read, *waiting); });
  }

 private:
  /// When the burst of this record ends.
  static std::int64_t burst_of(std::int64_t number, std::int64_t records_of_burst) {
    return (number / records_of_burst + 1) * records_of_burst;
  }

  Complaint find_wrong(const Rows& rows) const override {
    std::set<std::int64_t> reminded;
    std::map<std::int64_t, std::int64_t> counts;  // by burst
    for (const auto& [row, subtask, attempt] : rows) {
      const std::int64_t number = row.key / kKeysOfRecord;
      if (row.key < 0 || static_cast<std::uint64_t>(number) >= options().records || row.burst != burst_of(number, records_of_burst_)) {
        return fmt::format("key {} was to be reminded at no time of {}", row.key, row.burst);
      }
      if (may_repeat()) continue;
      if (!reminded.insert(row.key).second) return fmt::format("key {} was reminded twice", row.key);
      const std::int64_t count = ++counts[row.burst];
      if (row.count != count) return fmt::format("burst {} has the count {} in place of {}", row.burst, row.count, count);
    }
    return std::nullopt;
  }

  Complaint find_missing(const Rows& rows) const override {
    return find_lost(rows, std::vector<bool>(options().records, true), {});
  }

  /// Keys that were read, and neither reminded nor waiting.
  Complaint find_lost(const Rows& rows, const std::vector<bool>& read, const std::map<std::int64_t, std::int64_t>& waiting) const {
    std::set<std::int64_t> reminded;
    for (const auto& committed : rows) reminded.insert(committed.row.key);
    const auto keys = static_cast<std::int64_t>(options().records) * kKeysOfRecord;
    for (std::int64_t key = 0; key < keys; ++key) {
      if (!read[static_cast<std::size_t>(key / kKeysOfRecord)] || reminded.contains(key) || waiting.contains(key)) continue;
      return fmt::format("the reminder of key {} is lost", key);
    }
    return std::nullopt;
  }

  const std::int64_t records_of_burst_;
};

}  // namespace

std::unique_ptr<Workload> make_bursts(const WorkloadOptions& options) { return std::make_unique<Bursts>(options); }

}  // namespace tidemark
