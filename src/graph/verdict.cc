#include "graph/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/nearest.h"
#include "graph/kept_types.h"
#include "graph/state_evolution.h"
#include "tidemark/detail/base/bytes.h"

namespace tidemark {
namespace {

using Kind = StateVerdict::Kind;
using StateKind = StateDescriptor::Kind;
using CheckpointedOperator = CheckpointMetadata::Operator;
using Nodes = std::vector<const LogicalNode*>;

bool is_keyed(StateKind kind) { return kind < StateKind::kSplitList; }

const StateDescriptor* find_state(const std::vector<StateDescriptor>& states, const std::string& name) {
  const auto found = std::ranges::find(states, name, &StateDescriptor::name);
  return found == states.end() ? nullptr : &*found;
}

std::uint64_t items_of(const CheckpointedOperator& from, const std::string& list) {
  std::uint64_t count = 0;
  for (const OperatorSnapshot& subtask : from.subtasks) {
    for (const OperatorListState& each : subtask.list_states) {
      if (each.name == list) count += each.items.size();
    }
  }
  return count;
}

std::string text_of(const std::vector<std::string>& items) {
  if (items.empty()) return {};
  detail::ByteReader reader{items.front()};
  return std::string{reader.get_string()};
}

SavedOperator saved_operator(const CheckpointedOperator& from) {
  SavedOperator saved{.uid = from.uid, .name = from.name};
  bool has_files = false;
  for (const OperatorSnapshot& subtask : from.subtasks) {
    has_files = has_files || !subtask.keyed_files.empty();
    if (!subtask.keyed_files.empty() || !subtask.watermarks.empty()) saved.max_parallelism = from.max_parallelism;
    saved.committables += subtask.committables.size();
    for (const OperatorListState& list : subtask.list_states) {
      if (find_state(from.states, list.name) != nullptr) continue;
      if (list.name == kSourceKindList) {
        saved.source_kind = text_of(list.items);
      } else if (list.name == kSinkKindList) {
        saved.sink_kind = text_of(list.items);
      } else {
        saved.items += list.items.size();
      }
    }
  }
  for (const StateDescriptor& state : from.states) {
    if (is_keyed(state.kind) ? has_files : items_of(from, state.name) > 0) saved.states.push_back(state);
  }
  saved.kept = kept_types(from);
  return saved;
}

bool holds_anything(const SavedOperator& saved) {
  return !saved.states.empty() || saved.holds_other() || saved.max_parallelism != 0;
}

/// As its enumerator calls itself, whatever name the user has given to the source.
std::string source_kind_of(const Nodes& nodes) {
  const auto enumerator = std::ranges::find_if(nodes, [](const LogicalNode* node) { return node->is_enumerator; });
  return enumerator == nodes.end() ? std::string{} : (*enumerator)->name;
}

/// Empty where they are no sink; nothing where a plan of an older version, which does not say, leaves that open.
std::optional<std::string> sink_kind_of(const Nodes& nodes) {
  const LogicalNode& node = *nodes.back();
  if (node.sink_kind) return node.sink_kind;
  const bool may_be_sink = node.keeps_state && node.states.empty() && nodes.size() == 1;
  return may_be_sink ? std::nullopt : std::optional{std::string{}};
}

class Judge {
 public:
  Judge(const LogicalPlan& plan, const std::vector<SavedOperator>& saved) : plan_{plan}, saved_{saved} {}

  std::vector<StateVerdict> judge() {
    for (const SavedOperator& from : saved_) judge_operator(from);
    for (const LogicalNode& node : plan_.nodes) {
      if (node.keeps_state && !node.uid.empty() && !node.is_enumerator && !is_saved(node.uid)) add_new_operator(node);
    }
    return std::move(verdicts_);
  }

 private:
  bool is_saved(const std::string& uid) const {
    return std::ranges::find(saved_, uid, &SavedOperator::uid) != saved_.end();
  }

  /// Those of that uid: an enumerator and its reader share theirs. The one that names the operator is last.
  Nodes takers_of(const std::string& uid) const {
    Nodes nodes;
    for (const LogicalNode& node : plan_.nodes) {
      if (node.uid == uid) nodes.push_back(&node);
    }
    return nodes;
  }

  StateVerdict verdict(Kind kind, const LogicalNode& node, const std::string& state,
                       std::vector<std::string> details = {}) {
    return {kind, node.uid, state, node.name, node.location, std::move(details)};
  }

