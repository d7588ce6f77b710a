// User functions with state without a key, and with rules that every subtask gets. See functions.h for the life of one.
//
//   class TopSellers : public KeyedBroadcastProcess<std::int64_t, Bid, Rule, Alert> {
//     BroadcastState<std::string, Rule> rules_;
//     ValueState<std::int64_t> spent_;                                        // of the key, as in a KeyedProcess
//    public:
//     explicit TopSellers(Declare& d) : rules_{d, "rules"}, spent_{d, "spent"} {}
//     void process(const Bid& bid, Context& ctx, Out<Alert>& out) override;   // reads rules_
//     void process_broadcast(const Rule& rule, BroadcastContext& ctx, Out<Alert>&) override {
//       ctx.writable(rules_).put(rule.name, rule);
//     }
//   };
//   bids.key_by(&Bid::seller).connect(rules.broadcast()).process<TopSellers>().uid("top-sellers")
#pragma once

#include <type_traits>

#include "tidemark/functions.h"
#include "tidemark/operator_state.h"
#include "tidemark/out.h"
#include "tidemark/time.h"

namespace tidemark {

namespace detail {
template <class F>
class ProcessOperator;
template <class Inner, class F>
class BroadcastOperator;
}  // namespace detail

/// The base of a function over a stream that has no key. In is the record's type, OutT the result's.
template <class In, class OutT>
class Process {
 public:
  using Input = In;
  using Output = OutT;

  /// What process() may ask.
  class Context {
   public:
    /// Event time of the record.
    Timestamp timestamp() const { return Timestamp{timestamp_}; }
    /// How far event time has come at this subtask since it started.
    Timestamp watermark() const { return watermark_; }

   private:
    template <class>
    friend class detail::ProcessOperator;
    std::int64_t timestamp_ = 0;
    Timestamp watermark_ = Timestamp::min();
  };

  virtual ~Process() = default;
  virtual void open(OpenContext&) {}
  virtual void process(const In& record, Context& ctx, Out<OutT>& out) = 0;
  /// All input was read: the last chance to emit what was held back, with the time of the last record, or of the watermark where
  /// that is later. Not at a stop, which the job goes on from. After a failure behind it, it may be called again, with the state
  /// that it left: clear what you emit.
  virtual void end_of_input(Out<OutT>&) {}
};

/// What process_broadcast() may ask.
class BroadcastContext {
 public:
  /// Event time of the rule.
  Timestamp timestamp() const { return Timestamp{timestamp_}; }
  /// How far event time has come at this operator, over both its inputs.
  Timestamp watermark() const { return watermark_; }

  template <class MapKey, class V>
  WritableBroadcastState<MapKey, V> writable(BroadcastState<MapKey, V>& state) {
    return WritableBroadcastState<MapKey, V>{*state.content_};
  }

 private:
  template <class, class>
  friend class detail::BroadcastOperator;
  std::int64_t timestamp_ = 0;
  Timestamp watermark_ = Timestamp::min();
};

/// A KeyedProcess that gets rules besides, each of them in every subtask. In process_broadcast() there is no key: states of
/// keys can't be used there. Rules of one subtask upstream come in their order; how they and the records interleave is open.
template <class K, class In, class Rule, class OutT>
class KeyedBroadcastProcess : public KeyedProcess<K, In, OutT> {
 public:
  using Broadcast = Rule;
  virtual void process_broadcast(const Rule& rule, BroadcastContext& ctx, Out<OutT>& out) = 0;
};

/// The same for a stream that has no key.
template <class In, class Rule, class OutT>
class BroadcastProcess : public Process<In, OutT> {
 public:
  using Broadcast = Rule;
  virtual void process_broadcast(const Rule& rule, BroadcastContext& ctx, Out<OutT>& out) = 0;
};

}  // namespace tidemark
