// The rows that a job has committed, as any reader of its output folder finds them, and what does not belong there.
//
// Rows come in the order in which they were written, as far as the files tell: by attempt, subtask, file and line. What one
// subtask wrote in one attempt is in its order; of two attempts, all of the earlier one was written before.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "env/file_system.h"
#include "tidemark/detail/codec/record_layout.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

/// `part-<subtask>-<attempt>-<number>.json`, with a folder in front.
struct OutputFile {
  std::string path;
  std::uint32_t subtask = 0;
  AttemptId attempt = 0;
  std::uint64_t number = 0;
};

template <class Row>
struct CommittedRow {
  Row row;
  std::uint32_t subtask = 0;
  AttemptId attempt = 0;
};

/// None where the folder is not there yet. A visible file of another name is an error.
Result<std::vector<OutputFile>> committed_files(FileSystem& files, const std::string& directory);
/// Of the sink `uid`: what the checkpoint promises to commit and nobody has committed yet. An error for a file that is
/// neither pending nor committed, or has another size.
Result<std::vector<OutputFile>> pending_files(FileSystem& files, const CheckpointMetadata& checkpoint,
                                              const std::string& uid);
/// Hidden files that nobody will ever commit: all but the one that says whose folder it is.
std::optional<std::string> find_leftover(FileSystem& files, const std::string& directory);

/// `take` gets each line decoded into `row`. An error for a line that is cut off or no such row.
Result<> read_lines_into(FileSystem& files, const OutputFile& file, const detail::RecordLayout& layout, void* row,
                         const std::function<void()>& take);

template <class Row>
Result<std::vector<CommittedRow<Row>>> read_rows(FileSystem& files, const std::vector<OutputFile>& from) {
  static_assert(!detail::contains_views_v<Row>, "rows outlive the file that they were read from");
  std::vector<CommittedRow<Row>> rows;
  for (const OutputFile& file : from) {
    CommittedRow<Row> row{{}, file.subtask, file.attempt};
    TIDEMARK_TRY(read_lines_into(files, file, detail::layout_of<Row>(), &row.row, [&] { rows.push_back(row); }));
  }
  return rows;
}

template <class Row>
Result<std::vector<CommittedRow<Row>>> read_committed(FileSystem& files, const std::string& directory) {
  TIDEMARK_ASSIGN(committed, committed_files(files, directory));
  return read_rows<Row>(files, committed);
}

/// What was committed and what this checkpoint promises: no failure takes them away once it is complete.
template <class Row>
Result<std::vector<CommittedRow<Row>>> read_secured(FileSystem& files, const std::string& directory,
                                                    const CheckpointMetadata& checkpoint, const std::string& uid) {
  TIDEMARK_ASSIGN(rows, read_committed<Row>(files, directory));
  TIDEMARK_ASSIGN(pending, pending_files(files, checkpoint, uid));
  TIDEMARK_ASSIGN(more, read_rows<Row>(files, pending));
  rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

}  // namespace tidemark
