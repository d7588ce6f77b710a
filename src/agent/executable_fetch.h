// An executable on its way from the JobManager into a TaskManager's store: part by part, each asked for when the one before has
// come.
//
// Threads: one; what finish() hands to the pool ends by mail. Ownership: the store outlives what the pool does.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "control/cluster_messages.h"
#include "control/executable_store.h"
#include "env/env.h"
#include "env/owner_link.h"

namespace tidemark {

class ExecutableFetch {
 public:
  using Fetched = std::move_only_function<void(Result<Executable>)>;

  static Result<ExecutableFetch> begin(ExecutableStore& store, std::string hash);

  /// The part that is to be asked for.
  ExecutableWanted wanted() const { return {.hash = hash_, .offset = offset_}; }
  /// Of the part that was wanted.
  Result<> take(const ExecutablePart& part);
  /// The last part has come.
  bool is_whole() const { return offset_ > 0 && offset_ == size_; }
  /// Behind the last: checks the hash and puts it into the store, in the pool. `fetched` runs as mail of `owner`.
  void finish(BlockingPool& pool, std::shared_ptr<OwnerLink> owner, Fetched fetched);

 private:
  ExecutableFetch(std::string hash, ExecutableStore::Upload upload)
      : hash_{std::move(hash)}, upload_{std::make_unique<ExecutableStore::Upload>(std::move(upload))} {}

  std::string hash_;
  std::uint64_t offset_ = 0;
  std::uint64_t size_ = 0;  // of the whole, once a part has come
  std::unique_ptr<ExecutableStore::Upload> upload_;
};

}  // namespace tidemark
