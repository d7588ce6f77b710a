#include "control/worker_vocabulary.h"

namespace tidemark {

Vocabulary words_to_workers() {
  Vocabulary words;
  words.add<WorkerStart>(MessageKind::kStartTasks)
      .add<Nothing>(MessageKind::kOpenTasks)
      .add<TriggerCheckpoint>(MessageKind::kTriggerCheckpoint)
      .add<CheckpointNumber>(MessageKind::kCheckpointCompleted)
      .add<CheckpointNumber>(MessageKind::kCheckpointAborted)
      .add<Nothing>(MessageKind::kDrainSources)
      .add<Nothing>(MessageKind::kFinishTasks)
      .add<Nothing>(MessageKind::kCancelTasks)
      .add<GroupWatermarks>(MessageKind::kOthersGroupWatermarks);
  return words;
}

Vocabulary words_to_masters() {
  Vocabulary words;
  words.add<Nothing>(MessageKind::kSinksAgreed)
      .add<Nothing>(MessageKind::kSinksRecovered)
      .add<Nothing>(MessageKind::kTasksRun)
      .add<CheckpointAcknowledged>(MessageKind::kCheckpointAcknowledged)
      .add<CheckpointDeclined>(MessageKind::kCheckpointDeclined)
      .add<TaskReport>(MessageKind::kEndOfData)
      .add<LoadEvent>(MessageKind::kStateLoading)
      .add<InputProgress>(MessageKind::kInputRead)
      .add<TasksMetrics>(MessageKind::kTasksMetrics)
      .add<GroupWatermarks>(MessageKind::kGroupWatermarks)
      .add<TaskFailureReport>(MessageKind::kTaskFailed)
      .add<Nothing>(MessageKind::kTasksEnded);
  return words;
}

}  // namespace tidemark
