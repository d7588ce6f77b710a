// Whether a job could start from a checkpoint or savepoint: judged in the job's own program, which has its plan and the storage
// that its snapshots lie on. Reads, and changes nothing: it takes no lock. Blocks on I/O; any thread.
#pragma once

#include <memory>
#include <string>

#include "api/verdict_report.h"
#include "env/file_system.h"
#include "tidemark/detail/model/plan.h"
#include "tidemark/storage.h"

namespace tidemark {

struct RestoreCheck {
  /// As --resume=PATH takes it; a job's folder, or the --checkpoint-dir around it, means what --resume goes on from.
  std::string path;
  std::string declared;  ///< what the job is called in the report: "./orders"
  UnclaimedState unclaimed = UnclaimedState::kRefuse;
};

/// An error where it can't be told: nothing is there, or it can't be read.
Result<VerdictReport> check_restore(FileSystem& files, const LogicalPlan& plan, const RestoreCheck& check);

/// The same where a job run with this storage would look; null: in the machine's files.
Result<VerdictReport> check_restore(const std::shared_ptr<Storage>& storage, const LogicalPlan& plan,
                                    const RestoreCheck& check);

}  // namespace tidemark
