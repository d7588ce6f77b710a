// A function over windows that is a class: for what an aggregate can't say alone.
//
//   class Leaders : public WindowProcess<std::int64_t, WindowRecords<Bid>, Leader> {     // key, what a window has, result
//    public:
//     explicit Leaders(Declare& d) : best_{d, "best"} {}
//     void process(const WindowRecords<Bid>& bids, Context& ctx, Out<Leader>& out) override { ... ctx.window() ... }
//    private:
//     ValueState<std::int64_t> best_;                                                    // of the key, over all its windows
//   };
//   bids.key_by(&Bid::auction).window(tumbling(1min)).process<Leaders>().uid("leaders")
//
// process<F>() keeps a window's records and hands them over; aggregate<F>(aggregate) keeps an accumulator and hands over its
// result, so that WindowProcess<K, std::int64_t, OutT> may follow count(). A result has the window's last millisecond as its
// event time unless it is given another.
//
// Life of one: that of a KeyedProcess (functions.h).
#pragma once

#include "tidemark/functions.h"
#include "tidemark/out.h"
#include "tidemark/state.h"
#include "tidemark/time.h"
#include "tidemark/window.h"

namespace tidemark {

namespace detail {
template <class F>
class ProcessedWindows;
}

/// The state of a window of a function that has none.
struct NoWindowState {};

/// What process() may ask.
template <class K, class PerWindow>
class WindowContext {
 public:
  /// The current key. Text in it is valid until the end of the callback.
  K key() const { return keyed_.key(); }
  const Window& window() const { return window_; }
  /// How far event time has come at this operator.
  Timestamp watermark() const { return keyed_.watermark(); }
  /// What the wall clock shows.
  Timestamp processing_time() const { return keyed_.processing_time(); }
  /// State of this window of this key, PerWindow{} at first. It goes when the window goes.
  PerWindow& window_state() { return state_; }

 private:
  template <class>
  friend class detail::ProcessedWindows;
  WindowContext(const KeyedContext<K>& keyed, const Window& window, PerWindow& state) : keyed_{keyed}, window_{window}, state_{state} {}

  const KeyedContext<K>& keyed_;
  const Window& window_;
  PerWindow& state_;
};

/// The base of a function over the windows of a keyed stream. `Content` is WindowRecords<Record>, or an aggregate's result.
template <class K, class Content, class OutT, class PerWindow = NoWindowState>
class WindowProcess {
 public:
  using Key = K;
  using Input = Content;
  using Output = OutT;
  using WindowState = PerWindow;
  using Context = WindowContext<K, PerWindow>;

  // With Ttl as the last argument of one of these, its entries expire (ttl.h).
  template <class V, class MaybeTtl = detail::NoTtl>
  using ValueState = tidemark::ValueState<K, V, MaybeTtl>;
  template <class V, class Reduce, class MaybeTtl = detail::NoTtl>
  using ReducingState = tidemark::ReducingState<K, V, Reduce, MaybeTtl>;
  template <class In, class Agg, class MaybeTtl = detail::NoTtl>
  using AggregatingState = tidemark::AggregatingState<K, In, Agg, MaybeTtl>;
  template <class T, class MaybeTtl = detail::NoTtl>
  using ListState = tidemark::ListState<K, T, MaybeTtl>;
  template <class MapKey, class V, class MaybeTtl = detail::NoTtl>
  using MapState = tidemark::MapState<K, MapKey, V, MaybeTtl>;

  virtual ~WindowProcess() = default;
  virtual void open(OpenContext&) {}
  /// The window's trigger has fired; it may do so several times.
  virtual void process(const Content& content, Context& ctx, Out<OutT>& out) = 0;
};

/// The same for the windows of a whole stream, which has no key.
template <class Content, class OutT, class PerWindow = NoWindowState>
using WindowAllProcess = WindowProcess<bool, Content, OutT, PerWindow>;

}  // namespace tidemark
