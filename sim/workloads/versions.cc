// A job that is replaced by later versions of itself: the value type of its state is widened, reordered, renamed and
// grows, and the last version has no audit any more. The rows are the same whichever version has made them: for each
// key a count, and the sum of its numbers.
#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>
#include <type_traits>
#include <utility>

#include "sim/workloads/checkpoint_contents.h"
#include "sim/workloads/numbered_events.h"
#include "sim/workloads/rows_workload.h"
#include "sim/workloads/workloads.h"

namespace tidemark {
namespace {

constexpr std::int64_t kLimit = 100;

using Event = NumberedEvent;

struct Row {
  std::int64_t key = 0;
  std::int64_t number = 0;
  std::int64_t count = 0;
  std::int64_t sum = 0;
  std::int64_t limit = 0;  ///< kLimit, whether it was set or comes from a default
  std::int64_t items = 0;  ///< in the list, with this one
};

enum class Parity : std::uint8_t { kEven, kOdd };
enum class LaterParity : std::uint8_t { kUnknown, kOdd, kEven };

}  // namespace

template <>
struct state_schema_of<Parity> {
  static constexpr auto state_schema = schema(enumerator(Parity::kEven, "even"), enumerator(Parity::kOdd, "odd"));
};
template <>
struct state_schema_of<LaterParity> {
  static constexpr auto state_schema =
      schema(enumerator(LaterParity::kUnknown, "unknown"), enumerator(LaterParity::kOdd, "odd"),
             enumerator(LaterParity::kEven, "even"));
};

namespace {

/// The value type as it was first, then widened, reordered and with a new field, then with a new name and more fields.
struct Tally0 {
  std::int32_t count = 0;
  std::int64_t sum = 0;
  Parity last = Parity::kEven;
};
struct Tally1 {
  Parity last = Parity::kEven;
  std::int64_t sum = 0;
  std::int64_t count = 0;
  std::int64_t limit = kLimit;
  static constexpr auto state_schema = schema(default_of("limit", kLimit));
};
struct Tally2 {
  std::optional<std::int64_t> total;
  std::int64_t count = 0;
  std::int64_t limit = kLimit;
  std::string note;
  LaterParity last = LaterParity::kUnknown;
  static constexpr auto state_schema = schema(alias("total", "sum"), default_of("limit", kLimit));
};

struct Item0 {
  std::int32_t number = 0;
};
struct Item1 {
  std::string origin;
  std::int64_t number = 0;
};

struct Sums {
  std::int64_t count = 0;
  std::int64_t sum = 0;
  std::int64_t limit = kLimit;
  bool is_odd = false;
};
Sums sums_of(const Tally0& t) { return {t.count, t.sum, kLimit, t.last == Parity::kOdd}; }
Sums sums_of(const Tally1& t) { return {t.count, t.sum, t.limit, t.last == Parity::kOdd}; }
Sums sums_of(const Tally2& t) { return {t.count, t.total.value_or(0), t.limit, t.last == LaterParity::kOdd}; }

void store(const Sums& sums, Tally0& t) {
  t = {static_cast<std::int32_t>(sums.count), sums.sum, sums.is_odd ? Parity::kOdd : Parity::kEven};
}
void store(const Sums& sums, Tally1& t) {
  t = {sums.is_odd ? Parity::kOdd : Parity::kEven, sums.sum, sums.count, sums.limit};
}
void store(const Sums& sums, Tally2& t) {
  t = {sums.sum, sums.count, sums.limit, std::to_string(sums.count),
       sums.is_odd ? LaterParity::kOdd : LaterParity::kEven};
}

template <class Tally, class Item>
class Count final : public KeyedProcess<std::int64_t, Event, Row> {
 public:
  Count(Declare& declare, BadLuck bad_luck)
      : tally_{declare, "tally"}, items_{declare, "items"}, bad_luck_{std::move(bad_luck)} {}

  void process(const Event& event, Context& ctx, Out<Row>& out) override {
    Sums sums = sums_of(tally_.get());
    ++sums.count;
    sums.sum += event.number;
    sums.is_odd = event.number % 2 != 0;
    tally_.mutate([&](Tally& tally) { store(sums, tally); });
    Item item;
    item.number = static_cast<decltype(item.number)>(event.number);
    items_.add(item);
    bad_luck_();
    out.emit(
        {ctx.key(), event.number, sums.count, sums.sum, sums.limit, static_cast<std::int64_t>(items_.get().size())});
  }

 private:
  ValueState<Tally> tally_;
  ListState<Item> items_;
  BadLuck bad_luck_;
};

/// Puts nothing out.
class Audit final : public KeyedProcess<std::int64_t, Event, Event> {
 public:
  explicit Audit(Declare& declare) : last_{declare, "last"} {}
  void process(const Event& event, Context&, Out<Event>&) override { last_.set(event.number); }

