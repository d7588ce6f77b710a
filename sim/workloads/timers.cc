// Sessions by hand: a keyed function that joins the records of a key as long as no gap lies between them. Each record moves
// the timer that ends its session. Records of a key come in order, so each session is known beforehand.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "sim/workloads/checkpoint_contents.h"
#include "sim/workloads/lanes.h"
#include "sim/workloads/rows_workload.h"
#include "sim/workloads/workloads.h"

namespace tidemark {
namespace {

constexpr std::int64_t kGapMs = 20;

struct Event {
  std::int64_t key = 0;
  std::int64_t time = 0;
};

struct Session {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t count = 0;
  friend bool operator==(const Session&, const Session&) = default;

  std::int64_t end() const { return last + kGapMs; }
  void add(std::int64_t time) { *this = count == 0 ? Session{time, time, 1} : Session{std::min(first, time), std::max(last, time), count + 1}; }
};

struct Row {
  std::int64_t key = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t count = 0;  ///< kWrongTimer: no session at all
};

constexpr std::int64_t kWrongTimer = -1;

class JoinSessions final : public KeyedProcess<std::int64_t, Event, Row> {
 public:
  JoinSessions(Declare& declare, BadLuck bad_luck) : session_{declare, "session"}, bad_luck_{std::move(bad_luck)} {}

  void process(const Event& event, Context& ctx, Out<Row>& out) override {
    Session session = session_.get();
    if (session.count > 0) ctx.timers().remove({Timestamp{session.end()}});
    // The watermark may lag behind the records, so the timer can come too late to end the session.
    if (session.count > 0 && event.time >= session.end()) put_out(std::exchange(session, {}), ctx, out);
    session.add(event.time);
    session_.set(session);
    ctx.timers().at(Timestamp{session.end()});
    bad_luck_();
  }

  void on_timer(Timestamp at, Context& ctx, Out<Row>& out) override {
    const Session session = session_.get();
    const bool is_mine = session.count > 0 && at == Timestamp{session.end()} && ctx.watermark() >= at;
    is_mine ? put_out(session, ctx, out) : out.emit({ctx.key(), at.ms(), at.ms(), kWrongTimer});
    session_.clear();
    bad_luck_();
  }

 private:
  static void put_out(const Session& session, Context& ctx, Out<Row>& out) {
    out.emit({ctx.key(), session.first, session.last, session.count});
  }

  ValueState<Session> session_;
  BadLuck bad_luck_;
};

class Timers final : public RowsWorkload<Row> {
 public:
  explicit Timers(const WorkloadOptions& options) : RowsWorkload{options}, lanes_{make(options)} {
    for (const Input<Event>& lane : lanes_) {
      for (const Event& event : *lane) add_to(sessions_[event.key], event.time);
    }
  }

  std::string name() const override { return "timers"; }

  void describe(Job& job) const override {
    from_lanes(job, lanes_)
        .key_by(&Event::key)
        .process<JoinSessions>(bad_luck())
        .uid("sessions")
        .to(write_files(kOut, as_json()))
        .uid(kSink);
  }

  Complaint check_checkpoint(FileSystem& files, const std::string& folder,
                             const CheckpointMetadata& checkpoint) const override {
    if (!exactly_once()) return std::nullopt;
    const auto read = records_read(checkpoint, lanes_);
    if (!read) return read.error().message();
    const auto open = read_keyed_state<std::int64_t, Session>(files, folder, checkpoint, "sessions", "session");
    if (!open) return open.error().message();
    const auto timers = read_timers<std::int64_t>(files, folder, checkpoint, "sessions");
    if (!timers) return timers.error().message();
    // What was read makes sessions; each is out, or is the one that its key's state holds, with its timer.
    std::map<std::int64_t, Sessions> sessions;
    for (const Event& event : *read) add_to(sessions[event.key], event.time);
    for (const auto& [key, session] : *open) {
      if (sessions[key].empty() || sessions[key].back() != session) {
        return fmt::format("key {} has a session from {} to {} of {} that was not read so", key, session.first, session.last, session.count);
      }
      if (!timers->contains({key, Timestamp{session.end()}})) return fmt::format("the session of key {} has no timer", key);
      sessions[key].pop_back();
    }
    if (timers->size() != open->size()) return fmt::format("{} sessions have {} timers", open->size(), timers->size());
    return check_secured(files, checkpoint, [&](const Rows& rows) { return find_lost(rows, sessions); });
  }