  void judge_operator(const SavedOperator& from) {
    const Nodes nodes = takers_of(from.uid);
    if (nodes.empty()) return judge_orphan(from);
    const LogicalNode& node = *nodes.back();
    if (from.max_parallelism != 0 && from.max_parallelism != plan_.max_parallelism) {
      verdicts_.push_back(verdict(Kind::kRefused, node, "",
                                  {fmt::format("max parallelism {} -> {}: it can't change during the life of a state: "
                                               "set pipeline.max-parallelism to {}",
                                               from.max_parallelism, plan_.max_parallelism, from.max_parallelism)}));
    }
    if (is_another_source(from, nodes)) {
      refuse_source(from, nodes);
    } else if (is_another_sink(from, nodes)) {
      refuse_sink(from, nodes);
    } else if (from.holds_other() || from.states.empty()) {
      judge_other(from, nodes);
    }
    for (const StateDescriptor& state : from.states) judge_state(from, state, nodes);
    for (const LogicalNode* each : nodes) {
      for (const StateDescriptor& state : each->states) {
        if (find_state(from.states, state.name) == nullptr) verdicts_.push_back(verdict(Kind::kNew, *each, state.name));
      }
    }
  }

  static bool is_another_source(const SavedOperator& from, const Nodes& nodes) {
    return !from.source_kind.empty() && from.source_kind != source_kind_of(nodes);
  }

  void refuse_source(const SavedOperator& from, const Nodes& nodes) {
    const std::string now = source_kind_of(nodes);
    verdicts_.push_back(verdict(
        Kind::kRefused, *nodes.back(), "",
        {fmt::format("'{}' -> {}: how far the one has read says nothing to the other: declare the saved source again, or "
                     "give the new one a uid of its own",
                     from.source_kind, now.empty() ? "no source" : fmt::format("'{}'", now))}));
  }

  static bool is_another_sink(const SavedOperator& from, const Nodes& nodes) {
    if (from.sink_kind.empty() || !from.holds_other() || !is_taken(nodes)) return false;
    const std::optional<std::string> now = sink_kind_of(nodes);
    return now && *now != from.sink_kind;
  }

  void refuse_sink(const SavedOperator& from, const Nodes& nodes) {
    const std::string now = sink_kind_of(nodes).value_or("");
    verdicts_.push_back(verdict(
        Kind::kRefused, *nodes.back(), "",
        {fmt::format("'{}' -> {}: what the one has prepared the other can't commit: declare the saved sink again, or stop "
                     "the job with `tidemark stop`, which commits, and give the new one a uid of its own",
                     from.sink_kind, now.empty() ? "no sink" : fmt::format("'{}'", now))}));
  }

  static bool is_taken(const Nodes& nodes) {
    return std::ranges::any_of(nodes, [](const LogicalNode* node) { return node->keeps_state; });
  }

  void judge_other(const SavedOperator& from, const Nodes& nodes) {
    const LogicalNode& node = *nodes.back();
    if (is_taken(nodes)) {
      if (!judge_kept(from, nodes)) verdicts_.push_back(verdict(Kind::kSame, node, ""));
      return;
    }
    verdicts_.push_back(
        verdict(Kind::kOrphaned, node, "",
                {fmt::format("'{}' saved {}, and this operator keeps nothing", from.name, other_text(from))}));
  }

  /// Whether there was anything to judge. Types that only one side knows of have nothing to fit: it is an older version, or the
  /// values are not there yet.
  bool judge_kept(const SavedOperator& from, const Nodes& nodes) {
    const std::size_t before = verdicts_.size();
    for (const LogicalNode* node : nodes) {
      for (const KeptType& declared : node->kept) {
        for (const KeptType& saved : from.kept) {
          if (saved.name == declared.name) add_evolved(*node, saved.name, evolve_schema(saved.schema, declared.schema));
        }
      }
    }
    return verdicts_.size() > before;
  }

  void add_evolved(const LogicalNode& node, const std::string& state, Evolution evolution) {
    switch (evolution.kind) {
      case Evolution::Kind::kSame:
        return verdicts_.push_back(verdict(Kind::kSame, node, state));
      case Evolution::Kind::kMigrates:
        return verdicts_.push_back(verdict(Kind::kMigrates, node, state, std::move(evolution.steps)));
      case Evolution::Kind::kRefused:
        return verdicts_.push_back(verdict(Kind::kRefused, node, state, std::move(evolution.refusals)));
    }
  }

  static std::string other_text(const SavedOperator& from) {
    if (from.committables == 0) return "positions or marks of its own";
    return fmt::format("{} pieces of output that are prepared and not yet committed", from.committables);
  }

  void judge_state(const SavedOperator& from, const StateDescriptor& state, const Nodes& nodes) {
    for (const LogicalNode* node : nodes) {
      const StateDescriptor* declared = find_state(node->states, state.name);
      if (declared == nullptr) continue;
      return add_evolved(*node, state.name, evolve_state(state, *declared));
    }
    verdicts_.push_back(verdict(Kind::kOrphaned, *nodes.back(), state.name, {undeclared(from, state, nodes)}));
  }

