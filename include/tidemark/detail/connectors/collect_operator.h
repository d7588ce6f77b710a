// The collect sink: two phases in memory, so that restarts within a process show each record once.
//
// What a subtask collected since the last barrier is stashed at the barrier under a name, the committable; it joins the
// results when the checkpoint is complete, or when a restart restores it. A restart drops what is stashed and not in its
// checkpoint; one without a checkpoint drops everything.
//
// Threads: the store by any, under its lock; an operator by its task.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/detail/base/arena.h"
#include "tidemark/detail/connectors/sink.h"

namespace tidemark::detail {

class CollectStore {
 public:
  virtual ~CollectStore() = default;
  /// No effect if it is committed, or of another process.
  virtual void commit(const std::string& committable) = 0;
  virtual void drop_uncommitted() = 0;
  virtual void drop_all() = 0;
};

/// What the sink calls itself.
inline constexpr std::string_view kCollectKind = "collect";

/// See NodeFactory::recover.
void recover_collected(CollectStore& store, const SinkRecovery& recovery);

/// All of a writer but the records.
class CollectOperatorBase : public Operator {
 public:
  ~CollectOperatorBase() override;
  void open(OperatorContext& context) override;
  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request) override;
  void checkpoint_completed(CheckpointId id) override;

 protected:
  explicit CollectOperatorBase(CollectStore& store);

 private:
  /// Puts what was collected since the last barrier into the store; false if there is nothing.
  virtual bool stash(const std::string& committable) = 0;

  struct Ledger;
  CollectStore& store_;
  OperatorName name_;
  AttemptId attempt_ = 0;
  std::unique_ptr<Ledger> ledger_;
};

template <class T>
class TypedCollectStore final : public CollectStore {
 public:
  /// Records, and the text that they view.
  struct Chunk {
    std::vector<T> records;
    std::unique_ptr<Arena> text = std::make_unique<Arena>();
  };

  void stash(const std::string& committable, Chunk chunk) {
    const std::lock_guard lock{mutex_};
    stashed_[committable] = std::move(chunk);
  }
  std::vector<T> committed() const {
    const std::lock_guard lock{mutex_};
    return committed_;
  }

  void commit(const std::string& committable) override {
    const std::lock_guard lock{mutex_};
    auto node = stashed_.extract(committable);
    if (node.empty()) return;
    Chunk& chunk = node.mapped();
    committed_.insert(committed_.end(), std::make_move_iterator(chunk.records.begin()),
                      std::make_move_iterator(chunk.records.end()));
    texts_.push_back(std::move(chunk.text));
  }
  void drop_uncommitted() override {
    const std::lock_guard lock{mutex_};
    stashed_.clear();
  }
  void drop_all() override {
    const std::lock_guard lock{mutex_};
    stashed_.clear();
    committed_.clear();
    texts_.clear();
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Chunk> stashed_;
  std::vector<T> committed_;
  std::vector<std::unique_ptr<Arena>> texts_;
};

template <class T>
class CollectOperator final : public CollectOperatorBase {
 public:
  explicit CollectOperator(std::shared_ptr<TypedCollectStore<T>> store)
      : CollectOperatorBase{*store}, store_{std::move(store)} {}

  void receive(Batch& in) override {
    const T* values = static_cast<TypedBatch<T>&>(in).values();
    for (std::uint32_t i = 0; i < in.size(); ++i) {
      T& record = chunk_.records.emplace_back(values[i]);
      if constexpr (contains_views_v<T>) {
        for_each_view(record, [&](std::string_view& view) { view = chunk_.text->copy(view); });
      }
    }
    written_ += in.size();
  }
  std::uint64_t records_out() const override { return written_; }

 private:
  bool stash(const std::string& committable) override {
    if (chunk_.records.empty()) return false;
    store_->stash(committable, std::exchange(chunk_, {}));
    return true;
  }

  std::shared_ptr<TypedCollectStore<T>> store_;
  typename TypedCollectStore<T>::Chunk chunk_;
  std::uint64_t written_ = 0;
};

template <class T>
class CollectSinkImplementation final : public SinkImplementation {
 public:
  explicit CollectSinkImplementation(std::shared_ptr<TypedCollectStore<T>> store) : store_{std::move(store)} {}
  std::string name() const override { return std::string{kCollectKind}; }
  bool takes_changes() const override { return true; }
  bool keeps_state() const override { return true; }
  std::unique_ptr<Operator> make_writer() const override { return std::make_unique<CollectOperator<T>>(store_); }
  void recover(const SinkRecovery& recovery) const override { recover_collected(*store_, recovery); }

 private:
  std::shared_ptr<TypedCollectStore<T>> store_;
};

}  // namespace tidemark::detail
