#include "control/cluster_messages.h"

#include "control/worker_vocabulary.h"

namespace tidemark {

ConnectionOptions control_connection(const std::optional<Tls>& tls, const Heartbeat& heartbeat) {
  return {.largest_frame = 256u << 20, .sign_of_life_ms = heartbeat.interval_ms, .silence_ms = heartbeat.timeout_ms, .tls = tls};
}

// A worker that stands still must not hold up the ends of the others.
ConnectionOptions data_connection(const std::optional<Tls>& tls, const Heartbeat& heartbeat) {
  return {.sign_of_life_ms = heartbeat.interval_ms, .silence_ms = heartbeat.timeout_ms, .closing_ms = 1'000, .tls = tls};
}

Vocabulary words_to_job_managers() {
  Vocabulary words = words_to_masters();
  words.add<RegisterTaskManager>(MessageKind::kRegisterTaskManager)
      .add<WorkerNumber>(MessageKind::kWorkerStarted)
      .add<WorkerEnded>(MessageKind::kWorkerEnded)
      .add<ExecutableWanted>(MessageKind::kExecutableWanted)
      .add<TaskManagerAnswered>(MessageKind::kTaskManagerAnswered)
      .add<WorkerReady>(MessageKind::kWorkerReady);
  return words;
}

Vocabulary words_of_job_managers() {
  Vocabulary words = words_to_workers();
  const Vocabulary of_task_managers = words_to_task_managers();
  for (const auto& [kind, type] : of_task_managers.types()) words.add(kind, type);
  return words;
}

Vocabulary words_to_task_managers() {
  Vocabulary words;
  words.add<Nothing>(MessageKind::kTaskManagerRegistered)
      .add<TaskManagerRefused>(MessageKind::kTaskManagerRefused)
      .add<StartWorker>(MessageKind::kStartWorker)
      .add<WorkerNumber>(MessageKind::kStopWorker)
      .add<ExecutablePart>(MessageKind::kExecutablePart)
      .add<TaskManagerAsked>(MessageKind::kTaskManagerAsked);
  return words;
}

}  // namespace tidemark
