// Windows as plain lists that are looked through from one end to the other, and triggers that are asked at every step instead
// of setting alarms: what the general window operator is tested against. A value: a copy of it is a checkpoint.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/trigger.h"

namespace tidemark::detail {

inline constexpr std::int64_t kNever = INT64_MAX;

struct ModelRecord {
  std::string key;
  std::int64_t value = 0;
  std::int64_t time = 0;
};

struct ModelSpan {
  std::int64_t start = 0;
  std::int64_t end = 0;
};

/// When something fires; n is its number.
enum class Rule {
  kNever,
  kEachRecord,
  kEveryNth,        ///< record
  kMultiples,       ///< of n in event time, and at the window's end
  kClockMultiples,  ///< of n on the wall clock, and at the end of a window of processing time
  kEndByClock,      ///< when the wall clock shows the window's end
  kFartherThan,     ///< n from the value at which it fired before
  kSpender,         ///< a trigger of the test's own: at a sum of n, and kSpenderWaitsMs of event time after the newest record
  kReminder,        ///< another one: once, n of event time after the window's first record
};
inline constexpr std::int64_t kSpenderWaitsMs = 12;
/// A value at which that trigger forgets the window.
constexpr bool spender_forgets_at(std::int64_t value) { return value % 7 == 0; }

struct ModelRule {
  Rule rule = Rule::kNever;
  std::int64_t n = 0;
};

struct ModelTrigger {
  ModelRule main;
  bool at_end = false;  ///< fires when the watermark completes the window, then goes by `late`
  ModelRule late{Rule::kEachRecord};
  std::int64_t timeout = 0;  ///< fires so long after the first record since it fired; 0: not
  bool timeout_from_newest = false;
  bool purges = false;
};

struct ModelEvictor {
  enum class Keeps { kAll, kLastN, kNewestSpan, kNearLast } keeps = Keeps::kAll;
  std::int64_t n = 0;
};

/// What a rule remembers of a window.
struct ModelMemory {
  std::int64_t count = 0;
  bool waits = false;  // for `next`, in event time
  std::int64_t next = kNever;
  bool waits_for_clock = false;
  std::int64_t clock_next = kNever;
  std::optional<std::int64_t> value;
};

struct ModelWindow {
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> records = {};  // time and value, in the order of WindowRecords
  ModelMemory main = {};
  ModelMemory late = {};
  bool waits_for_end = false;
  bool completed = false;
  std::int64_t deadline = kNever;
  std::int64_t firings = 0;

  std::int64_t last() const { return end - 1; }
};

struct ModelKey {
  std::int64_t watermark = INT64_MIN;  // of its subtask, or of the one that had it before, where that had come farther
  std::vector<ModelWindow> windows;
  std::int64_t firings = 0;
};

class WindowModel {
 public:
  std::function<std::vector<ModelSpan>(const ModelRecord&)> windows_of;
  bool merges = false;
  bool by_clock = false;
  std::int64_t lateness = 0;
  ModelTrigger trigger;
  ModelEvictor before, after;
  bool numbers_firings = false;  // by a function over windows, which sees the records in their order
  std::int64_t clock = 0;
  std::map<std::string, ModelKey> keys;

  std::vector<std::string> fired;

  /// False if it is late.
  bool take(ModelRecord record) {
    bool taken = false;
    at_hand_ = record.key;
    if (by_clock) record.time = clock;
    for (const ModelSpan& span : windows_of(record)) taken |= take_into({span.start, span.end}, record);
    return taken;
  }

  /// The watermark of the key's subtask.
  void advance(const std::string& key, std::int64_t to) {
    at_hand_ = key;
    ModelKey& at = keys[key];
    at.watermark = std::max(at.watermark, to);
    for (ModelWindow& window : at.windows) on_watermark(window, to);
    std::erase_if(at.windows, [&](const ModelWindow& window) { return is_over(window); });
  }

  void advance_clock(std::int64_t to) {
    clock = to;
    for (auto& [key, content] : keys) {
      at_hand_ = key;
      for (ModelWindow& window : content.windows) on_clock(window);
      if (by_clock) std::erase_if(content.windows, [&](const ModelWindow& window) { return window.end <= clock; });
    }
  }

 private:
  std::int64_t watermark() const { return keys.at(at_hand_).watermark; }
  std::int64_t gone(const ModelWindow& window) const {
    return by_clock || window.end == kNever ? kNever : window.last() + lateness;
  }
  bool is_over(const ModelWindow& window) const { return gone(window) != kNever && gone(window) <= watermark(); }

