#include "tidemark/detail/base/planted_bug.h"

#include <array>
#include <utility>

namespace tidemark::detail {
namespace {

constexpr std::array<std::pair<PlantedBug, std::string_view>, 40> kNames{{
    {PlantedBug::kAckBeforeFsync, "AckBeforeFsync"},
    {PlantedBug::kSkipAlignment, "SkipAlignment"},
    {PlantedBug::kBarrierOvertakesRecord, "BarrierOvertakesRecord"},
    {PlantedBug::kForgetTimer, "ForgetTimer"},
    {PlantedBug::kCommitOnTrigger, "CommitOnTrigger"},
    {PlantedBug::kCommitTwiceAfterRecovery, "CommitTwiceAfterRecovery"},
    {PlantedBug::kReuseEpoch, "ReuseEpoch"},
    {PlantedBug::kDeleteBeforeNewOneStands, "DeleteBeforeNewOneStands"},
    {PlantedBug::kMissingFolderSync, "MissingFolderSync"},
    {PlantedBug::kLateAckAccepted, "LateAckAccepted"},
    {PlantedBug::kCancelMarkerIgnored, "CancelMarkerIgnored"},
    {PlantedBug::kCopyOnWriteMissedInSplit, "CopyOnWriteMissedInSplit"},
    {PlantedBug::kRestoreSkipsKeyGroup, "RestoreSkipsKeyGroup"},
    {PlantedBug::kReplaySkipsRecord, "ReplaySkipsRecord"},
    {PlantedBug::kEvictionForgetsChange, "EvictionForgetsChange"},
    {PlantedBug::kStoreKeepsErased, "StoreKeepsErased"},
    {PlantedBug::kDeltaForgetsErased, "DeltaForgetsErased"},
    {PlantedBug::kDeltaMissesSplit, "DeltaMissesSplit"},
    {PlantedBug::kChainDropsNeededFile, "ChainDropsNeededFile"},
    {PlantedBug::kSharedFolderNotSynced, "SharedFolderNotSynced"},
    {PlantedBug::kSharedFileRemovedInUse, "SharedFileRemovedInUse"},
    {PlantedBug::kLoadedTooLate, "LoadedTooLate"},
    {PlantedBug::kSnapshotWithoutUnloaded, "SnapshotWithoutUnloaded"},
    {PlantedBug::kFiringForgetsRun, "FiringForgetsRun"},
    {PlantedBug::kSecondClaimAccepted, "SecondClaimAccepted"},
    {PlantedBug::kCommitsBehindLastSavepoint, "CommitsBehindLastSavepoint"},
    {PlantedBug::kUniqueRowLetGo, "UniqueRowLetGo"},
    {PlantedBug::kUnsentBatchForgotten, "UnsentBatchForgotten"},
    {PlantedBug::kCompletionToFirstWorker, "CompletionToFirstWorker"},
    {PlantedBug::kShareForgetsSlot, "ShareForgetsSlot"},
    {PlantedBug::kShareForgetsCommittables, "ShareForgetsCommittables"},
    {PlantedBug::kSlotFreedTooEarly, "SlotFreedTooEarly"},
    {PlantedBug::kSlotNeverFreed, "SlotNeverFreed"},
    {PlantedBug::kEndToldTooEarly, "EndToldTooEarly"},
    {PlantedBug::kOldWorkersKept, "OldWorkersKept"},
    {PlantedBug::kRestartBeginsAnew, "RestartBeginsAnew"},
    {PlantedBug::kJobNotWrittenDown, "JobNotWrittenDown"},
    {PlantedBug::kRefusedJobStays, "RefusedJobStays"},
    {PlantedBug::kSuccessorTooEarly, "SuccessorTooEarly"},
    {PlantedBug::kUpgradeOnTrust, "UpgradeOnTrust"},
}};

}  // namespace

std::string_view to_string(PlantedBug bug) noexcept {
  for (const auto& [which, name] : kNames) {
    if (which == bug) return name;
  }
  return "none";
}

std::optional<PlantedBug> parse_planted_bug(std::string_view text) noexcept {
  for (const auto& [which, name] : kNames) {
    if (name == text) return which;
  }
  return std::nullopt;
}

std::vector<PlantedBug> all_planted_bugs() {
  std::vector<PlantedBug> result;
  for (const auto& [which, name] : kNames) result.push_back(which);
  return result;
}

#ifdef TIDEMARK_INSTRUMENTS
namespace {
PlantedBug active = PlantedBug::kNone;
}

void plant(PlantedBug bug) noexcept { active = bug; }
bool planted(PlantedBug bug) noexcept { return active == bug; }
#endif

}  // namespace tidemark::detail
