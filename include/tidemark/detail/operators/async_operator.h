// Async I/O: asks about each record, and hands on what the answers come to when they are there. Answers may come from any
// thread; everything here is done by the task's, which an answer wakes.
//
// Body says what is asked and what becomes of an answer; see async_bodies.h. What stands between input and output is in the
// queue (async_queue.h), and the records of it are the operator's state: they are asked about anew after a restore, and count
// with the answers that they have against memory.state.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/async_function.h"
#include "tidemark/detail/operators/async_answers.h"
#include "tidemark/detail/operators/async_queue.h"
#include "tidemark/detail/operators/guard.h"
#include "tidemark/detail/operators/owned_rows.h"
#include "tidemark/detail/state/list_items.h"
#include "tidemark/detail/state/operator_states.h"
#include "tidemark/detail/task/operator.h"
#include "tidemark/out.h"

namespace tidemark::detail {

struct AsyncSettings {
  AsyncPolicy policy;
  std::function<bool(const Error&)> may_help;  ///< whether to ask again after this error; null: after any
};

/// A record that was not answered, as it stands in a checkpoint.
template <class In>
struct UnansweredRecord {
  In record;
  Timestamp time;
};

template <class Body>
class AsyncOperator final : public WaitingOperator {
  using In = typename Body::Input;
  using Row = typename Body::Row;
  using Slot = AsyncQueue::Slot;

 public:
  using Output = typename Body::Output;
  using Make = std::function<std::unique_ptr<Body>(Declare&)>;

  AsyncOperator(const Make& make, const AsyncSettings& settings) : queue_{settings.policy}, may_help_{settings.may_help} {
    states_.add({.name = "requests",
                 .kind = StateDescriptor::Kind::kSplitList,
                 .key_schema = {},
                 .namespace_schema = {},
                 .value_schema = schema_json_of<UnansweredRecord<In>>()},
                schema_json_of<UnansweredRecord<In>>(), std::make_unique<Unanswered>(*this));
    UnkeyedBinder binder{states_};
    Declare declare{binder};
    body_ = make(declare);
  }
  ~AsyncOperator() override {
    if (answers_ != nullptr) answers_->close();
  }

  Out<Output>& out() { return out_; }
  std::vector<StateDescriptor> descriptors() const { return states_.descriptors(); }
  std::uint64_t records_out() const override { return out_.emitted(); }

  void open(OperatorContext& context) override {
    name_ = context.name;
    env_ = context.env;
    answers_ = std::make_shared<AsyncAnswers<Row>>([post = context.post_mail] { post([] {}); });
    states_.restore(context);
    body_->open(context);
  }

  void receive(Batch& in) override {
    const In* values = static_cast<TypedBatch<In>&>(in).values();
    for (std::uint32_t i = 0; i < in.size(); ++i) add(OwnedRows<In>{values[i]}, in.timestamps()[i]);
    states_.tell_memory();
    ask(steady_time_ns(*env_));
  }

  void on_input_time(const WatermarkChange& change) override {
    if (change.watermark) queue_.add_watermark(*change.watermark);
    if (change.idle) input_is_idle_ = *change.idle;
  }
  void on_end_of_input() override { input_has_ended_ = true; }
  bool takes_batches() const override { return queue_.has_room(); }
  bool ready() const override { return answers_->any() || queue_.front() != AsyncQueue::Front::kNothing; }

  Poll poll() override {
    const std::int64_t now_ns = steady_time_ns(*env_);
    for (const AsyncAnswer<Row>& answer : answers_->take()) take_answer(answer, now_ns);
    while (const auto slot = queue_.ring(now_ns)) {
      settle(*slot, [&] { return body_->timed_out(held_[*slot].record.row()); });
    }
    const bool handed_on = hand_on();
    ask(now_ns);
    states_.tell_memory();
    polled_ns_ = now_ns;
    // Also where ask() found an answer in the cache: nothing else would say that there is one to hand on.
    if (handed_on || queue_.front() != AsyncQueue::Front::kNothing) return Poll::kEmitted;
    return input_has_ended_ && queue_.empty() ? Poll::kFinished : Poll::kNothing;
  }
  Timestamp watermark() const override { return watermark_; }
  bool idle() const override { return input_is_idle_ && queue_.empty(); }
  std::int64_t retry_after_ns() const override {
    const auto alarm_ns = queue_.next_alarm_ns();
    return alarm_ns ? std::max<std::int64_t>(*alarm_ns - polled_ns_, 1) : 0;
  }

  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request) override { return states_.snapshot(request, name_); }

 private:
  // Of a slot.
  struct Held {
    OwnedRows<In> record;
    std::int64_t timestamp = 0;
    std::uint64_t number = 0;
    std::shared_ptr<const OwnedRows<Row>> rows;
    std::size_t bytes = 0;  // that count as the operator's
  };

