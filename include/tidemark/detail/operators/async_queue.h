// The book of an operator whose results come later: which records wait to be asked about, which requests are out, when one is
// given up or asked again, and in what order results and watermarks leave.
//
// Records between two watermarks are a section. A section's results leave before its watermark does, and that before anything
// of the next section; within a section they leave as they come. Results in the order of the records are the same thing, with
// every record a section of its own.
//
// Records are slots, which the operator gives what it keeps for them; a slot is used again when its record has left. Pure: the
// caller says what time it is. One owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "tidemark/time.h"

namespace tidemark::detail {

/// How often and when a request that failed is made again.
struct AsyncRetryPolicy {
  std::uint32_t attempts = 1;  ///< in all
  std::int64_t first_delay_ns = 0;
  std::int64_t longest_delay_ns = 0;
  double factor = 1;  ///< from one delay to the next
};

struct AsyncPolicy {
  bool ordered = true;
  std::size_t capacity = 100;                   ///< records that were asked about and have not left
  std::int64_t timeout_ns = 60'000'000'000;     ///< from the first request to the answer; 0: never
  AsyncRetryPolicy retry;
};

class AsyncQueue {
 public:
  using Slot = std::uint32_t;

  /// A request that is to be made. Its ticket tells an answer to it from one to an earlier request.
  struct Request {
    Slot slot;
    std::uint64_t ticket;
  };

  /// What leaves next.
  enum class Front {
    kNothing,    ///< the front section waits for answers, or there is none
    kRecord,     ///< a record of the front section, whose answer is there
    kWatermark,  ///< all records of the front section have left
  };

  explicit AsyncQueue(const AsyncPolicy& policy) : policy_{policy} {}

  /// A record has come. Slots are counted from 0, and the lowest that was never used is the number of those that were.
  Slot add();
  /// A watermark has come, above those before it.
  void add_watermark(Timestamp watermark);

  std::size_t records() const { return entries_.size() - free_.size(); }
  bool empty() const { return records() == 0 && sections_.empty(); }
  /// False if as many records are here as may be out.
  bool has_room() const { return records() < policy_.capacity; }

  /// The next request, which counts as made; none while as many are out as may be. Those that are made again go first.
  std::optional<Request> next_request(std::int64_t now_ns);
  /// False for an answer that comes too late: to a request that was given up, or has been made again.
  bool is_current(const Request& request) const;
  /// The result of the record is there.
  void finish(Slot slot);
  /// The request has failed: it will be made again. False if that was the last attempt.
  bool try_again(Slot slot, std::int64_t now_ns);

  /// When ring() should be called, if at all.
  std::optional<std::int64_t> next_alarm_ns() const;
  /// A record whose time has run out; the caller gives it a result and calls finish(). Null if there is none.
  std::optional<Slot> ring(std::int64_t now_ns);

  Front front() const;
  /// The record that leaves. The slot is free.
  Slot take_record();
  Timestamp take_watermark();

  /// The slots of all records that have not left, in the order in which they came.
  std::vector<Slot> in_order() const;

 private:
  static constexpr Slot kNone = 0xffffffff;

  enum class State : std::uint8_t {
    kFree,     ///< no record
    kWaiting,  ///< was never asked about
    kOut,      ///< the request is out
    kResting,  ///< the request failed, and will be made again at due_ns
    kAgain,    ///< waits in again_ to be asked about again
    kReady,    ///< the result is there
  };
  struct Entry {
    State state = State::kFree;
    Slot next = kNone;            // of the ready ones of its section
    std::uint32_t attempts = 0;   // requests made
    std::uint64_t number = 0;     // records that came before
    std::uint64_t ticket = 0;     // of the newest request
    std::uint64_t section = 0;    // sections that began before its own
    std::int64_t deadline_ns = 0;
    std::int64_t due_ns = 0;
    std::int64_t alarm_ns = 0;    // under which it stands in alarms_
    bool has_alarm = false;
  };
  struct Section {
    Slot first_ready = kNone;
    Slot last_ready = kNone;
    std::size_t without_result = 0;
    std::optional<Timestamp> watermark;

    bool has_left() const { return first_ready == kNone && without_result == 0; }
  };

  std::int64_t delay_ns(std::uint32_t attempts) const;
  void set_alarm(Slot slot);
  void clear_alarm(Slot slot);
  void drop_left_sections();

  AsyncPolicy policy_;
  std::deque<Entry> entries_;
  std::vector<Slot> free_;
  std::deque<Section> sections_;         // the first one has something that has not left
  std::uint64_t sections_left_ = 0;
  std::deque<Slot> waiting_;
  std::deque<Slot> again_;
  std::set<std::pair<std::int64_t, Slot>> alarms_;
  std::size_t asked_ = 0;                // records asked about that have not left
  std::uint64_t records_seen_ = 0;
  std::uint64_t tickets_ = 0;
};

}  // namespace tidemark::detail
