// The slots of a cluster: who has how many, and who waits for some. A slot is room for one subtask of every vertex of a job.
//
// Requests are met in their order; one that can't be met yet lets those behind it pass, so that a job too large for the cluster
// does not hold up the others. A request is met as a whole or not at all, by as few TaskManagers as can be, and of single ones by
// that with the fewest free: large gaps stay for large jobs. Who had slots before may have them again, with what it has left there. Pure; one thread. Numbers are the caller's, never used twice.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "tidemark/error.h"

namespace tidemark {

class SlotPool {
 public:
  /// So many slots of one TaskManager.
  struct Share {
    std::uint64_t task_manager = 0;
    std::uint32_t slots = 0;
    friend bool operator==(const Share&, const Share&) = default;
  };
  struct Grant {
    std::uint64_t request = 0;
    std::vector<Share> shares;
  };

  void add(std::uint64_t task_manager, std::uint32_t slots);
  /// With those of its slots that are taken.
  void remove(std::uint64_t task_manager);
  /// Of a TaskManager that has been removed: nothing.
  void give_back(const Share& share);

  /// Waits from now on. `before`: where it had its slots, in their order, and would have them again; of a TaskManager that is not
  /// there, any others.
  void request(std::uint64_t request, std::uint32_t slots, std::vector<Share> before = {});
  /// Of those that it had before, what is not free now need not be waited for.
  void take_others(std::uint64_t request);
  /// Whether it waits, and there are too few.
  bool is_short(std::uint64_t request) const;
  /// Nothing if it does not wait.
  void withdraw(std::uint64_t request);
  /// The first request that can be met: its slots are taken from now on.
  std::optional<Grant> next_grant();

  std::uint32_t free_slots(std::uint64_t task_manager) const;
  /// Why so many can't be had, and what to do.
  Error shortage(std::uint32_t slots) const;

 private:
  struct Slots {
    std::uint32_t all = 0;
    std::uint32_t free = 0;
  };
  struct Request {
    std::uint64_t number = 0;
    std::uint32_t slots = 0;
    std::vector<Share> before = {};
    bool takes_others = false;
  };
  std::vector<Share> gaps() const;
  std::vector<Share> shares_for(const Request& request) const;
  std::vector<Share> shares_as_before(const Request& request) const;

  std::map<std::uint64_t, Slots> task_managers_;
  std::list<Request> waiting_;  // the oldest first
};

}  // namespace tidemark
