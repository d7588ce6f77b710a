// Two streams that meet: those of a source of the user's, whose splits are read beside the task, and those of a generated one,
// which a rate may hold back. They meet in a join by time, and the first ones alone in sessions and in windows of two stages.
// Where nothing is read twice the first ones are guests of the second ones, too: of a host there is one, so they meet in joins
// with a unique side.
//
// Nothing is ever late: the sources are told how far events lag. So each row is known before: the pairs and those that are
// alone, the sessions and the windows of each key, with all their events. Of guests and hosts it is known what a checkpoint
// must keep as well: what was read says who has met.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/workloads/checkpoint_contents.h"
#include "sim/workloads/rows_workload.h"
#include "sim/workloads/timed_events.h"
#include "sim/workloads/workloads.h"
#include "tidemark/detail/connectors/assigned_splits.h"
#include "tidemark/detail/operators/interval_join.h"
#include "tidemark/detail/operators/unique_join.h"
#include "tidemark/detail/operators/window_function.h"

namespace tidemark {
namespace {

using std::chrono::milliseconds;

using Event = TimedEvent;

constexpr std::int64_t kMostLagMs = 10;
constexpr std::int64_t kEarliestPartnerMs = -15;
constexpr std::int64_t kLatestPartnerMs = 20;
constexpr std::int64_t kGapMs = 12;
constexpr std::int64_t kWindowMs = 25;
constexpr std::int64_t kNobody = -1;

using Ids = std::vector<std::int64_t>;

constexpr std::int64_t kMeeting = 0;  // of two, by their ids, or of one and kNobody
constexpr std::int64_t kSession = 1;
constexpr std::int64_t kWindow = 2;
constexpr std::int64_t kVisit = 3;    // of a guest and a host, or of one and kNobody: a row that is there, or no more
constexpr std::int64_t kWelcome = 4;  // of a host and a guest

struct Row {
  std::int64_t kind = 0;
  std::int64_t key = 0;
  std::int64_t start = 0;
  std::int64_t end = 0;  // of a visit: 1, or -1 where it is taken away
  Ids ids;
  auto operator<=>(const Row&) const = default;
};

std::string to_string(const Row& row) {
  return fmt::format("row of kind {} and key {} from {} to {} of [{}]", row.kind, row.key, row.start, row.end, fmt::join(row.ids, ", "));
}

/// Of every two hosts one has guests, some of which come before it; some guests have no host.
std::int64_t host_of(const Event& guest) { return guest.id % 8 == 7 ? kNobody : (guest.id ^ 20) & ~std::int64_t{1}; }

/// A stretch of the first stream's events.
struct Stretch {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};
struct Place {
  std::int64_t read = 0;  ///< of its stretch
};

class EventSource final : public Source<Event, Stretch, Place> {
 public:
  EventSource(Input<Event> events, std::vector<Stretch> stretches, bool side_by_side, BadLuck bad_luck)
      : events_{std::move(events)}, stretches_{std::move(stretches)}, side_by_side_{side_by_side}, bad_luck_{std::move(bad_luck)} {}

  std::string name() const override { return "read events"; }
  std::vector<Stretch> find_splits() override { return stretches_; }
  bool side_by_side() const override { return side_by_side_; }
  void open(const Stretch& stretch, const Place&) override { stretch_ = stretch; }

  ReadOutcome read(Place& place, SourceOut<Event>& out) override {
    bad_luck_();
    if (place.read % 3 == 0 && !std::exchange(has_rested_, true)) return ReadOutcome::kNothingNow;
    has_rested_ = false;
    while (!out.full() && out.size() < 2 && stretch_.begin + place.read < stretch_.end) {
      out.emit((*events_)[static_cast<std::size_t>(stretch_.begin + place.read++)]);
    }
    return stretch_.begin + place.read < stretch_.end ? ReadOutcome::kMore : ReadOutcome::kEnd;
  }

 private:
  const Input<Event> events_;
  const std::vector<Stretch> stretches_;
  const bool side_by_side_;
  const BadLuck bad_luck_;
  Stretch stretch_;
  bool has_rested_ = false;
};

/// Where an event of a checkpoint must be, in state or in rows that are secured.
enum Where : std::size_t { kFirstOfMeeting, kSecondOfMeeting, kInSession, kInWindow, kPlaces };
using Present = std::array<std::set<std::int64_t>, kPlaces>;

/// What the two joins of guests and hosts keep.
struct Kept {
  std::map<std::int64_t, std::int64_t> visited;  // hosts, with 1 for those that have had a guest
  std::set<std::int64_t> welcoming;              // hosts
  std::multiset<std::int64_t> visiting;          // guests that wait for their host
  std::multiset<std::int64_t> expected;          // in the other join
  bool operator==(const Kept&) const = default;
};

class Meetings final : public RowsWorkload<Row> {
 public:
  explicit Meetings(const WorkloadOptions& options)
      : RowsWorkload{options}, has_windows_{options.seed % 2 == 0}, has_hosts_{exactly_once()},
        first_{make(options, 1)}, second_{make(options, 2)}, stretches_{cut(options)} {
    expect_meetings();
    expect_sessions();
    if (has_windows_) expect_windows();
    if (has_hosts_) expect_visits();
  }

