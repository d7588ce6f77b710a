// Runs a CoProcess: the first input is the operator itself, the second a receiver of its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/co_process.h"
#include "tidemark/detail/operators/guard.h"
#include "tidemark/detail/operators/map.h"
#include "tidemark/detail/operators/side_outputs.h"
#include "tidemark/detail/state/operator_states.h"

namespace tidemark::detail {

template <class F>
class CoProcessOperator final : public SingleOutputOperator<typename F::Output> {
 public:
  using Make = std::function<std::unique_ptr<F>(Declare&)>;

  explicit CoProcessOperator(const Make& make) {
    UnkeyedBinder binder{states_};
    Declare declare{binder, &side_outputs_};
    function_ = make(declare);
  }

  std::vector<StateDescriptor> descriptors() const { return states_.descriptors(); }
  SideOutputs* side_outputs() override { return &side_outputs_; }
  BatchReceiver& input(std::uint32_t index) override { return index == 0 ? static_cast<BatchReceiver&>(*this) : second_; }

  void open(OperatorContext& context) override {
    SingleOutputOperator<typename F::Output>::open(context);
    states_.restore(context);
    OpenContext open{context.name.subtask, context.parallelism};
    call("open()", [&] { function_->F::open(open); });
  }

  void receive(Batch& in) override {
    handle<typename F::Input>(in, first_guard_, [this](const auto& record) { function_->F::process_first(record, context_, this->out_); });
  }

  /// Before the end of time goes on, so that what is emitted now is not behind it.
  bool advance(Timestamp watermark) override {
    if (watermark == Timestamp::max()) end_of_input();
    context_.watermark_ = std::max(context_.watermark_, watermark);
    return true;
  }

  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request) override { return states_.snapshot(request, this->name_); }

 private:
  class Second final : public BatchReceiver {
   public:
    explicit Second(CoProcessOperator& op) : op_{op} {}
    void receive(Batch& batch) override { op_.receive_second(batch); }

   private:
    CoProcessOperator& op_;
  };

  void receive_second(Batch& in) {
    handle<typename F::Second>(in, second_guard_, [this](const auto& record) { function_->F::process_second(record, context_, this->out_); });
  }

  template <class Record, class Process>
  void handle(Batch& in, RecordGuard& guard, Process process) {
    auto& out = this->out_;
    out.set_stable_text(stable_text_of(in));
    const Record* values = static_cast<TypedBatch<Record>&>(in).values();
    const std::int64_t* timestamps = in.timestamps();
    std::uint32_t i = 0;
    try {
      for (; i < in.size(); ++i) {
        context_.timestamp_ = timestamps[i];
        out.set_timestamp(timestamps[i]);
        process(values[i]);
      }
    } catch (...) {
      guard.fail(this->name_, values[i], timestamps[i], i);
    }
    guard.count(in.size());
    out.flush();
    states_.tell_memory();
  }

  void end_of_input() {
    this->out_.set_stable_text({});
    this->out_.set_timestamp(std::max(context_.timestamp_, context_.watermark_.ms()));
    call("end_of_input()", [&] { function_->F::end_of_input(this->out_); });
    this->out_.flush();
  }

  template <class Call>
  void call(const char* what, Call&& call) {
    try {
      call();
    } catch (...) {
      fail_user_code(this->name_, [what] { return std::string{what}; });
    }
  }

  SideOutputs side_outputs_{this->out_};
  OperatorStates states_;
  std::unique_ptr<F> function_;
  typename F::Context context_;
  Second second_{*this};
  RecordGuard first_guard_;
  RecordGuard second_guard_;
};

}  // namespace tidemark::detail
