// The snapshot of state before which tables stand, as files of the store: those that are not saved yet are copied into the
// folder that checkpoints share. A data file of the subtask's has what the tables hold and the store does not.
//
// Threads: one at a time, any. The store outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "env/env.h"
#include "snapshot/file_copy.h"
#include "state/saved_store_files.h"
#include "state/store_link.h"
#include "tidemark/detail/state/operator_context.h"

namespace tidemark {

class StoreSnapshot final : public detail::SnapshotWork {
 public:
  /// Files that it copies are called `<name_prefix><name in the store>.snap`.
  StoreSnapshot(const Env& env, std::shared_ptr<StoreLink> link, SavedStoreFiles::Plan plan, std::string folder,
                std::string name_prefix, std::unique_ptr<detail::SnapshotWork> tables);
  ~StoreSnapshot() override;

  bool step() override;
  OperatorSnapshot take_result() override;
  std::uint64_t bytes_written() const override { return bytes_copied_ + tables_->bytes_written(); }

 private:
  bool save_some();
  void save(const StateStoreFile& file);

  const Env& env_;
  std::shared_ptr<StoreLink> link_;
  SavedStoreFiles::Plan plan_;
  const std::string folder_;
  const std::string name_prefix_;
  std::unique_ptr<detail::SnapshotWork> tables_;
  bool linked_ = false;
  bool tables_written_ = false;
  std::size_t next_file_ = 0;
  std::optional<FileCopy> copy_;  // of the file before next_file_
  std::uint64_t bytes_copied_ = 0;
};

}  // namespace tidemark