  std::string name() const override { return "meetings"; }

  void describe(Job& job) const override {
    const bool side_by_side = options().seed / 2 % 2 == 0;
    auto first = own_source<EventSource>(first_, stretches_, side_by_side, bad_luck()).poll_every(milliseconds{1});
    first.event_time(&Event::time, out_of_order_by(milliseconds{kMostLagMs}));
    auto second = from_input(second_).event_time(&Event::time, out_of_order_by(milliseconds{kMostLagMs}));
    // It is held back, and not idle.
    if (options().seed % 3 == 0) second.rate(2000).idle_after(milliseconds{1});
    if (options().seed % 5 == 0) {
      const AlignmentGroup together{milliseconds{40}, milliseconds{1}};
      first.align(together);
      second.align(together);
    }
    const auto events = job.from(first).uid("first").filter(bad_luck().filter<Event>());
    const auto others = job.from(second).uid("second");
    const auto meet = [](const Event* event, const Event* other) {
      return Row{kMeeting, event ? event->key : other->key, 0, 0, {event ? event->id : kNobody, other ? other->id : kNobody}};
    };
    auto rows = events.key_by(&Event::key)
                    .join(others.key_by(&Event::key))
                    .between(milliseconds{kEarliestPartnerMs}, milliseconds{kLatestPartnerMs})
                    .full(meet)
                    .uid("meetings")
                    .union_with(events.key_by(&Event::key).window(session(milliseconds{kGapMs})).aggregate(IdsOfEvents{}).uid("sessions").map(row_of<kSession>));
    if (has_windows_) {
      const auto windows = tumbling(milliseconds{kWindowMs});
      rows = rows.union_with(
          events.rebalance().key_by(&Event::key).window(windows).two_stage().aggregate(IdsOfEvents{}).uid("windows").map(row_of<kWindow>));
    }
    if (has_hosts_) rows = rows.union_with(visits_of(events, others));
    rows.to(write_files(kOut, as_json())).uid(kSink);
  }

  Complaint check_checkpoint(FileSystem& files, const std::string& folder, const CheckpointMetadata& checkpoint) const override {
    const auto first = first_read(checkpoint);
    if (!first) return first.error().message();
    const auto second = numbers_read(checkpoint, "second", second_->size());
    if (!second) return second.error().message();
    const auto read = [&](Where where) -> const std::vector<bool>& { return where == kSecondOfMeeting ? *second : *first; };
    const auto kept = in_state(files, folder, checkpoint);
    if (!kept) return kept.error().message();
    for (const Where where : {kFirstOfMeeting, kSecondOfMeeting, kInSession, kInWindow}) {
      for (const std::int64_t id : (*kept)[where]) {
        if (exactly_once() && !read(where).at(static_cast<std::size_t>(id))) return fmt::format("{}: the state has event {}, which was not read", +where, id);
      }
    }
    if (has_hosts_) {
      const auto met = kept_by_visits(files, folder, checkpoint);
      if (!met) return met.error().message();
      if (*met != kept_of(*first, *second)) return "the joins of guests and hosts do not keep what follows from what was read";
    }
    return check_secured(files, checkpoint, [&](const Rows& rows) -> Complaint {
      Present present = *kept;
      std::set<Row> there;
      for (const auto& committed : rows) add(present, *there.insert(settled(committed.row)).first);
      if (auto lost = has_hosts_ ? find_lost_visit(there, *first, *second) : std::nullopt) return lost;
      for (const Where where : {kFirstOfMeeting, kSecondOfMeeting, kInSession, kInWindow}) {
        if (where == kInWindow && !has_windows_) continue;
        for (std::size_t id = 0; id < read(where).size(); ++id) {
          if (read(where)[id] && !present[where].contains(static_cast<std::int64_t>(id))) return fmt::format("{}: event {} was read and is lost", +where, id);
        }
      }
      for (const Row& row : expected_) {
        if (row.kind != kMeeting || std::ranges::count(row.ids, kNobody) > 0 || there.contains(row)) continue;
        if ((*first)[static_cast<std::size_t>(row.ids[0])] && (*second)[static_cast<std::size_t>(row.ids[1])]) return to_string(row) + " is lost: both were read";
      }
      return std::nullopt;
    });
  }

