// What the typed streams write down while main() builds a job: the logical plan and, for each node and edge, how to make the
// typed operator behind it. Nothing runs before Job::run(), and nothing here throws for a fault of the job: the first one is
// kept and reported by run(), so that main() needs no try.
//
// Owned by the Job; one thread. Streams point to it, so they are used only while the Job lives.
#pragma once

#include <any>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/detail/model/plan.h"
#include "tidemark/detail/task/factories.h"
#include "tidemark/error.h"

namespace tidemark::detail {

/// Where in the user's code an operator was added.
using Location = std::source_location;

/// A stream that stands for no operator of its own, such as a union.
inline constexpr NodeId kNoNode = 0xffffffff;

struct NewNode {
  std::string name;
  Location location = {};
  std::uint32_t parallelism = 0;  ///< 0: the job's
  bool keeps_state = false;
  bool is_enumerator = false;
  bool heads_task = false;
  bool must_be_read = true;
  bool is_local_stage = false;
  std::optional<Duration> windows_stay = {};
  std::vector<StateDescriptor> states = {};
  std::vector<KeptType> kept = {};
  std::string sink_kind = {};
  NodeFactory factory = {};
};

using MakeWriter = std::function<std::unique_ptr<EdgeWriter>(std::vector<SendingEnd*>, std::uint32_t)>;

/// How a stream is dealt out to its next operator, where that doesn't say so itself.
struct Partition {
  Exchange exchange;
  MakeWriter make_writer;
};

/// A side output, as its stream is asked for.
struct SideOutputPort {
  NodeId of;    ///< which operator has it, to the user
  NodeId node;  ///< whose operator puts it out
  std::string name;
  std::any port;  ///< a FindOutput<U> for its records U
};

class JobBuilder {
 public:
  NodeId add_node(NewNode node);
  /// An edge that gathers the whole stream makes its node run in one subtask.
  void add_edge(LogicalEdge edge, EdgeFactory factory);

  /// Valid as long as the builder.
  const Partition* add_partition(Partition partition) { return &partitions_.emplace_back(std::move(partition)); }

  /// `port` is a FindOutput<U> for the records U of the side output.
  void add_side_output(NodeId node, std::string name, std::any port) { add_side_output({node, node, std::move(name), std::move(port)}); }
  void add_side_output(SideOutputPort port);
  /// Null, and a complaint, if the node has none of that name.
  const SideOutputPort* find_side_output(NodeId node, const std::string& name);

  /// Of a source: its enumerator's, too. Likewise the local stage of an aggregation.
  void set_uid(NodeId node, std::string uid);
  void set_name(NodeId node, std::string name);
  void set_parallelism(NodeId node, std::uint32_t parallelism);

  /// A fault of the job, found while it is built. The first one is kept.
  void complain(std::string message);
  /// The same at a node: "operator 'map' (job.cc:14): <message>".
  void complain_at(NodeId node, const std::string& message);
  /// The same about what was written at `location`.
  void complain_at(const Location& location, const std::string& message);
  /// What `f` throws becomes a complaint at `location`.
  template <class F>
  void guard(const Location& location, F&& f) {
    try {
      f();
    } catch (const std::exception& e) {
      complain_at(location, e.what());
    } catch (...) {
      complain_at(location, "an exception of no known type");
    }
  }

  const std::optional<Error>& complaint() const { return complaint_; }
  /// Without name, parallelism and max parallelism, which are the job's.
  const LogicalPlan& plan() const { return plan_; }
  const JobFactories& factories() const { return factories_; }

 private:
  static std::string place(const Location& location);
  LogicalNode* node_to_change(NodeId node, std::string_view what);

  LogicalPlan plan_;
  JobFactories factories_;
  std::deque<Partition> partitions_;
  std::vector<SideOutputPort> side_outputs_;
  std::optional<Error> complaint_;
};

}  // namespace tidemark::detail
