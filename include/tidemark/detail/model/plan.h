// A job as the user built it, as plain data. By value, any thread.
//
// A node is one operator as the user wrote it; a source is two, its enumerator and its reader.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/model/kept_values.h"
#include "tidemark/time.h"

namespace tidemark {

using NodeId = std::uint32_t;

/// How records get from the subtasks of one node to those of the next.
enum class Exchange : std::uint8_t {
  kForward,    ///< subtask i to subtask i: chained where nothing speaks against it
  kHash,       ///< by the hash of the key
  kRebalance,  ///< in turn
  kGlobal,     ///< all to subtask 0
  kBroadcast,  ///< each record to every subtask
  kSplits,     ///< from a source's enumerator to the reader that asked
  kRescale,    ///< in turn, each subtask to a share of the next ones that is its own, or several to one
  kShuffle,    ///< each record to a subtask picked at random
  kCustom,     ///< as the user's function says
};

/// The state in which an operator has its windows, where that is not of the kind kWindow.
inline constexpr std::string_view kWindowsState = "windows";

struct LogicalNode {
  NodeId id = 0;
  std::string name;                   ///< "window aggregate"
  std::string uid;                    ///< may be empty where nothing is kept
  std::string location;               ///< "job.cc:14", for messages
  std::uint32_t parallelism = 0;      ///< 0: the job's
  bool keeps_state = false;           ///< has states, splits or committables in a checkpoint: needs a uid
  bool is_enumerator = false;         ///< shares its uid with its reader
  bool heads_task = false;            ///< hands on by itself: the first operator of its task
  bool must_be_read = false;          ///< puts out a stream, which an operator or a sink must take
  bool is_local_stage = false;        ///< aggregates ahead of an exchange for the node behind it, and shares its uid
  std::optional<Duration> windows_stay;  ///< with windows: so long behind its end one is kept; Duration::max(): for good
  std::vector<StateDescriptor> states;
  std::vector<KeptType> kept = {};  ///< of users' values in what it keeps besides
  /// Of a sink that keeps something: what it calls itself, whatever name the user gives the node. Empty: it is none. Nothing: a
  /// plan of an older version does not say.
  std::optional<std::string> sink_kind = {};
};

struct LogicalEdge {
  NodeId from = 0;
  NodeId to = 0;
  Exchange exchange = Exchange::kForward;
  std::string output;  ///< name of a side output; empty for the main one
  std::uint32_t input = 0;  ///< which input of `to`: 0 but for the second one of an operator with two
  bool order_counts = false;  ///< the records say what becomes of rows: those of a row must stay in order
};

struct LogicalPlan {
  std::string job;
  std::uint32_t parallelism = 1;
  std::uint32_t max_parallelism = kDefaultMaxParallelism;
  std::vector<LogicalNode> nodes;  ///< id = index; a node comes after those that it reads from
  std::vector<LogicalEdge> edges;
};

/// `edge` starts at the enumerator of the source, or the local stage of the aggregation, that it leads to: they share its uid.
/// Who reads another output of a local stage, its late records, has a uid of its own.
inline bool is_part_of_reader(const LogicalPlan& plan, const LogicalEdge& edge) {
  return edge.exchange == Exchange::kSplits || (plan.nodes[edge.from].is_local_stage && edge.output.empty());
}

}  // namespace tidemark