  std::string undeclared(const SavedOperator& from, const StateDescriptor& state, const Nodes& nodes) const {
    if (state.kind == StateKind::kWindow) {
      return "the operator has no windows of this size, slide and offset in ms, by which the saved ones are cut: set "
             "them back, or "
             "give it another uid";
    }
    return "the operator declares no such state" + did_you_mean(state.name, new_states(from, nodes));
  }

  std::vector<std::string> new_states(const SavedOperator& from, const Nodes& nodes) const {
    std::vector<std::string> names;
    for (const LogicalNode* node : nodes) {
      for (const StateDescriptor& state : node->states) {
        if (find_state(from.states, state.name) == nullptr) names.push_back(state.name);
      }
    }
    return names;
  }

  void judge_orphan(const SavedOperator& from) {
    const std::string why = "no operator of the job has this uid" + renamed_to(from.uid);
    const auto add = [&](const std::string& state, std::string detail) {
      verdicts_.push_back({Kind::kOrphaned, from.uid, state, from.name, "", {std::move(detail)}});
    };
    for (const StateDescriptor& state : from.states) add(state.name, why);
    if (from.holds_other()) {
      add("", fmt::format("it saved {}; {}", other_text(from), why));
    } else if (from.states.empty()) {
      add("", why);
    }
  }

  // The most likely reason is a uid that was changed: then the new one is of an operator that was not saved.
  std::string renamed_to(const std::string& uid) const {
    std::vector<std::string> unknown;
    for (const LogicalNode& node : plan_.nodes) {
      if (node.keeps_state && !node.uid.empty() && !node.is_enumerator && !is_saved(node.uid))
        unknown.push_back(node.uid);
    }
    if (unknown.empty()) return {};
    const std::optional<std::string> near = nearest(uid, unknown);
    if (near) return fmt::format("; did you mean '{}'?", *near);
    return fmt::format("; did you rename it? Nothing was saved of '{}'", fmt::join(unknown, "', '"));
  }

  void add_new_operator(const LogicalNode& node) {
    for (const StateDescriptor& state : node.states) verdicts_.push_back(verdict(Kind::kNew, node, state.name));
    if (node.states.empty()) verdicts_.push_back(verdict(Kind::kNew, node, ""));
  }

  const LogicalPlan& plan_;
  const std::vector<SavedOperator>& saved_;
  std::vector<StateVerdict> verdicts_;
};

}  // namespace

std::vector<SavedOperator> saved_operators(const CheckpointMetadata& checkpoint) {
  std::vector<SavedOperator> result;
  for (const CheckpointedOperator& from : checkpoint.operators) {
    SavedOperator saved = saved_operator(from);
    if (holds_anything(saved)) result.push_back(std::move(saved));
  }
  return result;
}

std::vector<SavedOperator> saved_operators(const LogicalPlan& plan) {
  std::vector<SavedOperator> result;
  for (const LogicalNode& node : plan.nodes) {
    if (!node.keeps_state || node.uid.empty()) continue;
    auto saved = std::ranges::find(result, node.uid, &SavedOperator::uid);
    if (saved == result.end()) saved = result.insert(saved, {.uid = node.uid});
    saved->name = node.name;
    if (node.is_enumerator) saved->source_kind = node.name;
    if (node.sink_kind) saved->sink_kind = *node.sink_kind;
    saved->kept.insert(saved->kept.end(), node.kept.begin(), node.kept.end());
    saved->states.insert(saved->states.end(), node.states.begin(), node.states.end());
    const auto keyed = [](const StateDescriptor& state) { return is_keyed(state.kind); };
    if (std::ranges::any_of(node.states, keyed)) saved->max_parallelism = plan.max_parallelism;
    saved->items = saved->states.empty() ? 1 : 0;
  }
  return result;
}

std::vector<StateVerdict> judge(const LogicalPlan& plan, const std::vector<SavedOperator>& saved) {
  return Judge{plan, saved}.judge();
}

std::string_view to_string(Kind kind) noexcept {
  switch (kind) {
    case Kind::kSame:
      return "same";
    case Kind::kMigrates:
      return "migrates";
    case Kind::kNew:
      return "new";
    case Kind::kOrphaned:
      return "orphaned";
    case Kind::kRefused:
      return "refused";
  }
  return "";
}

std::string describe(const StateVerdict& verdict) {
  std::string text = fmt::format("operator '{}'", verdict.name);
  if (!verdict.location.empty()) text += fmt::format(" ({})", verdict.location);
  text += fmt::format(", uid '{}'", verdict.uid);
  return verdict.state.empty() ? text : text + fmt::format(", state '{}'", verdict.state);
}

}  // namespace tidemark
