#include "tidemark/detail/connectors/split_enumerator_operator.h"

#include <utility>
#include <vector>

#include "connectors/list_state.h"
#include "graph/verdict.h"
#include "tidemark/detail/base/check.h"

namespace tidemark::detail {
namespace {

constexpr std::string_view kStateName = "enumerator";

struct EnumeratorState {
  std::string unassigned;  ///< as the source's own enumerator writes it
};

}  // namespace

SplitEnumeratorOperator::SplitEnumeratorOperator(std::shared_ptr<SplitRequests> requests, MakeSplitEnumerator make)
    : requests_{std::move(requests)}, make_{std::move(make)} {}

SplitEnumeratorOperator::~SplitEnumeratorOperator() {
  if (notified_) requests_->set_notify(nullptr);
}

void SplitEnumeratorOperator::open(OperatorContext& context) {
  name_ = context.name;
  splits_ = make_(*context.env);
  for (const EnumeratorState& state : list_items<EnumeratorState>(context.restore, kStateName, name_)) {
    splits_->restore(state.unassigned);
  }
  if (context.post_mail) {
    requests_->set_notify([post_mail = context.post_mail] { post_mail([] {}); });
    notified_ = true;
  }
}

void SplitEnumeratorOperator::receive(Batch&) { TIDEMARK_CHECK(false, "the enumerator of a source has no input"); }

SourceOperator::Poll SplitEnumeratorOperator::poll() {
  const std::vector<std::uint32_t> readers = requests_->take();
  for (const std::uint32_t reader : readers) answer(reader);
  out_.flush();
  if (!readers.empty()) return Poll::kEmitted;
  return !told_no_more_.empty() && told_no_more_.size() >= requests_->readers() ? Poll::kFinished : Poll::kNothing;
}

void SplitEnumeratorOperator::answer(std::uint32_t reader) {
  std::optional<std::string> split = splits_->next();
  if (!split) told_no_more_.insert(reader);
  const bool no_more = !split.has_value();
  out_.emit(Timestamp::min(), {reader, no_more, std::move(split).value_or("")});
}

std::unique_ptr<SnapshotWork> SplitEnumeratorOperator::snapshot(const SnapshotRequest&) {
  OperatorSnapshot result{.uid = name_.uid, .subtask = name_.subtask};
  result.list_states.push_back(list_state<EnumeratorState>(kStateName, {{splits_->snapshot()}}));
  result.list_states.push_back(list_state<std::string>(kSourceKindList, {name_.name}));
  return std::make_unique<FinishedSnapshot>(std::move(result));
}

void SplitWriter::receive(Batch& in) {
  const auto& batch = static_cast<const TypedBatch<SplitRecord>&>(in);
  count_records(batch.size());
  for (std::uint32_t i = 0; i < batch.size(); ++i) {
    const SplitRecord& record = batch.values()[i];
    TIDEMARK_CHECK(record.reader < targets(), "a split for a reader that does not exist");
    append(record.reader, record, batch.timestamps()[i]);
  }
}

}  // namespace tidemark::detail
