// The time that the states of one operator subtask expire by, and the sweeping of what has expired.
//
// It stands still within a batch: a record sees the same time from its first look at a state to its last, and the wall
// clock is asked once for many records. The task's thread alone.
#pragma once

#include <cstdint>
#include <vector>

#include "tidemark/ttl.h"

namespace tidemark {
struct Env;
}

namespace tidemark::detail {

/// Whether what was written at some time still lives. Times are seconds since 1970.
struct Expiry {
  std::uint32_t life_s = 0;
  std::uint32_t now_s = 0;
  std::uint32_t living_since_s = 0;  ///< what was written before had expired when it was saved; not while the clock is behind
  bool is_over(std::uint32_t written_s) const {
    return now_s >= std::uint64_t{written_s} + life_s || (written_s < living_since_s && living_since_s <= now_s);
  }
};

/// A table whose entries expire.
class ExpiringTable {
 public:
  /// Removes what has expired from the next bit of the table. Invalidates rows.
  virtual void sweep() = 0;

 protected:
  ~ExpiringTable() = default;
};

class TtlClock {
 public:
  /// `table` must outlive the clock's use of it.
  void add(ExpiringTable& table) { tables_.push_back(&table); }
  bool is_used() const { return !tables_.empty(); }

  /// Looks at the wall clock.
  void read(const Env& env);
  /// Between two batches.
  void sweep();

  std::uint32_t now_s() const { return now_s_; }
  /// When what is written now counts as written: up to a second later, so that nothing lives too short.
  std::uint32_t written_s() const { return written_s_; }

 private:
  std::vector<ExpiringTable*> tables_;
  std::uint32_t now_s_ = 0;
  std::uint32_t written_s_ = 0;
};

}  // namespace tidemark::detail