 private:
  static Input<Event> make(const WorkloadOptions& options, std::uint64_t stream) {
    Dice dice{options.seed + stream};
    const auto keys = static_cast<std::uint64_t>(1 + options.seed % 8);
    std::vector<Event> events;
    for (std::int64_t id = 0; id < static_cast<std::int64_t>(options.records / 2 + 1); ++id) {
      events.push_back({id, dice.below(keys), 200 + 4 * id - dice.below(kMostLagMs + 1)});
    }
    return make_input(std::move(events));
  }

  /// One behind the other in time, so that none is late if the one before it is read before.
  std::vector<Stretch> cut(const WorkloadOptions& options) const {
    Dice dice{options.seed};
    std::vector<Stretch> stretches;
    const auto events = static_cast<std::int64_t>(first_->size());
    for (std::int64_t begin = 0; begin < events; begin = stretches.back().end) {
      stretches.push_back({begin, std::min(begin + 1 + dice.below(25), events)});
    }
    return stretches;
  }

  // From the side of the many and from that of the one; with what is alone, which is taken back, and without.
  static Stream<Row> visits_of(const Stream<Event>& guests, const Stream<Event>& hosts) {
    const auto by_host = guests.key_by([](const Event& guest) { return host_of(guest); });
    const auto by_id = hosts.key_by(&Event::id);
    const auto visit = [](const Event* guest, const Event* host) {
      return Row{kVisit, 0, 0, 0, {guest ? guest->id : kNobody, host ? host->id : kNobody}};
    };
    const auto signed_row = [](const Change<Row>& change) {
      Row row = change.row;
      row.end = adds(change.kind) ? 1 : -1;
      return row;
    };
    const auto welcome = [](const Event& host, const Event& guest) { return Row{kWelcome, 0, 0, 0, {host.id, guest.id}}; };
    return by_host.join(by_id).unbounded().many_to_one().full(visit).uid("visits").map(signed_row).union_with(
        by_id.join(by_host).unbounded().one_to_many().inner(welcome).uid("welcomes"));
  }

  bool has_host(const Event& guest) const {
    const std::int64_t host = host_of(guest);
    return host != kNobody && host < static_cast<std::int64_t>(second_->size());
  }

  template <std::int64_t kKind>
  static Row row_of(const Windowed<std::int64_t, Ids>& window) {
    return {kKind, window.key, window.start.ms(), window.end.ms(), window.value};
  }

  void expect_meetings() {
    std::set<std::int64_t> met;
    for (const Event& event : *first_) {
      bool alone = true;
      for (const Event& other : *second_) {
        const std::int64_t later_ms = other.time - event.time;
        if (other.key != event.key || later_ms < kEarliestPartnerMs || later_ms > kLatestPartnerMs) continue;
        expected_.insert({kMeeting, event.key, 0, 0, {event.id, other.id}});
        met.insert(other.id);
        alone = false;
      }
      if (alone) expected_.insert({kMeeting, event.key, 0, 0, {event.id, kNobody}});
    }
    for (const Event& other : *second_) {
      if (!met.contains(other.id)) expected_.insert({kMeeting, other.key, 0, 0, {kNobody, other.id}});
    }
  }

  void expect_sessions() {
    std::vector<Event> events = *first_;
    std::ranges::sort(events, {}, &Event::time);
    std::map<std::int64_t, Row> open;
    for (const Event& event : events) {
      Row& session = open.try_emplace(event.key, Row{kSession, event.key, event.time, event.time, {}}).first->second;
      if (event.time > session.end) {
        expect(std::move(session));
        session = {kSession, event.key, event.time, event.time, {}};
      }
      session.end = event.time + kGapMs;
      session.ids.push_back(event.id);
    }
    for (auto& [key, session] : open) expect(std::move(session));
  }

  void expect_windows() {
    std::map<std::pair<std::int64_t, std::int64_t>, Ids> windows;
    for (const Event& event : *first_) windows[{event.key, event.time / kWindowMs * kWindowMs}].push_back(event.id);
    for (auto& [at, ids] : windows) expect({kWindow, at.first, at.second, at.second + kWindowMs, std::move(ids)});
  }

