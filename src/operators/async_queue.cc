#include "tidemark/detail/operators/async_queue.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tidemark/detail/base/check.h"

namespace tidemark::detail {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

std::int64_t later(std::int64_t now_ns, std::int64_t by_ns) { return by_ns < kNever - now_ns ? now_ns + by_ns : kNever; }

}  // namespace

AsyncQueue::Slot AsyncQueue::add() {
  Slot slot = static_cast<Slot>(entries_.size());
  if (free_.empty()) {
    entries_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  if (policy_.ordered || sections_.empty() || sections_.back().watermark) sections_.emplace_back();
  ++sections_.back().without_result;
  Entry& entry = entries_[slot];
  entry = {};
  entry.state = State::kWaiting;
  entry.number = records_seen_++;
  entry.section = sections_left_ + sections_.size() - 1;
  waiting_.push_back(slot);
  return slot;
}

void AsyncQueue::add_watermark(Timestamp watermark) {
  if (sections_.empty()) sections_.emplace_back();
  sections_.back().watermark = watermark;
}

std::optional<AsyncQueue::Request> AsyncQueue::next_request(std::int64_t now_ns) {
  std::deque<Slot>* from = &again_;
  if (again_.empty()) {
    if (waiting_.empty() || asked_ >= policy_.capacity) return std::nullopt;
    from = &waiting_;
  }
  const Slot slot = from->front();
  from->pop_front();
  Entry& entry = entries_[slot];
  if (entry.state == State::kWaiting) {
    ++asked_;
    entry.deadline_ns = policy_.timeout_ns > 0 ? later(now_ns, policy_.timeout_ns) : kNever;
  }
  entry.state = State::kOut;
  ++entry.attempts;
  entry.ticket = ++tickets_;
  entry.due_ns = kNever;
  set_alarm(slot);
  return Request{slot, entry.ticket};
}

bool AsyncQueue::is_current(const Request& request) const {
  const Entry& entry = entries_[request.slot];
  return entry.state == State::kOut && entry.ticket == request.ticket;
}

void AsyncQueue::finish(Slot slot) {
  Entry& entry = entries_[slot];
  TIDEMARK_CHECK(entry.state == State::kOut, "a record has one result");
  clear_alarm(slot);
  entry.state = State::kReady;
  entry.next = kNone;
  Section& section = sections_[entry.section - sections_left_];
  --section.without_result;
  if (section.first_ready == kNone) {
    section.first_ready = slot;
  } else {
    entries_[section.last_ready].next = slot;
  }
  section.last_ready = slot;
}

bool AsyncQueue::try_again(Slot slot, std::int64_t now_ns) {
  Entry& entry = entries_[slot];
  TIDEMARK_CHECK(entry.state == State::kOut, "a request fails while it is out");
  if (entry.attempts >= policy_.retry.attempts) return false;
  entry.state = State::kResting;
  entry.due_ns = later(now_ns, delay_ns(entry.attempts));
  set_alarm(slot);
  return true;
}

std::int64_t AsyncQueue::delay_ns(std::uint32_t attempts) const {
  const AsyncRetryPolicy& retry = policy_.retry;
  const double delay = static_cast<double>(retry.first_delay_ns) * std::pow(retry.factor, static_cast<double>(attempts) - 1);
  if (!(delay < static_cast<double>(retry.longest_delay_ns))) return retry.longest_delay_ns;
  return static_cast<std::int64_t>(delay);
}

std::optional<std::int64_t> AsyncQueue::next_alarm_ns() const {
  if (alarms_.empty()) return std::nullopt;
  return alarms_.begin()->first;
}

std::optional<AsyncQueue::Slot> AsyncQueue::ring(std::int64_t now_ns) {
  while (!alarms_.empty() && alarms_.begin()->first <= now_ns) {
    const Slot slot = alarms_.begin()->second;
    Entry& entry = entries_[slot];
    if (entry.deadline_ns <= now_ns) {
      if (entry.state == State::kAgain) std::erase(again_, slot);
      clear_alarm(slot);
      entry.state = State::kOut;
      entry.ticket = ++tickets_;  // so that its request has no current answer any more
      return slot;
    }
    entry.state = State::kAgain;
    entry.due_ns = kNever;
    again_.push_back(slot);
    set_alarm(slot);
  }
  return std::nullopt;
}

void AsyncQueue::set_alarm(Slot slot) {
  clear_alarm(slot);
  Entry& entry = entries_[slot];
  entry.alarm_ns = std::min(entry.deadline_ns, entry.due_ns);
  if (entry.alarm_ns == kNever) return;
  alarms_.emplace(entry.alarm_ns, slot);
  entry.has_alarm = true;
}

void AsyncQueue::clear_alarm(Slot slot) {
  Entry& entry = entries_[slot];
  if (std::exchange(entry.has_alarm, false)) alarms_.erase({entry.alarm_ns, slot});
}

AsyncQueue::Front AsyncQueue::front() const {
  if (sections_.empty()) return Front::kNothing;
  const Section& section = sections_.front();
  if (section.first_ready != kNone) return Front::kRecord;
  return section.without_result == 0 ? Front::kWatermark : Front::kNothing;
}

AsyncQueue::Slot AsyncQueue::take_record() {
  TIDEMARK_CHECK(front() == Front::kRecord, "a record leaves when its result is there");
  Section& section = sections_.front();
  const Slot slot = section.first_ready;
  Entry& entry = entries_[slot];
  section.first_ready = entry.next;
  entry.state = State::kFree;
  free_.push_back(slot);
  --asked_;
  drop_left_sections();
  return slot;
}

Timestamp AsyncQueue::take_watermark() {
  TIDEMARK_CHECK(front() == Front::kWatermark, "a watermark leaves behind the records before it");
  const Timestamp watermark = *std::exchange(sections_.front().watermark, std::nullopt);
  drop_left_sections();
  return watermark;
}

void AsyncQueue::drop_left_sections() {
  while (!sections_.empty() && sections_.front().has_left() && !sections_.front().watermark) {
    sections_.pop_front();
    ++sections_left_;
  }
}

std::vector<AsyncQueue::Slot> AsyncQueue::in_order() const {
  std::vector<Slot> slots;
  for (Slot slot = 0; slot < entries_.size(); ++slot) {
    if (entries_[slot].state != State::kFree) slots.push_back(slot);
  }
  std::ranges::sort(slots, {}, [&](Slot slot) { return entries_[slot].number; });
  return slots;
}

}  // namespace tidemark::detail
