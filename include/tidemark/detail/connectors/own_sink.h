// Sinks of the user's behind the seam of sinks.
//
// A plain one is flushed at each barrier. One with two phases has its open transaction ended at the barrier; what that gives, the
// committable, is in the checkpoint until it is committed, off the task's thread and by an object of its own.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/change.h"
#include "tidemark/detail/connectors/described.h"
#include "tidemark/detail/connectors/json_text.h"
#include "tidemark/detail/connectors/sink.h"
#include "tidemark/detail/model/kept_values.h"

namespace tidemark {

/// Where an object of a sink works.
struct SinkContext {
  std::string job;
  std::string uid;
  std::uint32_t subtask = 0;      ///< 0 .. parallelism - 1
  std::uint32_t parallelism = 1;  ///< 0 where that is not known: at the start of a job
  std::uint32_t attempt = 0;      ///< grows with each restart, and with each start that resumes
  std::string transaction_prefix;  ///< names of this sink's transactions begin with it, and no other sink's do
};

namespace detail {

SinkContext sink_context_of(const OperatorContext& context);
SinkContext sink_context_of(const SinkRecovery& recovery);

template <class S>
using MakeOwnSink = std::function<std::unique_ptr<S>()>;

template <class S>
void write_batch(S& sink, Batch& in, const OperatorName& op) {
  const auto* values = static_cast<TypedBatch<typename S::Record>&>(in).values();
  std::uint32_t i = 0;
  try {
    for (; i < in.size(); ++i) sink.write(values[i], Timestamp{in.timestamps()[i]});
  } catch (...) {
    fail_user_code(op, [&] { return "writing " + json_of(values[i]); });
  }
}

template <class S>
class OwnSinkOperator final : public Operator {
 public:
  explicit OwnSinkOperator(MakeOwnSink<S> make) : make_{std::move(make)} {}

  void open(OperatorContext& context) override {
    name_ = context.name;
    guarded("open()", [&] {
      sink_ = make_();
      sink_->open(sink_context_of(context));
    });
  }
  void receive(Batch& in) override {
    write_batch(*sink_, in, name_);
    written_ += in.size();
  }
  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest&) override {
    flush();
    return nullptr;
  }
  void end_of_data() override { flush(); }
  std::uint64_t records_out() const override { return written_; }

 private:
  void flush() {
    guarded("flush()", [this] { sink_->flush(); });
  }
  template <class Call>
  void guarded(const char* name, Call call) {
    try {
      call();
    } catch (...) {
      fail_user_code(name_, [&] { return std::string{name}; });
    }
  }

  MakeOwnSink<S> make_;
  std::unique_ptr<S> sink_;
  OperatorName name_;
  std::uint64_t written_ = 0;
};

template <class S>
class OwnSinkImplementation final : public SinkImplementation {
 public:
  OwnSinkImplementation(std::string name, MakeOwnSink<S> make) : name_{std::move(name)}, make_{std::move(make)} {}
  std::string name() const override { return name_; }
  bool takes_changes() const override { return is_change_v<typename S::Record>; }
  bool takes_upserts() const override { return is_upsert_v<typename S::Record>; }
  std::unique_ptr<Operator> make_writer() const override { return std::make_unique<OwnSinkOperator<S>>(make_); }

 private:
  std::string name_;
  MakeOwnSink<S> make_;
};

/// All of a writer with two phases but the user's types.
class TwoPhaseOperator : public Operator {
 public:
  ~TwoPhaseOperator() override;

  void open(OperatorContext& context) override;
  std::unique_ptr<SnapshotWork> snapshot(const SnapshotRequest& request) override;
  void checkpoint_completed(CheckpointId id) override;
  bool settled() const override;
  std::optional<Timestamp> next_processing_time() const override;
  bool advance_processing_time(Timestamp now) override;

 protected:
  /// `kind`: what the sink calls itself.
  explicit TwoPhaseOperator(std::string kind);

  const OperatorContext& context() const { return *context_; }
  /// A name that no other transaction has, not even one of another run: of the job, the sink, the run, the subtask, the attempt and a
  /// number.
  std::string next_transaction();

