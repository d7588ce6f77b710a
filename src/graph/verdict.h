// Whether saved state fits a job, state by state, before anything is stopped, read or run: what `tidemark check` prints
// and what a start goes by. Pure; plain data by value, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/model/plan.h"

namespace tidemark {

/// The list in which a source's enumerator says what kind of source it is: its positions mean nothing to another kind.
inline constexpr std::string_view kSourceKindList = "source";
/// The list in which a sink says the same of what it has prepared.
inline constexpr std::string_view kSinkKindList = "sink";

/// What one operator has left: of a checkpoint, or of what another job's plan would leave.
struct SavedOperator {
  std::string uid;
  std::string name;
  std::string source_kind;              ///< of a source that says it: "read files splits"
  std::string sink_kind;                ///< of a sink that says it: "write files"
  std::uint32_t max_parallelism = 0;    ///< that its keys were dealt out by; 0: it has none
  std::vector<StateDescriptor> states;  ///< those that may hold something
  std::uint64_t items = 0;         ///< of lists that no descriptor describes: positions of a source, marks of a sink
  std::uint64_t committables = 0;  ///< prepared by a sink and not yet committed
  std::vector<KeptType> kept = {};  ///< of users' values among these
  bool holds_other() const { return items + committables > 0; }
};

/// Where nothing is lost, nothing is asked for: operators and lists without content are left out.
std::vector<SavedOperator> saved_operators(const CheckpointMetadata& checkpoint);

/// What a job of this plan would leave.
std::vector<SavedOperator> saved_operators(const LogicalPlan& plan);

struct StateVerdict {
  enum class Kind {
    kSame,      ///< it goes on as it is
    kMigrates,  ///< it is converted, entry by entry, when it is restored
    kNew,       ///< nothing was saved: it begins empty
    kOrphaned,  ///< it was saved and nobody takes it: refused, unless the start may drop it
    kRefused,   ///< it can't be restored as what the job declares
  };
  Kind kind = Kind::kSame;
  std::string uid;
  std::string state;                 ///< or the name of a KeptType; empty: the operator itself, and what else it keeps
  std::string name;                  ///< of the operator: "window aggregate"
  std::string location;              ///< where the job says so: "job.cc:14"; empty of an operator that it has no more
  std::vector<std::string> details;  ///< the changes, the reasons with what to do, or the uid that was meant
};

/// "same", "migrates", "new", "orphaned", "refused".
std::string_view to_string(StateVerdict::Kind kind) noexcept;

/// "operator 'count' (job.cc:14), uid 'count', state 'acc'".
std::string describe(const StateVerdict& verdict);

/// In the order in which they were saved; what is new comes behind its operator, and new operators come last.
std::vector<StateVerdict> judge(const LogicalPlan& plan, const std::vector<SavedOperator>& saved);

}  // namespace tidemark