  // Who is alone until the other comes is alone for a while, or never: that hangs on which of them is read first.
  void expect_visits() {
    std::set<std::int64_t> alone;
    for (const Event& host : *second_) alone.insert(host.id);
    for (const Event& guest : *first_) {
      if (!has_host(guest)) {
        expected_.insert(visit(guest.id, kNobody, 1));
        continue;
      }
      const std::int64_t host = host_of(guest);
      alone.erase(host);
      expected_.insert(visit(guest.id, host, 1));
      expected_.insert({kWelcome, 0, 0, 0, {host, guest.id}});
      for (const std::int64_t change : {1, -1}) {
        passing_.insert(visit(guest.id, kNobody, change));
        passing_.insert(visit(kNobody, host, change));
      }
    }
    for (const std::int64_t host : alone) expected_.insert(visit(kNobody, host, 1));
  }

  static Row visit(std::int64_t guest, std::int64_t host, std::int64_t change) { return {kVisit, 0, 0, change, {guest, host}}; }

  void expect(Row row) {
    std::ranges::sort(row.ids);
    expected_.insert(std::move(row));
  }

  /// What a row says, if events may have been counted again.
  Row settled(Row row) const {
    if (may_repeat() && row.kind != kMeeting) row.ids.erase(std::ranges::unique(row.ids).begin(), row.ids.end());
    return row;
  }

  Complaint find_wrong(const Rows& rows) const override {
    std::set<Row> there;
    for (const auto& committed : rows) {
      const Row row = settled(committed.row);
      if (!expected_.contains(row) && !passing_.contains(row)) return "there is no " + to_string(row);
      if (!there.insert(row).second && !may_repeat()) return to_string(row) + " came out twice";
    }
    return std::nullopt;
  }

  Complaint find_missing(const Rows& rows) const override {
    std::set<Row> there;
    for (const auto& committed : rows) there.insert(settled(committed.row));
    for (const Row& row : expected_) {
      if (!there.contains(row)) return to_string(row) + " is lost";
    }
    return find_unbalanced(there);
  }

  /// Of rows that are there for a while only: once they are all there, each was taken away.
  Complaint find_unbalanced(const std::set<Row>& there) const {
    for (Row row : passing_) {
      if (!there.contains(row)) continue;
      row.end = -row.end;
      if (!there.contains(row)) return to_string(row) + " is lost";
    }
    return std::nullopt;
  }

  /// Of the rows that guests and hosts have given when these were read.
  Complaint find_lost_visit(const std::set<Row>& there, const std::vector<bool>& first_read,
                            const std::vector<bool>& second_read) const {
    std::vector<Row> due;
    std::set<std::int64_t> visited;
    for (const Event& guest : *first_) {
      if (!first_read[static_cast<std::size_t>(guest.id)]) continue;
      const bool meets = has_host(guest) && second_read[static_cast<std::size_t>(host_of(guest))];
      due.push_back(visit(guest.id, meets ? host_of(guest) : kNobody, 1));
      if (!meets) continue;
      due.push_back({kWelcome, 0, 0, 0, {host_of(guest), guest.id}});
      visited.insert(host_of(guest));
    }
    for (const Event& host : *second_) {
      if (!second_read[static_cast<std::size_t>(host.id)] || visited.contains(host.id)) continue;
      due.push_back(visit(kNobody, host.id, 1));
    }
    for (const Row& row : due) {
      if (!there.contains(row)) return to_string(row) + " is lost: who is in it was read";
    }
    return std::nullopt;
  }

  /// What follows from what was read: a host is kept, a guest until its host is there.
  Kept kept_of(const std::vector<bool>& first_read, const std::vector<bool>& second_read) const {
    Kept kept;
    for (const Event& host : *second_) {
      if (!second_read[static_cast<std::size_t>(host.id)]) continue;
      kept.visited[host.id] = 0;
      kept.welcoming.insert(host.id);
    }
    for (const Event& guest : *first_) {
      if (!first_read[static_cast<std::size_t>(guest.id)]) continue;
      if (kept.welcoming.contains(host_of(guest))) {
        kept.visited[host_of(guest)] = 1;
      } else {
        kept.visiting.insert(guest.id);
      }
    }
    kept.expected = kept.visiting;
    return kept;
  }