 private:
  ValueState<std::int64_t> last_;
};

class Versions final : public RowsWorkload<Row> {
 public:
  explicit Versions(const WorkloadOptions& options) : RowsWorkload{options}, lanes_{make_numbered_lanes(options)} {
    std::map<std::int64_t, Sums> sums;
    for (const Input<Event>& lane : lanes_) {
      for (const Event& event : *lane) {
        add_to(sums[event.key], event);
        expected_[event.number] = {event.key, sums[event.key]};
      }
    }
  }

  std::string name() const override { return "versions"; }
  std::uint32_t versions() const override { return 3; }
  std::vector<std::string> gone_in(std::uint32_t version) const override {
    return version == 2 ? std::vector<std::string>{kAudit} : std::vector<std::string>{};
  }
  bool may_be_drained() const override { return true; }

  void describe(Job& job) const override {
    const Stream<Event> events = from_lanes(job, lanes_);
    if (version() < 2) events.key_by(&Event::key).process<Audit>().uid(kAudit).to(discard());
    switch (version()) {
      case 0:
        return count<Count<Tally0, Item0>>(events);
      case 1:
        return count<Count<Tally1, Item0>>(events);
      default:
        return count<Count<Tally2, Item1>>(events);
    }
  }

  Complaint check_checkpoint(FileSystem& files, const std::string& folder,
                             const CheckpointMetadata& checkpoint) const override {
    const auto read = records_read(checkpoint, lanes_);
    if (!read) return read.error().message();
    if (exactly_once()) {
      const Complaint wrong = version() == 0   ? find_wrong_tally<Tally0, Item0>(files, folder, checkpoint, *read)
                              : version() == 1 ? find_wrong_tally<Tally1, Item0>(files, folder, checkpoint, *read)
                                               : find_wrong_tally<Tally2, Item1>(files, folder, checkpoint, *read);
      if (wrong) return wrong;
    }
    return check_secured(files, checkpoint, [&](const Rows& rows) { return find_lost_number(rows, *read); });
  }

 private:
  static constexpr const char* kCounts = "counts";
  static constexpr const char* kAudit = "audit";

  static void add_to(Sums& sums, const Event& event) {
    ++sums.count;
    sums.sum += event.number;
  }

  template <class Function>
  void count(const Stream<Event>& events) const {
    events.key_by(&Event::key)
        .template process<Function>(bad_luck())
        .uid(kCounts)
        .to(write_files(kOut, as_json()))
        .uid(kSink);
  }

  Complaint find_wrong(const Rows& rows) const override {
    std::set<std::int64_t> seen;
    for (const auto& committed : rows) {
      const Row& row = committed.row;
      const auto found = expected_.find(row.number);
      if (found == expected_.end() || found->second.key != row.key)
        return fmt::format("key {} has no number {}", row.key, row.number);
      if (row.limit != kLimit)
        return fmt::format("at number {} key {} had the limit {}", row.number, row.key, row.limit);
      if (may_repeat()) continue;
      if (!seen.insert(row.number).second) return fmt::format("number {} came out twice", row.number);
      const Sums& sums = found->second.sums;
      if (row.count == sums.count && row.sum == sums.sum && row.items == sums.count) continue;
      return fmt::format("at number {} key {} had the count {}, the sum {} and {} items; right are {} and {}",
                         row.number, row.key, row.count, row.sum, row.items, sums.count, sums.sum);
    }
    return std::nullopt;
  }

  Complaint find_missing(const Rows& rows) const override { return find_lost_number(rows, lanes_); }

  template <class Tally, class Item>
  static Complaint find_wrong_tally(FileSystem& files, const std::string& folder, const CheckpointMetadata& checkpoint,
                                    const std::vector<Event>& read) {
    const auto tallies = read_keyed_state<std::int64_t, Tally>(files, folder, checkpoint, kCounts, "tally");
    if (!tallies) return tallies.error().message();
    const auto items = read_keyed_state<std::int64_t, std::vector<Item>>(files, folder, checkpoint, kCounts, "items");
    if (!items) return items.error().message();
    std::map<std::int64_t, Sums> expected;
    for (const Event& event : read) add_to(expected[event.key], event);
    if (tallies->size() != expected.size() || items->size() != expected.size()) {
      return fmt::format("{} keys were read before the barrier, the state has {} and {}", expected.size(),
                         tallies->size(), items->size());
    }
    for (const auto& [key, sums] : expected) {
      const auto tally = tallies->find(key);
      const auto list = items->find(key);
      if (tally == tallies->end() || list == items->end()) return fmt::format("key {} is not in the state", key);
      const Sums held = sums_of(tally->second);
      if (held.count == sums.count && held.sum == sums.sum && std::ssize(list->second) == sums.count) continue;
      return fmt::format("{} records of key {} were read before the barrier, its state is {} with {} items", sums.count,
                         key, held.count, list->second.size());
    }
    return std::nullopt;
  }

  struct Expected {
    std::int64_t key = 0;
    Sums sums;
  };
  const Lanes<Event> lanes_;
  std::map<std::int64_t, Expected> expected_;  // by number
};

}  // namespace

std::unique_ptr<Workload> make_versions(const WorkloadOptions& options) { return std::make_unique<Versions>(options); }

}  // namespace tidemark
