#include "tidemark/detail/connectors/hybrid_source.h"

#include <array>
#include <iterator>

#include "connectors/list_state.h"

namespace tidemark::detail {
namespace {

class HybridSplits final : public SplitEnumerator {
 public:
  HybridSplits(std::unique_ptr<SplitEnumerator> first, std::unique_ptr<SplitEnumerator> then, OperatorName name)
      : enumerators_{std::move(first), std::move(then)}, name_{std::move(name)} {}

  std::optional<std::string> next() override {
    std::optional<std::string> split = current().next();
    if (split) split->insert(split->begin(), kStageLetters[stage_]);
    return split;
  }
  bool may_have_more() const override { return stage_ == 0 || current().may_have_more(); }
  // The second one comes when all have read the first: what is in it may be of any time behind that.
  bool may_be_long() const override { return (stage_ == 1 || current().may_have_more()) && current().may_be_long(); }
  bool all_readers_wait() override {
    if (current().all_readers_wait()) return true;
    if (stage_ == 1 || current().may_have_more()) return false;
    stage_ = 1;
    return true;
  }
  bool side_by_side() const override { return current().side_by_side(); }

  std::shared_ptr<SplitSearch> search() override { return current().search(); }
  void adopt(SplitSearch& found) override { current().adopt(found); }
  std::optional<std::int64_t> search_again_ns() const override { return current().search_again_ns(); }

  PendingInput pending() const override {
    PendingInput all = enumerators_[0]->pending();
    return all += enumerators_[1]->pending();
  }

  std::string snapshot() const override {
    return encode_item(HybridState{.stage = static_cast<std::uint8_t>(stage_), .first = enumerators_[0]->snapshot(), .then = enumerators_[1]->snapshot()});
  }
  void restore(const std::string& snapshot) override {
    HybridState state;
    if (!decode_versioned(snapshot, state) || state.stage > 1) fail_damaged_state(name_, kEnumeratorList);
    enumerators_[0]->restore(state.first);
    enumerators_[1]->restore(state.then);
    stage_ = state.stage;
  }

 private:
  SplitEnumerator& current() { return *enumerators_[stage_]; }
  const SplitEnumerator& current() const { return *enumerators_[stage_]; }

  std::array<std::unique_ptr<SplitEnumerator>, 2> enumerators_;
  std::size_t stage_ = 0;
  OperatorName name_;
};

}  // namespace

MakeSplitEnumerator hybrid_split_enumerator(MakeSplitEnumerator first, MakeSplitEnumerator then) {
  return [first = std::move(first), then = std::move(then)](const OperatorContext& context) {
    return std::make_unique<HybridSplits>(first(context), then(context), context.name);
  };
}

std::vector<KeptType> hybrid_kept(std::vector<KeptType> first, std::vector<KeptType> then) {
  for (KeptType& type : first) type.name.insert(0, kStageNames[0]);
  for (KeptType& type : then) type.name.insert(0, kStageNames[1]);
  first.insert(first.end(), std::make_move_iterator(then.begin()), std::make_move_iterator(then.end()));
  return first;
}

std::size_t stage_of_split(std::string_view split, const OperatorName& op) {
  if (split.starts_with(kStageLetters[0])) return 0;
  if (!split.starts_with(kStageLetters[1])) fail_damaged_state(op, kSplitsList);
  return 1;
}

}  // namespace tidemark::detail
