// Sinks of your own, in two kinds.
//
// A Sink writes at least once: what a restart replays is written again. Give its rows a key, so that the second writing replaces the
// first, and each is there once.
//
//   class Board : public Sink<Alert> {
//    public:
//     explicit Board(std::string url);
//     std::string name() const override { return "post to the board"; }
//     void write(const Alert& alert, Timestamp time) override;
//     void flush() override;
//   };
//   alerts.to(own_sink<Board>(url));
//
// A TwoPhaseSink writes exactly once, by transactions: one for what comes between two barriers. It is prepared at the barrier, and
// committed when the checkpoint is complete:
//
//   begin(name) - write(...) - pre_commit() -> Committable          the task's thread
//   commit(committable)                                             later, another object
//   abort_leftovers()                                               at each start, before the first record
//
// The committable, an aggregate, is in each checkpoint until it is committed, and may change as state may; what would lose
// something is refused before the job starts. A job that is restored commits it again, as nobody knows whether that was done: commit()
// must find that out, and then do nothing. What must never come to nothing is a commit whose transaction is neither prepared nor
// committed: its rows are lost, so throw.
//
// What a sink takes is said by the type of its records, and a stream of another sort is an error of the compiler: a Sink<Row> takes
// rows that are only added; a Sink<Upsert<Row>> keeps one row a key, and takes the upserts() of a table; a Sink<Change<Row>> takes
// all changes of one (change.h).
//
// Life: each subtask makes an object that writes and one that commits, and each start of the job one that commits and aborts; copies
// of the arguments are all that they share. All calls of one object come one after the other. write(), flush() and
// pre_commit() hold the task up; commit() does not. What a call throws fails the job or restarts it from its last checkpoint;
// a commit that fails is tried eight times before, with pauses, unless it throws an Error that says Retry::kNone.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "tidemark/detail/connectors/argument_checks.h"
#include "tidemark/detail/connectors/own_sink.h"
#include "tidemark/sink.h"
#include "tidemark/time.h"

namespace tidemark {

/// The base of a sink of T that writes at least once.
template <class T>
class Sink {
 public:
  using Record = T;

  virtual ~Sink() = default;
  /// For plans and messages.
  virtual std::string name() const = 0;
  virtual void open(const SinkContext&) {}
  /// Text in the record is valid until it returns.
  virtual void write(const T& record, Timestamp time) = 0;
  /// Before each checkpoint and at the end of all input: all that was written has arrived when it returns.
  virtual void flush() {}
};

/// The base of a sink of T that writes exactly once.
template <class T, class CommittableT>
class TwoPhaseSink {
  static_assert(std::is_aggregate_v<CommittableT>, "a committable is an aggregate: struct Prepared { std::string transaction; };");
  static_assert(!detail::contains_views_v<CommittableT>, "a committable holds its text itself: use std::string instead of std::string_view");

 public:
  using Record = T;
  using Committable = CommittableT;

  virtual ~TwoPhaseSink() = default;
  /// For plans and messages. A job does not start where a sink of another name has prepared what is to be committed.
  virtual std::string name() const = 0;
  virtual void open(const SinkContext&) {}

  /// Before the first record behind a barrier. No other transaction ever has this name, of no run; it begins with the context's
  /// transaction_prefix.
  virtual void begin(const std::string& transaction) = 0;
  /// Text in the record is valid until it returns.
  virtual void write(const T& record, Timestamp time) = 0;
  /// Ends the transaction: what was written survives a crash, and nobody sees it, when it returns.
  virtual Committable pre_commit() = 0;

  /// Makes it seen, for good: that survives a crash when it returns. No effect if it is. A subtask's transactions are committed in the
  /// order in which they began.
  virtual void commit(const Committable& committable) = 0;
  /// Discards all transactions of this sink that are not committed: the checkpoint that the job starts from does not have them. Their names
  /// begin with context.transaction_prefix, and nothing of this attempt has begun.
  virtual void abort_leftovers(const SinkContext& context) = 0;
};

/// What own_sink() makes: to() takes it for a stream of the sink's records.
template <class S>
class OwnSink {
  using T = typename S::Record;

 public:
  explicit OwnSink(detail::MakeOwnSink<S> make) : make_{std::move(make)} {
    checks_.run([this] { name_ = make_()->name(); });
  }

  operator SinkDescription<T>() const {
    if constexpr (requires { typename S::Committable; }) {
      return SinkDescription<T>{std::make_shared<detail::OwnTwoPhaseImplementation<S>>(name_, make_), checks_.problem()};
    } else {
      return SinkDescription<T>{std::make_shared<detail::OwnSinkImplementation<S>>(name_, make_), checks_.problem()};
    }
  }

 private:
  detail::MakeOwnSink<S> make_;
  std::string name_;
  detail::ArgumentChecks checks_;
};

namespace detail {
template <class S>
concept PlainSinkClass = requires { typename S::Record; } && std::is_base_of_v<Sink<typename S::Record>, S>;
template <class S>
concept TwoPhaseSinkClass = requires { typename S::Record; typename S::Committable; } &&
                            std::is_base_of_v<TwoPhaseSink<typename S::Record, typename S::Committable>, S>;
}  // namespace detail

/// `args` are copied, and copies of them go to the constructor of each object. It only declares: it runs for a plan, too.
template <class S, class... Args>
OwnSink<S> own_sink(Args... args) {
  static_assert(detail::PlainSinkClass<S> || detail::TwoPhaseSinkClass<S>,
                "own_sink<S>() takes a class that is a Sink or a TwoPhaseSink: class Board : public Sink<Alert>");
  static_assert(std::is_constructible_v<S, const Args&...>, "the sink's constructor takes the arguments of own_sink(), which are copied");
  return OwnSink<S>{[args...] { return std::make_unique<S>(args...); }};
}

}  // namespace tidemark