 private:
  using Sessions = std::vector<Session>;
  static constexpr std::size_t kLanes = 2;

  static Lanes<Event> make(const WorkloadOptions& options) {
    Dice dice{options.seed};
    const auto keys = static_cast<std::uint64_t>(2 + dice.below(6));
    std::vector<Event> lanes[kLanes];
    std::int64_t time = 0;
    for (std::uint64_t n = 0; n < options.records; ++n) {
      time += 1 + dice.below(dice.one_in(8) ? 3 * kGapMs : 5);
      const std::int64_t key = dice.below(keys);
      lanes[static_cast<std::size_t>(key) % kLanes].push_back({key, time});
    }
    return {make_input(std::move(lanes[0])), make_input(std::move(lanes[1]))};
  }

  static void add_to(Sessions& sessions, std::int64_t time) {
    if (sessions.empty() || time >= sessions.back().end()) sessions.emplace_back();
    sessions.back().add(time);
  }

  const Session* find_expected(const Row& row) const {
    const auto key = sessions_.find(row.key);
    if (key == sessions_.end()) return nullptr;
    const auto found = std::ranges::find(key->second, Session{row.first, row.last, row.count});
    return found == key->second.end() ? nullptr : &*found;
  }

  Complaint find_wrong(const Rows& rows) const override {
    std::map<const Session*, int> times;
    for (const auto& committed : rows) {
      const Row& row = committed.row;
      if (row.count == kWrongTimer) return fmt::format("a timer of key {} at {} fired that was not set", row.key, row.first);
      if (!exactly_once()) continue;
      const Session* session = find_expected(row);
      if (session == nullptr) return fmt::format("key {} has no session from {} to {} of {}", row.key, row.first, row.last, row.count);
      if (++times[session] > 1) return fmt::format("the session of key {} from {} came out twice", row.key, row.first);
    }
    return std::nullopt;
  }

  Complaint find_missing(const Rows& rows) const override {
    return may_repeat() ? find_uncovered(rows) : find_lost(rows, sessions_);
  }

  static Complaint find_lost(const Rows& rows, const std::map<std::int64_t, Sessions>& wanted) {
    std::map<std::int64_t, Sessions> there;
    for (const auto& [row, subtask, attempt] : rows) there[row.key].push_back({row.first, row.last, row.count});
    for (const auto& [key, sessions] : wanted) {
      for (const Session& session : sessions) {
        if (std::ranges::count(there[key], session) > 0) continue;
        return fmt::format("the session of key {} from {} is lost", key, session.first);
      }
    }
    return std::nullopt;
  }

  /// What is read again may come behind its session's end and make sessions of its own, but it is in one.
  Complaint find_uncovered(const Rows& rows) const {
    for (const Input<Event>& lane : lanes_) {
      for (const Event& event : *lane) {
        const auto covers = [&](const CommittedRow<Row>& committed) {
          const Row& row = committed.row;
          return row.key == event.key && row.first <= event.time && event.time <= row.last;
        };
        if (!std::ranges::any_of(rows, covers)) return fmt::format("the event of key {} at {} is lost", event.key, event.time);
      }
    }
    return std::nullopt;
  }

  const Lanes<Event> lanes_;
  std::map<std::int64_t, Sessions> sessions_;  // by key
};

}  // namespace

std::unique_ptr<Workload> make_timers(const WorkloadOptions& options) { return std::make_unique<Timers>(options); }

}  // namespace tidemark
