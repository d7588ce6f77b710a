#include "tidemark/detail/connectors/split_enumerator_operator.h"

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include "connectors/list_state.h"
#include "env/env.h"
#include "graph/verdict.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/model/kept_values.h"

namespace tidemark::detail {

// A search on its way through the pool.
struct SplitEnumeratorOperator::Searched {
  std::shared_ptr<SplitSearch> search;
  std::exception_ptr error;
};

SplitEnumeratorOperator::SplitEnumeratorOperator(std::shared_ptr<SplitRequests> requests, MakeSplitEnumerator make)
    : requests_{std::move(requests)}, make_{std::move(make)} {}

SplitEnumeratorOperator::~SplitEnumeratorOperator() {
  if (notified_) requests_->set_notify(nullptr);
}

std::int64_t SplitEnumeratorOperator::now_ns() const { return context_->env->clock->steady_ns(); }

void SplitEnumeratorOperator::open(OperatorContext& context) {
  context_ = &context;
  splits_ = make_(context);
  for (const EnumeratorState& state : list_items<EnumeratorState>(context.restore, kEnumeratorList, context.name)) {
    splits_->restore(state.unassigned);
  }
  search_at_ns_ = now_ns();
  if (context.post_mail) {
    requests_->set_notify([post_mail = context.post_mail] { post_mail([] {}); });
    notified_ = true;
  }
}

void SplitEnumeratorOperator::receive(Batch&) { TIDEMARK_CHECK(false, "the enumerator of a source has no input"); }

SourceOperator::Poll SplitEnumeratorOperator::poll() {
  take_requests();
  const std::uint64_t before = out_.emitted();
  while (hand_out_one()) {
  }
  const bool has_begun = search_if_due();
  if (!is_searching_) tell_waiting();
  out_.flush();
  if (has_begun || out_.emitted() > before) return Poll::kEmitted;
  return !told_no_more_.empty() && told_no_more_.size() >= requests_->readers() ? Poll::kFinished : Poll::kNothing;
}

std::int64_t SplitEnumeratorOperator::retry_after_ns() const {
  return search_at_ns_ ? std::max<std::int64_t>(*search_at_ns_ - now_ns(), 1) : 0;
}

bool SplitEnumeratorOperator::search_if_due() {
  if (is_searching_ || !search_at_ns_ || now_ns() < *search_at_ns_) return false;
  search_at_ns_.reset();
  auto searched = std::make_shared<Searched>(splits_->search(), nullptr);
  if (!searched->search) return false;
  is_searching_ = true;
  context_->run_call([this, searched, post_mail = context_->post_mail] {
    try {
      searched->search->run();
    } catch (...) {
      searched->error = std::current_exception();
    }
    post_mail([this, searched] { adopt(*searched); });
  });
  return true;
}

void SplitEnumeratorOperator::adopt(const Searched& searched) {
  is_searching_ = false;
  if (searched.error) {
    try {
      std::rethrow_exception(searched.error);
    } catch (const Error&) {
      throw;
    } catch (...) {
      fail_user_code(context_->name, [] { return std::string{"finding splits"}; });
    }
  }
  splits_->adopt(*searched.search);
  if (const auto again_ns = splits_->search_again_ns()) search_at_ns_ = now_ns() + *again_ns;
}

void SplitEnumeratorOperator::take_requests() {
  for (const std::uint32_t reader : requests_->take()) {
    if (std::ranges::find(waiting_, reader) == waiting_.end()) waiting_.push_back(reader);
    told_to_wait_.erase(reader);
  }
}

// To the reader that has waited longest, or whose turn it is.
bool SplitEnumeratorOperator::hand_out_one() {
  const std::uint32_t readers = requests_->readers();
  const bool side_by_side = splits_->side_by_side();
  if (side_by_side ? readers == 0 : waiting_.empty()) return false;
  std::optional<std::string> split = splits_->next();
  if (!split) {
    if (waiting_.size() < readers || !splits_->all_readers_wait()) return false;
    search_at_ns_ = now_ns();
    return true;
  }
  const std::uint32_t reader = side_by_side ? next_reader_++ % readers : waiting_.front();
  std::erase(waiting_, reader);
  send(reader, SplitRecord::Kind::kSplit, std::move(*split));
  return true;
}

void SplitEnumeratorOperator::tell_waiting() {
  if (splits_->may_have_more()) {
    const auto kind = splits_->may_be_long() ? SplitRecord::Kind::kNoneYet : SplitRecord::Kind::kAfterOthers;
    for (const std::uint32_t reader : waiting_) {
      const auto [told, is_first] = told_to_wait_.try_emplace(reader, kind);
      if (is_first || std::exchange(told->second, kind) != kind) send(reader, kind);
    }
    return;
  }
  for (const std::uint32_t reader : std::exchange(waiting_, {})) {
    told_no_more_.insert(reader);
    send(reader, SplitRecord::Kind::kNoMore);
  }
}

void SplitEnumeratorOperator::send(std::uint32_t reader, SplitRecord::Kind kind, std::string split) {
  out_.emit(Timestamp::min(), {reader, kind, std::move(split)});
}

std::unique_ptr<SnapshotWork> SplitEnumeratorOperator::snapshot(const SnapshotRequest&) {
  const OperatorName& name = context_->name;
  OperatorSnapshot result{.uid = name.uid, .subtask = name.subtask};
  result.list_states.push_back(list_state<EnumeratorState>(kEnumeratorList, {{splits_->snapshot()}}));
  result.list_states.push_back(list_state<std::string>(kSourceKindList, {name.name}));
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