  class Unanswered final : public OperatorStateContent {
   public:
    explicit Unanswered(AsyncOperator& op) : op_{op} {}
    std::vector<std::string> encode_items() const override {
      std::vector<std::string> encoded;
      for (const Slot slot : op_.queue_.in_order()) {
        const Held& held = op_.held_[slot];
        encoded.push_back(encode_item(UnansweredRecord<In>{held.record.row(), Timestamp{held.timestamp}}));
      }
      return encoded;
    }
    bool restore_item(std::string_view bytes) override {
      UnansweredRecord<In> item{};
      if (!decode_item(bytes, item)) return false;
      op_.add(OwnedRows<In>{item.record}, item.time.ms());
      return true;
    }
    std::size_t memory_bytes() const override { return op_.held_.size() * sizeof(Held) + op_.held_bytes_; }

   private:
    AsyncOperator& op_;
  };

  void add(OwnedRows<In> record, std::int64_t timestamp) {
    const Slot slot = queue_.add();
    if (slot == held_.size()) held_.emplace_back();
    held_[slot] = {std::move(record), timestamp, records_seen_++, nullptr};
    count(held_[slot], held_[slot].record.memory_bytes());
  }
  void count(Held& held, std::size_t bytes) {
    held.bytes += bytes;
    held_bytes_ += bytes;
  }

  void ask(std::int64_t now_ns) {
    while (body_->has_room()) {
      const auto next = queue_.next_request(now_ns);
      if (!next) return;
      const Held& held = held_[next->slot];
      if (auto rows = guarded(held, [&] { return body_->known(held.record.row()); })) {
        finish(next->slot, std::move(rows));
      } else {
        ask(held, std::make_shared<AsyncRequest<Row>>(answers_, *next));
      }
    }
  }
  void ask(const Held& held, const std::shared_ptr<AsyncRequest<Row>>& request) {
    try {
      body_->ask(held.record.row(), AsyncResult<Row>{request});
    } catch (const Error& error) {
      request->fail(error);
    } catch (...) {
      request->fail(Error{ErrorCode::kUserCode, current_exception_text()});
    }
  }

  void take_answer(const AsyncAnswer<Row>& answer, std::int64_t now_ns) {
    if (!queue_.is_current(answer.request)) return;
    const Slot slot = answer.request.slot;
    const Held& held = held_[slot];
    if (answer.rows != nullptr) {
      guarded(held, [&] { body_->learn(held.record.row(), answer.rows); });
      finish_with_own(slot, answer.rows);
      return;
    }
    const bool may_help = guarded(held, [&] { return may_help_ == nullptr || may_help_(*answer.error); });
    if (may_help && queue_.try_again(slot, now_ns)) return;
    settle(slot, [&] { return body_->failed(held.record.row(), *answer.error); });
  }

  // Without an answer.
  template <class RowsOf>
  void settle(Slot slot, RowsOf&& rows_of) {
    finish_with_own(slot, std::make_shared<const OwnedRows<Row>>(guarded(held_[slot], rows_of)));
  }
  // Rows that a cache knows are not counted: many records may share them.
  void finish_with_own(Slot slot, std::shared_ptr<const OwnedRows<Row>> rows) {
    count(held_[slot], rows->memory_bytes());
    finish(slot, std::move(rows));
  }
  void finish(Slot slot, std::shared_ptr<const OwnedRows<Row>> rows) {
    held_[slot].rows = std::move(rows);
    queue_.finish(slot);
  }

  // True if it did. About a batch, and no further than to a watermark, which the task hands on first.
  bool hand_on() {
    using enum AsyncQueue::Front;
    out_.set_stable_text({});
    const std::uint64_t before = out_.emitted();
    std::uint32_t records = 0;
    while (queue_.front() == kRecord && records < Batch::kCapacity && out_.emitted() == before) {
      hand_on(held_[queue_.take_record()]);
      ++records;
    }
    out_.flush();
    if (queue_.front() != kWatermark) return records > 0;
    watermark_ = queue_.take_watermark();
    return true;
  }
  void hand_on(Held& held) {
    out_.set_timestamp(held.timestamp);
    guarded(held, [&] { body_->hand_on(held.record.row(), held.rows->rows(), out_); });
    held_bytes_ -= held.bytes;
    held = {};
  }

  // What the user's code throws fails the task, with the record that it was about.
  template <class Call>
  std::invoke_result_t<Call&> guarded(const Held& held, Call&& call) {
    try {
      return call();
    } catch (...) {
      fail_user_code(name_, [&] {
        std::string content;
        append_json(held.record.row(), content);
        return describe_record(held.number + 1, held.timestamp, std::move(content));
      });
    }
  }

  OperatorName name_;
  const Env* env_ = nullptr;
  Out<Output> out_;
  OperatorStates states_;
  AsyncQueue queue_;
  std::deque<Held> held_;  // by slot
  std::size_t held_bytes_ = 0;  // of what waits in it
  const std::function<bool(const Error&)> may_help_;
  std::shared_ptr<AsyncAnswers<Row>> answers_;
  std::unique_ptr<Body> body_;
  Timestamp watermark_ = Timestamp::min();
  bool input_is_idle_ = false;
  bool input_has_ended_ = false;
  std::int64_t polled_ns_ = 0;
  std::uint64_t records_seen_ = 0;
};

}  // namespace tidemark::detail
