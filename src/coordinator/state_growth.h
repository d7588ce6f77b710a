// Notices state that only ever grows, before it has filled the machine.
//
// Of each operator with state of keys that has no time to live, or with windows that are kept in effect for good, it looks at
// the bytes in complete checkpoints, at the 8th, the 16th, the 32nd and so on: where nothing is removed they double each time,
// and where keys come to an end, or are removed, they come to rest. Three doublings in a row are a warning, once an operator, if it is about much state and most of it is of this
// run. A checkpoint with less than half of what there has been says that something does remove entries. Pure; one owner.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tidemark/detail/model/plan.h"

namespace tidemark {

class StateGrowth {
 public:
  /// No warning is about less than `from_bytes`.
  explicit StateGrowth(const LogicalPlan& plan, std::uint64_t from_bytes = 64u << 20);

  /// `bytes`: of the state in a complete checkpoint, by uid. What there is to say.
  std::vector<std::string> on_completed(const std::map<std::string, std::uint64_t>& bytes);

 private:
  struct Watched {
    std::string what;    ///< the operator
    std::string states;  ///< those of which nothing goes
    std::string remedy;  ///< what to do about them
    std::uint64_t first_bytes = 0;
    std::uint64_t bytes_before = 0;  ///< at the last milestone
    std::uint64_t most_bytes = 0;    ///< since the last time that much was removed
    unsigned doublings = 0;
    bool was_told = false;
  };

  static void note_removal(Watched& watched, std::uint64_t bytes);
  /// At a milestone: true if it is time for a warning.
  static bool grows(Watched& watched, std::uint64_t bytes);
  std::string warning_of(const Watched& watched, std::uint64_t bytes) const;

  std::map<std::string, Watched> watched_;  // by uid
  std::uint64_t from_bytes_;
  std::uint64_t completed_ = 0;
  std::uint64_t milestone_;
};

}  // namespace tidemark
