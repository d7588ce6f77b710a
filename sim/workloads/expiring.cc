// State with a time to live. The function sees what its states hold and puts it out with the time of the wall clock, so
// each row says what had to be there: of the rows of its key before it, those that lived still. What has expired is
// never seen again, and nothing goes before its time, also across a restore.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <ranges>
#include <set>
#include <utility>

#include "sim/workloads/checkpoint_contents.h"
#include "sim/workloads/numbered_events.h"
#include "sim/workloads/rows_workload.h"
#include "sim/workloads/workloads.h"
#include "tidemark/detail/state/stamped.h"

namespace tidemark {
namespace {

constexpr std::int64_t kRemainders = 3;  // of a key's map

using Event = NumberedEvent;

struct Memory {
  std::int64_t count = 0;   ///< records of the key, since the one before them had expired
  std::int64_t number = 0;  ///< the newest
};

struct Row {
  std::int64_t key = 0;
  std::int64_t number = 0;
  std::int64_t now_ms = 0;
  std::int64_t count = 0;
  std::vector<std::int64_t> list;  ///< numbers that were in the list before this one
  std::vector<std::int64_t> map;   ///< likewise, in the order of their remainders
};

class Remember final : public KeyedProcess<std::int64_t, Event, Row> {
 public:
  Remember(Declare& declare, Duration life, BadLuck bad_luck)
      : memory_{declare, "memory", ttl(life)},
        list_{declare, "list", ttl(life)},
        map_{declare, "map", ttl(life)},
        bad_luck_{std::move(bad_luck)} {}

  void process(const Event& event, Context& ctx, Out<Row>& out) override {
    Row row{ctx.key(), event.number, ctx.processing_time().ms(), memory_.get().count + 1, {}, {}};
    for (const std::int64_t number : list_.get()) row.list.push_back(number);
    for (const auto& [remainder, number] : map_.entries()) row.map.push_back(number);
    memory_.set({row.count, event.number});
    list_.add(event.number);
    map_.put(event.number % kRemainders, event.number);
    bad_luck_();
    out.emit(row);
  }

 private:
  ValueState<Memory, Ttl> memory_;
  ListState<std::int64_t, Ttl> list_;
  MapState<std::int64_t, std::int64_t, Ttl> map_;
  BadLuck bad_luck_;
};

/// When what is written now counts as written, and what is looked at now as seen, in whole seconds.
std::int64_t written_s(std::int64_t now_ms) { return (now_ms + 999) / 1000; }
std::int64_t seen_s(std::int64_t now_ms) { return now_ms / 1000; }

class Expiring final : public RowsWorkload<Row> {
 public:
  explicit Expiring(const WorkloadOptions& options)
      : RowsWorkload{options},
        life_s_{1 + static_cast<std::int64_t>(options.seed % 3)},
        lanes_{make_numbered_lanes(options)} {}

  std::string name() const override { return "expiring"; }
  bool may_be_drained() const override { return true; }

  void describe(Job& job) const override {
    from_lanes(job, lanes_)
        .key_by(&Event::key)
        .process<Remember>(Duration{std::chrono::seconds{life_s_}}, bad_luck())
        .uid(kOperator)
        .to(write_files(kOut, as_json()))
        .uid(kSink);
  }

  Complaint check_checkpoint(FileSystem& files, const std::string& folder,
                             const CheckpointMetadata& checkpoint) const override {
    const auto read = records_read(checkpoint, lanes_);
    if (!read) return read.error().message();
    const auto memory =
        read_keyed_state<std::int64_t, detail::Stamped<Memory>>(files, folder, checkpoint, kOperator, "memory");
    if (!memory) return memory.error().message();
    return check_secured(files, checkpoint, [&](const Rows& rows) {
      const Complaint lost = find_lost_number(rows, *read);
      return lost || !exactly_once() ? lost : find_wrong_memory(rows, *read, *memory, checkpoint.completed_wall_ms);
    });
  }

 private:
  static constexpr const char* kOperator = "memory";

  /// Up to the row's number, in their order.
  std::vector<std::int64_t> numbers_of(const Row& row) const {
    std::vector<std::int64_t> numbers;
    for (const Input<Event>& lane : lanes_) {
      for (const Event& event : *lane) {
        if (event.key == row.key && event.number <= row.number) numbers.push_back(event.number);
      }
    }
    return numbers;
  }

