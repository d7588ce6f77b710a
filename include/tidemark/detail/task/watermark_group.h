// Readers whose event times are to stay together: each says how far it has come, and asks how far it may go.
//
// Who has nothing to read counts as nobody to wait for, as does who has ended. A group is shared by the sources that name it
// and by all attempts of their job: a reader is a member as long as it lives. Where several processes have readers of a group, each has
// its own, which hears now and then how far the others are. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "tidemark/time.h"

namespace tidemark::detail {

class WatermarkGroup {
 public:
  WatermarkGroup(Duration max_drift, Duration update) : max_drift_{max_drift}, update_{update} {}

  Duration max_drift() const { return max_drift_; }
  /// After which a reader that waits asks again.
  Duration update() const { return update_; }

  /// An attempt begins in which other processes have readers, too: they hold those here until hear() says how far they are.
  void couple() { hear(Timestamp::min()); }
  /// The lowest of the other processes' that are waited for; +infinity: there is none.
  void hear(Timestamp lowest_of_others);
  /// The same of those here.
  Timestamp lowest() const;

  class Membership {
   public:
    /// Of a new member, which has read nothing yet and holds the others.
    explicit Membership(std::shared_ptr<WatermarkGroup> group);
    ~Membership();
    Membership(const Membership&) = delete;
    Membership& operator=(const Membership&) = delete;

    void tell(Timestamp watermark, bool idle);
    /// Whose watermark is behind this may be read on; +infinity if there is nobody to wait for.
    Timestamp limit() const { return slowest() + group_->max_drift(); }
    /// Of all members anywhere that are waited for; +infinity if there are none.
    Timestamp slowest() const;
    Duration update() const { return group_->update(); }

   private:
    std::shared_ptr<WatermarkGroup> group_;
    std::uint64_t number_;
  };

 private:
  Duration max_drift_;
  Duration update_;
  mutable std::mutex mutex_;
  std::uint64_t next_number_ = 0;                   // guarded by mutex_
  std::map<std::uint64_t, Timestamp> watermarks_;  // guarded by mutex_; of those here who are waited for
  Timestamp lowest_of_others_ = Timestamp::max();  // guarded by mutex_
};

}  // namespace tidemark::detail
