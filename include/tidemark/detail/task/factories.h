// How the erased plan becomes typed operators: what the API recorded for each node and edge when the user built the job.
// Immutable once the job runs; called from one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tidemark/detail/channel/batch_codec.h"
#include "tidemark/detail/channel/edge_writer.h"
#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/task/operator.h"
#include "tidemark/detail/task/watermark_group.h"

namespace tidemark::detail {

/// What a sink needs to put its world in order before the job's first task starts.
struct SinkRecovery {
  const Env* env = nullptr;
  std::string job;
  std::string uid;
  AttemptId attempt = 0;                  ///< the one that starts
  bool restored = false;                  ///< false: the job starts anew
  std::vector<std::string> committables;  ///< of the restored checkpoint, of all subtasks
  std::vector<OperatorListState> list_states{};  ///< likewise: a subtask's are not joined with another's
  bool only_checks = false;                      ///< whether it would be refused is all that is asked: nothing may change
};

/// A reader of a source wants a split, or says how many readers there are.
struct SplitQuestion {
  static constexpr std::uint32_t kNobody = 0xffffffff;
  std::uint32_t reader = kNobody;
  std::uint32_t readers = 0;
};

/// How a source's readers ask its enumerator, which may be in another process. Any thread.
class SplitQuestions {
 public:
  virtual ~SplitQuestions() = default;
  /// Every question goes there instead of to an enumerator of this process. Before the first.
  virtual void relay_to(std::function<void(const SplitQuestion&)> relay) = 0;
  /// One that came from another process.
  virtual void put(const SplitQuestion& question) = 0;
};

struct NodeFactory {
  /// A new operator for a subtask. Its constructor only declares.
  std::function<std::unique_ptr<Operator>()> make;
  /// Of sinks: commits what the restored checkpoint holds (again, if need be) and discards what no checkpoint does. Once a
  /// start, before any task and behind the checks of all sinks, so that a start which one of them refuses takes nothing from
  /// the others. Throws Error. Null for all others.
  std::function<void(const SinkRecovery&)> recover;
  /// Of enumerators: the questions to the one that was made last. Null for all others.
  std::function<std::shared_ptr<SplitQuestions>()> questions{};
  /// Of readers: the group with which they keep pace. Null for all others, and for those that keep none.
  std::shared_ptr<WatermarkGroup> group{};
};

struct EdgeFactory {
  /// Makes `to` a receiver of that output of `from` which the edge starts at.
  std::function<void(Operator& from, BatchReceiver& to)> attach;
  /// The writer of the exchange; null for an edge that is always chained. One edge a target subtask.
  std::function<std::unique_ptr<EdgeWriter>(std::vector<SendingEnd*> edges, std::uint32_t max_parallelism)> make_writer;
  /// Of the records; null where they can't leave the process.
  const BatchCodec* codec = nullptr;
};

struct JobFactories {
  std::vector<NodeFactory> nodes;  ///< by NodeId
  std::vector<EdgeFactory> edges;  ///< by index of LogicalPlan::edges
};

}  // namespace tidemark::detail