  bool lives(const Row& written, std::int64_t now_ms) const {
    return seen_s(now_ms) < written_s(written.now_ms) + life_s_;
  }

  // Of what was written before a row, some may not be committed yet: what it saw is looked at in the end.
  Complaint find_wrong(const Rows& rows) const override {
    std::set<std::int64_t> seen;
    for (const auto& committed : rows) {
      const Row& row = committed.row;
      const std::vector<std::int64_t> numbers = numbers_of(row);
      if (numbers.empty() || numbers.back() != row.number) return fmt::format("key {} has no number {}", row.key, row.number);
      if (may_repeat()) continue;
      if (!seen.insert(row.number).second) return fmt::format("number {} came out twice", row.number);
      const auto is_earlier = [&](std::int64_t n) { return n < row.number && std::ranges::count(numbers, n) > 0; };
      const bool right = std::ranges::all_of(row.list, is_earlier) && std::ranges::all_of(row.map, is_earlier) &&
                         row.list.empty() == (row.count == 1) && row.count > 0 && row.count <= std::ssize(numbers);
      if (!right) return fmt::format("number {} of key {} saw what was never there", row.number, row.key);
    }
    return std::nullopt;
  }

  Complaint find_wrong_rows(const Rows& rows) const {
    std::map<std::int64_t, std::vector<Row>> before;  // by key
    for (const auto& committed : rows) {
      const Row& row = committed.row;
      if (auto wrong = find_wrong_row(row, before[row.key])) return wrong;
      before[row.key].push_back(row);
    }
    return std::nullopt;
  }

  /// Against the rows of its key before it; they are in the order in which they were written.
  Complaint find_wrong_row(const Row& row, const std::vector<Row>& before) const {
    std::int64_t count = 1;
    std::vector<std::int64_t> list;
    std::map<std::int64_t, std::int64_t> map;
    for (const Row& one : before) {
      if (one.number >= row.number)
        return fmt::format("number {} of key {} came out behind {}", row.number, row.key, one.number);
      if (!lives(one, row.now_ms)) continue;
      count = one.count + 1;
      list.push_back(one.number);
      map[one.number % kRemainders] = one.number;
    }
    const bool same_map = std::ranges::equal(map | std::views::values, row.map);
    if (count == row.count && list == row.list && same_map) return std::nullopt;
    std::string history;
    for (const Row& one : before) history += fmt::format(" {} at {} ms,", one.number, one.now_ms);
    return fmt::format("at number {} of key {}, at {} ms, the count was {} with {} in the list and {} in the map; with a "
                       "life of {} s,{} {} should be in the list",
                       row.number, row.key, row.now_ms, row.count, row.list.size(), row.map.size(), life_s_, history,
                       list.size());
  }

  Complaint find_missing(const Rows& rows) const override {
    if (auto lost = find_lost_number(rows, lanes_)) return lost;
    return exactly_once() ? find_wrong_rows(rows) : std::nullopt;
  }

  /// What the checkpoint holds of a key is from the newest record before its barrier, and all that lives is there.
  Complaint find_wrong_memory(const Rows& rows, const std::vector<Event>& read,
                              const std::map<std::int64_t, detail::Stamped<Memory>>& memory, std::int64_t now_ms) const {
    std::map<std::int64_t, Row> row_of;  // by number
    for (const auto& committed : rows) row_of[committed.row.number] = committed.row;
    std::map<std::int64_t, Row> newest;  // by key; events of a key were read in their order
    for (const Event& event : read) newest[event.key] = row_of[event.number];
    for (const auto& [key, row] : newest) {
      if (lives(row, now_ms) && !memory.contains(key)) return fmt::format("the state of key {} lives and is not there", key);
    }
    for (const auto& [key, held] : memory) {
      const Row& row = newest[key];
      const bool same = held.value.number == row.number && held.value.count == row.count;
      if (same && held.written_s == written_s(row.now_ms)) continue;
      return fmt::format(
          "the state of key {} is from number {}, written at {} s; the newest before the barrier was {}, at {} ms", key,
          held.value.number, held.written_s, row.number, row.now_ms);
    }
    return std::nullopt;
  }

  const std::int64_t life_s_;
  const Lanes<Event> lanes_;
};

}  // namespace

std::unique_ptr<Workload> make_expiring(const WorkloadOptions& options) { return std::make_unique<Expiring>(options); }

}  // namespace tidemark