  Result<Kept> kept_by_visits(FileSystem& files, const std::string& folder, const CheckpointMetadata& checkpoint) const {
    using Host = detail::RowWithPartners<Event>;
    using Guests = std::vector<Event>;
    Kept kept;
    const auto read = [&]<class V>(const char* uid, const char* state, V) {
      return read_keyed_state<std::int64_t, V>(files, folder, checkpoint, uid, state);
    };
    TIDEMARK_ASSIGN(visited, read("visits", "unique-second-with-partners", Host{}));
    for (const auto& [id, host] : visited) kept.visited[host.row.id] = host.partners;
    TIDEMARK_ASSIGN(welcoming, read("welcomes", "unique-first", Event{}));
    for (const auto& [id, host] : welcoming) kept.welcoming.insert(host.id);
    TIDEMARK_ASSIGN(visiting, read("visits", "waiting-first", Guests{}));
    TIDEMARK_ASSIGN(expected, read("welcomes", "waiting-second", Guests{}));
    for (const auto& [host, guests] : visiting) {
      for (const Event& guest : guests) kept.visiting.insert(guest.id);
    }
    for (const auto& [host, guests] : expected) {
      for (const Event& guest : guests) kept.expected.insert(guest.id);
    }
    return kept;
  }

  static void add(Present& present, const Row& row) {
    if (row.kind == kVisit || row.kind == kWelcome) return;
    if (row.kind == kMeeting) {
      present[kFirstOfMeeting].insert(row.ids.at(0));
      present[kSecondOfMeeting].insert(row.ids.at(1));
    } else {
      present[row.kind == kSession ? kInSession : kInWindow].insert(row.ids.begin(), row.ids.end());
    }
  }

  /// Of the events of the first source, which were read before the barrier.
  Result<std::vector<bool>> first_read(const CheckpointMetadata& checkpoint) const {
    const detail::OperatorName name{"read events", "first", 0};
    std::vector<bool> read(first_->size(), false);
    const auto mark = [&](const Stretch& stretch, bool is_read) {
      std::fill(read.begin() + stretch.begin, read.begin() + stretch.end, is_read);
    };
    TIDEMARK_ASSIGN(enumerators, read_list_state<EnumeratorState>(checkpoint, "first", "enumerator"));
    for (const EnumeratorState& state : enumerators) {
      const auto found = detail::decode_described<detail::FoundSplits<Stretch>>(state.unassigned, name, "enumerator");
      for (const Stretch& stretch : found.known) mark(stretch, true);
      for (const Stretch& stretch : found.unassigned) mark(stretch, false);
    }
    TIDEMARK_ASSIGN(splits, read_list_state<detail::SplitState>(checkpoint, "first", "splits"));
    for (const detail::SplitState& split : splits) {
      auto stretch = detail::decode_described<Stretch>(split.split, name, "splits");
      if (!split.position.empty()) stretch.begin += detail::decode_described<Place>(split.position, name, "splits").read;
      mark(stretch, false);
    }
    return read;
  }

  Result<Present> in_state(FileSystem& files, const std::string& folder, const CheckpointMetadata& checkpoint) const {
    using SessionTrigger = detail::TriggerState<decltype(event_time_trigger()), Event>;
    using Sessions = detail::OpenWindows<detail::OpenWindow<Ids, SessionTrigger, NoWindowState>>;
    Present present;
    // The ids of a value, by `ids_of`.
    const auto read = [&](const char* uid, const std::string& state, auto value, const auto& take) {
      return read_entries(files, folder, checkpoint, uid, state, [&, value](const SnapshotEntry& entry) mutable {
        const bool ok = detail::StoredValue<decltype(value)>::decode(entry.value, value);
        take(value);
        return ok;
      });
    };
    using Waiting = std::vector<detail::WaitingRow<Event>>;
    TIDEMARK_TRY(read("meetings", "first", Waiting{}, [&](const Waiting& rows) {
      for (const auto& waiting : rows) present[kFirstOfMeeting].insert(waiting.row.id);
    }));
    TIDEMARK_TRY(read("meetings", "second", Waiting{}, [&](const Waiting& rows) {
      for (const auto& waiting : rows) present[kSecondOfMeeting].insert(waiting.row.id);
    }));
    TIDEMARK_TRY(read("sessions", "windows", Sessions{}, [&](const Sessions& sessions) {
      for (const auto& open : sessions.windows) present[kInSession].insert(open.content->begin(), open.content->end());
    }));
    if (!has_windows_) return present;
    TIDEMARK_TRY(read("windows", fmt::format("window-{}-{}-0", kWindowMs, kWindowMs), Ids{},
                      [&](const Ids& ids) { present[kInWindow].insert(ids.begin(), ids.end()); }));
    return present;
  }

  const bool has_windows_;
  const bool has_hosts_;  // a second record of a host, read again, would end the job
  const Input<Event> first_;
  const Input<Event> second_;
  const std::vector<Stretch> stretches_;
  std::set<Row> expected_;
  std::set<Row> passing_;  // with and without which all may be well
};

}  // namespace

std::unique_ptr<Workload> make_meetings(const WorkloadOptions& options) { return std::make_unique<Meetings>(options); }

}  // namespace tidemark