  bool take_into(ModelWindow window, const ModelRecord& record) {
    auto& windows = keys[at_hand_].windows;
    std::vector<ModelWindow> others;
    std::sort(windows.begin(), windows.end(),
              [](const ModelWindow& a, const ModelWindow& b) { return std::pair{a.start, a.end} < std::pair{b.start, b.end}; });
    for (const ModelWindow& other : windows) {
      const bool is_one = merges ? other.start <= window.end && window.start <= other.end
                                 : other.start == window.start && other.end == window.end;
      if (is_one) {
        add(window, other);
      } else {
        others.push_back(other);
      }
    }
    if (is_over(window)) return false;
    window.records.emplace_back(record.time, record.value);
    act(on_record(window, record), window);
    others.push_back(window);
    windows = others;
    return true;
  }
  static void add(ModelWindow& into, const ModelWindow& from) {
    into.start = std::min(into.start, from.start);
    into.end = std::max(into.end, from.end);
    into.records.insert(into.records.end(), from.records.begin(), from.records.end());
    add(into.main, from.main);
    add(into.late, from.late);
    into.waits_for_end |= from.waits_for_end;
    into.completed |= from.completed;
    into.deadline = std::min(into.deadline, from.deadline);
    into.firings += from.firings;
  }
  static void add(ModelMemory& into, const ModelMemory& from) {
    into.count += from.count;
    into.waits |= from.waits;
    into.next = std::min(into.next, from.next);
    into.waits_for_clock |= from.waits_for_clock;
    into.clock_next = std::min(into.clock_next, from.clock_next);
    if (!into.value) into.value = from.value;
  }

  static std::int64_t multiple_after(std::int64_t t, std::int64_t n) {
    std::int64_t next = t + 1;
    while (next % n != 0) ++next;
    return next;
  }
  std::int64_t clock_multiple(const ModelWindow& window, std::int64_t n) const {
    const std::int64_t next = multiple_after(clock, n);
    return by_clock ? std::min(next, window.end) : next;
  }

  TriggerResult on_record(ModelWindow& window, const ModelRecord& record) {
    const TriggerResult result = on_record_untimed(window, record);
    if (trigger.timeout == 0) return result;
    if (fires(result)) {
      forget(window);
    } else if (trigger.timeout_from_newest || window.deadline == kNever) {
      window.deadline = clock + trigger.timeout;
    }
    return result;
  }
  TriggerResult on_record_untimed(ModelWindow& window, const ModelRecord& record) {
    if (!trigger.at_end) return ask(trigger.main, window.main, window, record);
    window.completed = window.last() <= watermark();
    if (window.completed) return ask(trigger.late, window.late, window, record);
    window.late.waits = window.late.waits_for_clock = false;
    window.waits_for_end = true;
    return ask(trigger.main, window.main, window, record);
  }
  TriggerResult ask(const ModelRule& rule, ModelMemory& memory, const ModelWindow& window, const ModelRecord& record) {
    switch (rule.rule) {
      case Rule::kNever:
        return TriggerResult::kContinue;
      case Rule::kEachRecord:
        return TriggerResult::kFire;
      case Rule::kEveryNth:
        if (++memory.count < rule.n) return TriggerResult::kContinue;
        memory.count = 0;
        return TriggerResult::kFire;
      case Rule::kMultiples:
        if (window.last() <= watermark()) return TriggerResult::kFire;
        if (memory.next == kNever) memory.next = multiple_after(record.time, rule.n);
        memory.waits = true;
        return TriggerResult::kContinue;
      case Rule::kClockMultiples:
        if (memory.clock_next == kNever) memory.clock_next = clock_multiple(window, rule.n);
        memory.waits_for_clock = true;
        return TriggerResult::kContinue;
      case Rule::kEndByClock:
        memory.clock_next = window.end;
        memory.waits_for_clock = true;
        return TriggerResult::kContinue;
      case Rule::kFartherThan: {
        const bool is_far = memory.value && std::abs(record.value - *memory.value) > rule.n;
        if (is_far || !memory.value) memory.value = record.value;
        return is_far ? TriggerResult::kFire : TriggerResult::kContinue;
      }
      case Rule::kReminder:
        if (memory.count++ > 0) return TriggerResult::kContinue;
        memory.next = record.time + rule.n;
        memory.waits = true;
        return TriggerResult::kContinue;
      case Rule::kSpender:
        memory.count += record.value;
        memory.next = record.time + kSpenderWaitsMs;
        memory.waits = true;
        if (memory.count < rule.n) return spender_forgets_at(record.value) ? TriggerResult::kPurge : TriggerResult::kContinue;
        memory.count = 0;
        return TriggerResult::kFireAndPurge;
    }
    std::abort();
  }

