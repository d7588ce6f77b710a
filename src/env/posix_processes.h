// Processes of this machine. One thread starts and watches them all, drains what they print into rolling logs, and kills those
// that outlive their grace.
//
// They die with that thread, so with this program, however it ends. A disk that takes no log, or that is slow, holds none of
// them up for longer than a write takes. Threads and ownership: those of Processes; files and clock outlive it.
#pragma once

#include <memory>

#include "env/env.h"
#include "env/processes.h"
#include "env/rolling_log.h"

namespace tidemark {

class PosixProcesses final : public Processes {
 public:
  PosixProcesses(FileSystem& files, const Clock& clock, RollingLogLimits logs = {});
  /// Kills those that run.
  ~PosixProcesses() override;

  std::unique_ptr<StartedProcess> start(ProcessOrder order, Mailbox& owner, ProcessCallbacks callbacks) override;

 private:
  class Keeper;
  class Handle;

  const std::unique_ptr<Keeper> keeper_;
};

}  // namespace tidemark
