// A source of your own: one class that finds splits and reads them.
//
//   class Orders : public Source<Order, Shard, Offset> {
//    public:
//     explicit Orders(std::string url);
//     std::string name() const override { return "read orders"; }
//     std::vector<Shard> find_splits() override;
//     void open(const Shard& shard, const Offset& from) override;
//     ReadOutcome read(Offset& offset, SourceOut<Order>& out) override;
//   };
//   job.from(own_source<Orders>(url).event_time(&Order::at, out_of_order_by(2s))).uid("orders")
//
// Life: one object finds splits, and each split that is open has an object of its own, made with copies of the arguments. All calls
// of one object come one after the other, from threads that may block: no barrier and no other source waits for them. The end of the job does,
// so a call that has nothing should come back every second or so, with kNothingNow. What a call throws fails the job, or restarts it
// from its last checkpoint. A split that is read to its end, and one whose job ends, destroys its object.
//
// Splits and positions are aggregates with text of their own. Both stand in checkpoints and may change as state may: fields that are
// new have their defaults, others keep their names, and what would lose something is refused before the job starts. The split of a source that finds splits again may not: see find_splits(). A
// position {} is the split's beginning. After a restore each split goes on from the position behind the last record that the
// checkpoint has; at another parallelism the splits are dealt out anew.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/connectors/own_source.h"
#include "tidemark/detail/connectors/source_out.h"
#include "tidemark/detail/connectors/source_timing.h"

namespace tidemark {

/// The base of a source of T.
template <class T, class SplitT, class PositionT>
class Source {
  static_assert(std::is_aggregate_v<SplitT> && std::is_aggregate_v<PositionT>,
                "a split and a position are aggregates: struct Shard { int number = 0; };");
  static_assert(!detail::contains_views_v<SplitT> && !detail::contains_views_v<PositionT>,
                "a split and a position hold their text themselves: use std::string instead of std::string_view");

 public:
  using Record = T;
  using Split = SplitT;
  using Position = PositionT;

  virtual ~Source() = default;

  /// For plans and messages. Positions of a source of another name are not restored.
  virtual std::string name() const = 0;

  /// All splits that there are. Called at the start, and again if find_again_after() says so: those that the call before gave are
  /// not read a second time, so that a checkpoint holds as many as there are. A split is known by all of its fields, so there they keep their
  /// values, and the type of the split gets no new ones: else all splits are read once more.
  virtual std::vector<Split> find_splits() = 0;
  /// False: a reader reads its splits one after the other, and asks for one when it has none. True, for splits that go on for ever: each
  /// goes to a reader when it is found, and a reader reads all of its splits in turn.
  virtual bool side_by_side() const { return false; }
  /// False: a split's watermark is made from its records, as event_time() and out_of_order_by() say. True: it is what read()
  /// promises by out.watermark(), and nothing else: no record moves it, out_of_order_by() is refused, and a split that promises
  /// nothing holds the watermark where it is. What was promised stands in checkpoints with the position, so what was late stays
  /// late.
  virtual bool makes_watermarks() const { return false; }

  /// Once, before read().
  virtual void open(const Split& split, const Position& from) {
    static_cast<void>(split);
    static_cast<void>(from);
  }
  /// Reads on from `position`, until out.full() or nothing is there, and leaves it behind the last record that it put
  /// into `out`.
  virtual ReadOutcome read(Position& position, SourceOut<T>& out) = 0;
  /// A checkpoint is complete that has the open split up to `position`: nothing before it is ever read again, so that another system may be told.
  /// Comes before a read(); one that a newer one follows may be left out, and so is all behind the last read().
  virtual void checkpoint_complete(const Position& position) { static_cast<void>(position); }
  /// For the metric pendingRecords: how many records of the open split are there behind `position`, to which read() has just come. Nothing:
  /// it can't say. Cheap: it is called after each read().
  virtual std::optional<std::uint64_t> pending_records(const Position& position) {
    static_cast<void>(position);
    return std::nullopt;
  }
};

/// See detail::TimedSource for what it can be told about time.
template <class S>
class OwnSource : public detail::TimedSource<OwnSource<S>, typename S::Record> {
 public:
  explicit OwnSource(detail::MakeOwnSource<S> make) : make_{std::move(make)} {
    this->checks_.run([this] {
      const std::unique_ptr<S> source = make_();
      options_.name = source->name();
      options_.side_by_side = source->side_by_side();
      options_.makes_watermarks = source->makes_watermarks();
    });
  }

  /// Splits are looked for again each time that so long has passed, and the source never ends.
  OwnSource& find_again_after(Duration pause) {
    this->checks_.require(pause > Duration{0}, "find_again_after() takes the pause before splits are looked for again: more than zero");
    options_.find_again_after = pause;
    return *this;
  }

  /// How long a split is left alone after kNothingNow; 50 ms, if not given.
  OwnSource& poll_every(Duration pause) {
    this->checks_.require(pause > Duration{0}, "poll_every() takes the pause after a read that came to nothing: more than zero");
    options_.poll_every = pause;
    return *this;
  }

  operator SourceDescription<typename S::Record>() const {
    return SourceDescription<typename S::Record>{
        std::make_shared<detail::OwnSourceImplementation<S>>(options_, make_, this->event_times_, this->timing_),
        this->problem(options_.makes_watermarks)};
  }

 private:
  detail::MakeOwnSource<S> make_;
  detail::OwnSourceOptions options_;
};

namespace detail {
/// A concept and no expression, since of a class without these types the compiler would say no more than that.
template <class S>
concept SourceClass = requires {
  typename S::Record;
  typename S::Split;
  typename S::Position;
} && std::is_base_of_v<Source<typename S::Record, typename S::Split, typename S::Position>, S>;
}  // namespace detail

/// `args` are copied, and copies of them go to the constructor of each object. It only declares: it runs for a plan, too.
template <class S, class... Args>
OwnSource<S> own_source(Args... args) {
  static_assert(detail::SourceClass<S>,
                "own_source<S>() takes a class that is a Source: class Orders : public Source<Order, Shard, Offset>");
  static_assert(std::is_constructible_v<S, const Args&...>, "the source's constructor takes the arguments of own_source(), which are copied");
  return OwnSource<S>{[args...] { return std::make_unique<S>(args...); }};
}

}  // namespace tidemark