  // The subtask's watermark, which may be behind that of the key.
  void on_watermark(ModelWindow& window, std::int64_t to) {
    const auto fired = [&] {
      window.deadline = kNever;
      act(TriggerResult::kFire, window);
    };
    if (!trigger.at_end || window.completed) {
      if (ask(active_rule(window), active(window), window, to)) fired();
      return;
    }
    if (ask(trigger.main, window.main, window, std::min(to, window.last() - 1))) fired();
    if (!window.waits_for_end || window.last() > to) return;
    window.waits_for_end = false;
    window.completed = true;
    window.main.waits = window.main.waits_for_clock = false;
    fired();
  }
  // Several multiples that one watermark passes are one: nothing came between them.
  bool ask(const ModelRule& rule, ModelMemory& memory, const ModelWindow& window, std::int64_t to) const {
    if (!memory.waits) return false;
    if (rule.rule == Rule::kSpender || rule.rule == Rule::kReminder) {
      if (memory.next > std::min(to, gone(window))) return false;
      memory.waits = false;
      memory.next = kNever;
      return true;
    }
    const bool has_ended = window.last() <= watermark();
    if (memory.next < window.last() && memory.next <= to) {
      memory.next = has_ended ? kNever : multiple_after(watermark(), rule.n);
      if (!has_ended) return true;
    }
    if (window.last() > to) return false;
    memory.waits = false;
    return true;
  }

  void on_clock(ModelWindow& window) {
    while (true) {
      ModelMemory& memory = active(window);
      const std::int64_t due = memory.waits_for_clock ? memory.clock_next : kNever;
      if (std::min(due, window.deadline) > clock) return;
      if (window.deadline <= due) {
        forget(window);
      } else {
        window.deadline = kNever;
        memory.waits_for_clock = active_rule(window).rule == Rule::kClockMultiples && !(by_clock && due >= window.end);
        if (memory.waits_for_clock) memory.clock_next = clock_multiple(window, active_rule(window).n);
      }
      act(TriggerResult::kFire, window);
    }
  }

  const ModelRule& active_rule(const ModelWindow& window) const {
    return trigger.at_end && window.completed ? trigger.late : trigger.main;
  }
  ModelMemory& active(ModelWindow& window) const { return trigger.at_end && window.completed ? window.late : window.main; }
  static void forget(ModelWindow& window) {
    window.main = window.late = {};
    window.waits_for_end = window.completed = false;
    window.deadline = kNever;
  }

  void act(TriggerResult result, ModelWindow& window) {
    if (fires(result)) give(window);
    if (purges(result) || (trigger.purges && fires(result))) window.records.clear();
  }
  void give(ModelWindow& window) {
    evict(before, window);
    if (!window.records.empty()) {
      auto records = window.records;
      if (!numbers_firings) std::sort(records.begin(), records.end());
      std::string row = at_hand_ + " [" + std::to_string(window.start) + "," + std::to_string(window.end) + ")";
      for (const auto& [time, value] : records) row += " " + std::to_string(value);
      if (numbers_firings) {
        row += " " + std::to_string(merges ? 0 : ++window.firings);
        fired.push_back("firing " + std::to_string(++keys[at_hand_].firings));
      }
      fired.push_back(row);
    }
    evict(after, window);
  }
  static void evict(const ModelEvictor& evictor, ModelWindow& window) {
    if (window.records.empty()) return;
    std::int64_t newest = INT64_MIN;
    for (const auto& [time, value] : window.records) newest = std::max(newest, time);
    const std::int64_t last = window.records.back().second;
    std::vector<std::pair<std::int64_t, std::int64_t>> kept;
    for (std::size_t i = 0; i < window.records.size(); ++i) {
      const auto [time, value] = window.records[i];
      using Keeps = ModelEvictor::Keeps;
      if (evictor.keeps == Keeps::kLastN && i + static_cast<std::size_t>(evictor.n) < window.records.size()) continue;
      if (evictor.keeps == Keeps::kNewestSpan && newest - time >= evictor.n) continue;
      if (evictor.keeps == Keeps::kNearLast && std::abs(value - last) >= evictor.n) continue;
      kept.emplace_back(time, value);
    }
    window.records = kept;
  }

  std::string at_hand_;  // of keys
};

}  // namespace tidemark::detail
