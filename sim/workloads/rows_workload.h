// A workload with one sink: what it has committed are rows of one kind in one folder. Who derives from it says what is
// wrong with rows and which are missing.
//
// One thread.
#pragma once

#include "sim/workloads/committed_rows.h"
#include "sim/workloads/job_workload.h"

namespace tidemark {

template <class Row>
class RowsWorkload : public JobWorkload {
 public:
  Complaint check_so_far(FileSystem& files) const final {
    const auto rows = read_committed<Row>(files, kOut);
    return rows ? find_wrong(*rows) : rows.error().message();
  }

  Complaint check_finished(FileSystem& files) const final {
    const auto rows = read_committed<Row>(files, kOut);
    if (!rows) return rows.error().message();
    if (auto wrong = find_wrong(*rows)) return wrong;
    if (auto missing = find_missing(*rows)) return missing;
    return find_leftover(files, kOut);
  }

 protected:
  using Rows = std::vector<CommittedRow<Row>>;
  static constexpr const char* kOut = kSimulatedOutputDir;
  static constexpr const char* kSink = "files";  // its sink's uid

  using JobWorkload::JobWorkload;

  /// Whatever must hold of the rows at any moment; they come as written.
  virtual Complaint find_wrong(const Rows& rows) const = 0;
  /// What the rows of a finished job lack; nothing is wrong with them.
  virtual Complaint find_missing(const Rows& rows) const = 0;

  /// `find_lost(rows)` of all rows that no failure takes away once this checkpoint is complete.
  template <class FindLost>
  static Complaint check_secured(FileSystem& files, const CheckpointMetadata& checkpoint, const FindLost& find_lost) {
    const auto rows = read_secured<Row>(files, kOut, checkpoint, kSink);
    return rows ? find_lost(*rows) : rows.error().message();
  }
};

}  // namespace tidemark
