// Gives an operator a second input, whose records every subtask gets, and the broadcast state that they fill.
//
// The inner operator is a KeyedProcessOperator or a ProcessOperator, which runs the function as if there were no rules; what is
// here calls the same function's process_broadcast() between two of its batches, and keeps its operator state.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/detail/codec/json_encode.h"
#include "tidemark/detail/event_time/key_group_watermarks.h"
#include "tidemark/detail/operators/guard.h"
#include "tidemark/detail/state/key_cursor.h"
#include "tidemark/detail/state/operator_states.h"
#include "tidemark/detail/task/operator.h"
#include "tidemark/process.h"

namespace tidemark::detail {

template <class Inner, class F>
class BroadcastOperator final : public Operator {
  using Rule = typename F::Broadcast;

 public:
  using Output = typename F::Output;
  using Make = typename Inner::Make;

  /// `inner` are what Inner's constructor takes besides `make`.
  template <class... Args>
  explicit BroadcastOperator(const Make& make, const Args&... inner)
      : inner_{[this, &make](Declare& declare) {
                 take_cursor(declare.binder());
                 JointBinder binder{declare.binder(), states_};
                 Declare joint{binder, declare.side_outputs()};
                 auto function = make(joint);
                 function_ = function.get();
                 return function;
               },
               inner...} {
    states_.check_apart_from(inner_.descriptors());
  }

  Out<Output>& out() { return inner_.out(); }

  std::vector<StateDescriptor> descriptors() const {
    std::vector<StateDescriptor> result = inner_.descriptors();
    for (StateDescriptor& state : states_.descriptors()) result.push_back(std::move(state));
    return result;
  }

  void open(OperatorContext& context) override {
    name_ = context.name;
    context_.watermark_ = KeyGroupWatermarks{context.key_groups(), context.restore.watermarks}.lowest();
    states_.restore(context);
    inner_.open(context);
  }

  SideOutputs* side_outputs() override { return inner_.side_outputs(); }
  BatchReceiver& input(std::uint32_t index) override { return index == 0 ? static_cast<BatchReceiver&>(*this) : rules_; }
  void receive(Batch& batch) override {
    inner_.receive(batch);
    states_.tell_memory();
  }

  bool advance(Timestamp watermark) override {
    context_.watermark_ = std::max(context_.watermark_, watermark);
    return inner_.advance(watermark);
  }
  std::optional<Timestamp> next_processing_time() const override { return inner_.next_processing_time(); }
  bool advance_processing_time(Timestamp now) override { return inner_.advance_processing_time(now); }
  void end_of_data() override { inner_.end_of_data(); }

  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request) override {
    return states_.snapshot(request, name_, inner_.snapshot(request));
  }
  void checkpoint_completed(CheckpointId id) override { inner_.checkpoint_completed(id); }
  void checkpoint_aborted(CheckpointId id) override { inner_.checkpoint_aborted(id); }
  bool settled() const override { return inner_.settled(); }
  std::uint64_t records_out() const override { return inner_.records_out(); }
  std::uint64_t late_dropped() const override { return inner_.late_dropped(); }

 private:
  static constexpr bool kIsKeyed = requires { typename F::Key; };
  struct NoCursor {};
  template <class G>
  struct CursorOf {
    using Type = NoCursor*;
  };
  template <class G>
    requires requires { typename G::Key; }
  struct CursorOf<G> {
    using Type = KeyCursor<typename G::Key>*;
  };
  using Cursor = typename CursorOf<F>::Type;

  // A rule is about no key: while one is handled, states of keys refuse to be used.
  class WithoutKey {
   public:
    explicit WithoutKey(Cursor cursor) : cursor_{cursor} {
      if constexpr (kIsKeyed) serial_ = std::exchange(cursor_->serial, kNoKey);
    }
    ~WithoutKey() {
      if constexpr (kIsKeyed) cursor_->serial = serial_;
    }
    WithoutKey(const WithoutKey&) = delete;
    WithoutKey& operator=(const WithoutKey&) = delete;

   private:
    Cursor cursor_;
    std::uint64_t serial_ = 0;
  };

  void take_cursor(StateBinder& binder) {
    // The inner operator's own and no constant: it is const to the states alone.
    if constexpr (kIsKeyed) cursor_ = static_cast<Cursor>(const_cast<void*>(binder.cursor()));
  }

  class Rules final : public BatchReceiver {
   public:
    explicit Rules(BroadcastOperator& op) : op_{op} {}
    void receive(Batch& batch) override { op_.receive_rules(batch); }

   private:
    BroadcastOperator& op_;
  };

  void receive_rules(Batch& in) {
    auto& out = inner_.out();
    out.set_stable_text(stable_text_of(in));
    const Rule* values = static_cast<TypedBatch<Rule>&>(in).values();
    const std::int64_t* timestamps = in.timestamps();
    std::uint32_t i = 0;
    const WithoutKey no_key{cursor_};
    try {
      for (; i < in.size(); ++i) {
        context_.timestamp_ = timestamps[i];
        out.set_timestamp(timestamps[i]);
        function_->F::process_broadcast(values[i], context_, out);
      }
    } catch (...) {
      fail_user_code(name_, [&] {
        std::string content;
        append_json(values[i], content);
        return "broadcast " + describe_record(rules_seen_ + i + 1, timestamps[i], std::move(content));
      });
    }
    rules_seen_ += in.size();
    out.flush();
    states_.tell_memory();
  }

  OperatorStates states_;
  F* function_ = nullptr;    // the inner operator's
  Cursor cursor_ = nullptr;  // so, too
  Inner inner_;
  Rules rules_{*this};
  BroadcastContext context_;
  OperatorName name_;
  std::uint64_t rules_seen_ = 0;
};

}  // namespace tidemark::detail
