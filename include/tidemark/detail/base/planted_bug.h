// Bugs on purpose: each is a switch that a build with TIDEMARK_INSTRUMENTS has, so that the simulator can prove that it
// would find such a bug. Everywhere else planted() is false at compile time and nothing of this remains.
//
// Where one is planted:  if (!planted(PlantedBug::kX)) do_what_is_right();
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tidemark::detail {

enum class PlantedBug : std::uint8_t {
  kNone,
  kAckBeforeFsync,              ///< a snapshot's file is acknowledged without being synced
  kSkipAlignment,               ///< a channel that delivered the barrier is read on
  kBarrierOvertakesRecord,      ///< the barrier is sent before the records that lie in the open batch
  kForgetTimer,                 ///< timers are left out of the snapshot
  kCommitOnTrigger,             ///< a sink commits when it prepares
  kCommitTwiceAfterRecovery,    ///< recovery publishes again what is published
  kReuseEpoch,                  ///< two snapshots are taken under one epoch
  kDeleteBeforeNewOneStands,    ///< the old checkpoint goes before the pointer names the new one
  kMissingFolderSync,           ///< a renamed file's folder is not synced
  kLateAckAccepted,             ///< an acknowledgement of an aborted checkpoint counts for the one that follows
  kCancelMarkerIgnored,         ///< a cancel marker does not end the alignment
  kCopyOnWriteMissedInSplit,    ///< a segment is split without saving what a running snapshot still has to read
  kRestoreSkipsKeyGroup,        ///< a restored subtask leaves out its last key group
  kReplaySkipsRecord,           ///< a source goes on one record too far
  kEvictionForgetsChange,       ///< a key that leaves memory takes what has changed with it
  kStoreKeepsErased,            ///< an erased entry stays in the store behind the tables
  kDeltaForgetsErased,          ///< a snapshot of what changed leaves out the keys that were erased
  kDeltaMissesSplit,            ///< entries that a split moved count as unchanged
  kChainDropsNeededFile,        ///< a checkpoint does not name the newest of the files that it builds on
  kSharedFolderNotSynced,       ///< a checkpoint completes before the names of the files it shares are durable
  kSharedFileRemovedInUse,      ///< what a removed checkpoint listed goes, whoever else lists it
  kLoadedTooLate,               ///< a key is used before its restored entry is loaded, which then comes on top
  kSnapshotWithoutUnloaded,     ///< a snapshot leaves out what was restored and is not loaded yet
  kFiringForgetsRun,            ///< a window gives its result without what did not fit into memory
  kSecondClaimAccepted,         ///< a snapshot is claimed though another has claimed it since it was found free
  kCommitsBehindLastSavepoint,  ///< checkpoints go on behind the savepoint with which the job is cancelled
  kUniqueRowLetGo,              ///< the one record of a key goes with those that have waited for it
  kUnsentBatchForgotten,        ///< a batch that finds no room on its way to another worker counts as sent
  kCompletionToFirstWorker,     ///< only the first of several workers hears that a checkpoint is complete
  kShareForgetsSlot,            ///< the state of a job's last slot goes to no worker
  kShareForgetsCommittables,    ///< no worker gets what the restored checkpoint had prepared to commit
  kSlotFreedTooEarly,           ///< slots are free when their worker is to end, and not when it has
  kSlotNeverFreed,              ///< the slots of a worker that has ended are not free again
  kEndToldTooEarly,             ///< a TaskManager says of a worker that it was told to stop that it has ended
  kOldWorkersKept,              ///< a TaskManager that has lost the JobManager registers again beside its old workers
  kRestartBeginsAnew,           ///< a JobManager that starts again begins its jobs anew
  kJobNotWrittenDown,           ///< a job is accepted before its record is written
  kRefusedJobStays,             ///< the record of a job that was refused stays, and the next JobManager goes on with it
  kSuccessorTooEarly,           ///< a job follows another in its folder before the end of that is written down
  kUpgradeOnTrust,              ///< a job takes another's place without having completed a checkpoint
};

/// In the words of the enumerators, without their k: "AckBeforeFsync".
std::string_view to_string(PlantedBug bug) noexcept;
std::optional<PlantedBug> parse_planted_bug(std::string_view name) noexcept;
/// All but kNone.
std::vector<PlantedBug> all_planted_bugs();

#ifdef TIDEMARK_INSTRUMENTS
/// One at a time, for the whole process; kNone: none. Before the first thread starts.
void plant(PlantedBug bug) noexcept;
bool planted(PlantedBug bug) noexcept;
#else
constexpr bool planted(PlantedBug) noexcept { return false; }
#endif

}  // namespace tidemark::detail
