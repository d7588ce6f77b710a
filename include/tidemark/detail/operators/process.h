// Runs a Process over the batches of a stream: map's way, for a function that is a class and has operator state.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/detail/operators/guard.h"
#include "tidemark/detail/operators/map.h"
#include "tidemark/detail/operators/side_outputs.h"
#include "tidemark/detail/state/operator_states.h"
#include "tidemark/process.h"

namespace tidemark::detail {

template <class F>
class ProcessOperator final : public SingleOutputOperator<typename F::Output> {
  using In = typename F::Input;

 public:
  using Make = std::function<std::unique_ptr<F>(Declare&)>;

  explicit ProcessOperator(const Make& make) {
    UnkeyedBinder binder{states_};
    Declare declare{binder, &side_outputs_};
    function_ = make(declare);
  }

  std::vector<StateDescriptor> descriptors() const { return states_.descriptors(); }
  SideOutputs* side_outputs() override { return &side_outputs_; }

  void open(OperatorContext& context) override {
    SingleOutputOperator<typename F::Output>::open(context);
    states_.restore(context);
    OpenContext open{context.name.subtask, context.parallelism};
    try {
      function_->F::open(open);
    } catch (...) {
      fail_user_code(this->name_, [] { return std::string{"open()"}; });
    }
  }

  void receive(Batch& in) override {
    auto& out = this->out_;
    out.set_stable_text(stable_text_of(in));
    const In* values = static_cast<TypedBatch<In>&>(in).values();
    const std::int64_t* timestamps = in.timestamps();
    const std::uint32_t size = in.size();
    F& function = *function_;
    std::uint32_t i = 0;
    try {
      for (; i < size; ++i) {
        context_.timestamp_ = timestamps[i];
        out.set_timestamp(timestamps[i]);
        function.F::process(values[i], context_, out);
      }
    } catch (...) {
      guard_.fail(this->name_, values[i], timestamps[i], i);
    }
    guard_.count(size);
    out.flush();
    states_.tell_memory();
  }

  /// Before the end of time goes on, so that what is emitted now is not behind it.
  bool advance(Timestamp watermark) override {
    if (watermark == Timestamp::max()) end_of_input();
    context_.watermark_ = std::max(context_.watermark_, watermark);
    return true;
  }

  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request) override { return states_.snapshot(request, this->name_); }

 private:
  void end_of_input() {
    this->out_.set_stable_text({});
    this->out_.set_timestamp(std::max(context_.timestamp_, context_.watermark_.ms()));
    try {
      function_->F::end_of_input(this->out_);
    } catch (...) {
      fail_user_code(this->name_, [] { return std::string{"end_of_input()"}; });
    }
    this->out_.flush();
  }

  SideOutputs side_outputs_{this->out_};
  OperatorStates states_;
  std::unique_ptr<F> function_;
  typename Process<In, typename F::Output>::Context context_;
  RecordGuard guard_;
};

}  // namespace tidemark::detail