 private:
  struct Commits;
  class Round;

  /// Ends what was written since the last barrier; nothing if that is nothing.
  virtual std::optional<std::string> pre_commit() = 0;
  /// Off the task's thread, one at a time.
  virtual void commit(const std::string& committable) = 0;

  const std::string kind_;
  const OperatorContext* context_ = nullptr;
  std::unique_ptr<Commits> commits_;
  std::string run_;  // attempts are counted anew by a run that resumes nothing
  std::uint64_t transactions_ = 0;
};

template <class S>
class OwnTwoPhaseOperator final : public TwoPhaseOperator {
 public:
  OwnTwoPhaseOperator(std::string kind, MakeOwnSink<S> make) : TwoPhaseOperator{std::move(kind)}, make_{std::move(make)} {}

  void open(OperatorContext& context) override {
    TwoPhaseOperator::open(context);
    guarded("open()", [&] { writer_ = opened(); });
  }
  void receive(Batch& in) override {
    if (!in_transaction_) {
      guarded("begin()", [this] { writer_->begin(next_transaction()); });
      in_transaction_ = true;
    }
    write_batch(*writer_, in, context().name);
    written_ += in.size();
  }
  std::uint64_t records_out() const override { return written_; }

 private:
  std::unique_ptr<S> opened() const {
    auto sink = make_();
    sink->open(sink_context_of(context()));
    return sink;
  }

  std::optional<std::string> pre_commit() override {
    if (!std::exchange(in_transaction_, false)) return std::nullopt;
    std::optional<std::string> committable;
    guarded("pre_commit()", [&] { committable = encode_described(writer_->pre_commit()); });
    return committable;
  }

  void commit(const std::string& committable) override {
    if (committer_ == nullptr) committer_ = opened();
    committer_->commit(decode_described<typename S::Committable>(committable, context().name, kKeptCommittable));
  }

  template <class Call>
  void guarded(const char* name, Call call) {
    try {
      call();
    } catch (...) {
      fail_user_code(context().name, [&] { return std::string{name}; });
    }
  }

  MakeOwnSink<S> make_;
  std::unique_ptr<S> writer_;
  std::unique_ptr<S> committer_;  // the commits' alone
  bool in_transaction_ = false;
  std::uint64_t written_ = 0;
};

/// The exception being handled as one of the sink's start.
[[noreturn]] void fail_sink_start(const SinkRecovery& recovery, const std::string& what);

template <class S>
class OwnTwoPhaseImplementation final : public SinkImplementation {
 public:
  OwnTwoPhaseImplementation(std::string name, MakeOwnSink<S> make) : name_{std::move(name)}, make_{std::move(make)} {}
  std::string name() const override { return name_; }
  bool takes_changes() const override { return is_change_v<typename S::Record>; }
  bool takes_upserts() const override { return is_upsert_v<typename S::Record>; }
  bool keeps_state() const override { return true; }
  std::vector<KeptType> kept() const override { return {{std::string{kKeptCommittable}, schema_json_of<typename S::Committable>()}}; }
  std::unique_ptr<Operator> make_writer() const override { return std::make_unique<OwnTwoPhaseOperator<S>>(name_, make_); }

  void recover(const SinkRecovery& recovery) const override {
    using Committable = typename S::Committable;
    std::vector<Committable> committables;
    for (const std::string& bytes : recovery.committables) {
      committables.push_back(decode_described<Committable>(bytes, {name_, recovery.uid, 0}, kKeptCommittable));
    }
    if (recovery.only_checks) return;
    std::string doing = "open()";
    try {
      const std::unique_ptr<S> sink = make_();
      const SinkContext context = sink_context_of(recovery);
      sink->open(context);
      for (const Committable& committable : committables) {
        doing = "committing " + json_of(committable) + " of the restored checkpoint";
        sink->commit(committable);
      }
      doing = "abort_leftovers()";
      sink->abort_leftovers(context);
    } catch (...) {
      fail_sink_start(recovery, doing);
    }
  }

 private:
  std::string name_;
  MakeOwnSink<S> make_;
};

}  // namespace detail
}  // namespace tidemark
