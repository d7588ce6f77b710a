// One worker of an attempt whose tasks several workers share: its tasks, and its end of the connections to the others.
//
// It lives for one attempt. Whoever drives it steps it until kDone and hands it the connections that other workers make; the
// tasks are stepped by the execution that it is given. Threads: WorkerAttempt's calls and accept() from any; step() from one. The
// listener is called by that one and by tasks' threads. Ownership: transport and listener outlive it. Invariant: on_ended() comes
// when no task runs; kDone, when the other workers have heard its goodbye or had the time to. A worker that was cancelled says none: what
// stands still, or was cut off, must not hold up the attempt behind it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_count.h"
#include "base/mailbox.h"
#include "channel/data_exchange.h"
#include "control/worker_attempt.h"
#include "env/env.h"
#include "env/transport.h"
#include "worker/task_set.h"

namespace tidemark {

class LocalWorker final : public WorkerAttempt, private ExecutionListener, private OtherWorkers, private CheckpointFolders {
 public:
  using MakeExecution = std::function<std::unique_ptr<ShareExecution>(TaskShare share, ExecutionListener& listener)>;

  LocalWorker(const Clock& clock, Transport& transport, ConnectionOptions connections, MakeExecution make, WorkerListener& listener);
  ~LocalWorker() override;

  void start(WorkerStart start) override;
  void open() override;
  void trigger(const Barrier& barrier, const std::string& folder) override;
  void notify_complete(CheckpointId id) override;
  void notify_aborted(CheckpointId id) override;
  void hear_group_watermarks(std::vector<GroupWatermark> others) override;
  void drain() override;
  void finish() override;
  void cancel() override;
  /// As cancel(), but nobody tells the others to end: they are told goodbye.
  void abandon();

  /// A connection that another worker made, and nobody has started.
  void accept(std::unique_ptr<Connection> connection);

  /// kDone once, after on_ended(): never call again. It may be destroyed from on_ended() on.
  Progress step();
  /// When time alone gives step() something to do.
  std::optional<std::int64_t> next_deadline_ns() const;
  EventCount& wakeup() { return wakeup_; }
  bool has_work() const { return mail_.has_mail() || (exchange_ && exchange_->has_work()); }

 private:
  enum class State {
    kIdle,      // waits for start()
    kRunning,   // there are tasks
    kEnding,    // they have ended
    kClosing,   // so it was told; the connections end
    kEnded,     // they have
  };

  void on_sinks_agreed() override { listener_.on_sinks_agreed(); }
  void on_running() override { listener_.on_running(); }
  void on_ack(TaskId task, CheckpointId id, TaskSnapshot snapshot) override { listener_.on_ack(task, id, std::move(snapshot)); }
  void on_decline(TaskId task, CheckpointId id, DeclineReason reason, Error cause) override {
    listener_.on_decline(task, id, reason, std::move(cause));
  }
  void on_end_of_data(TaskId task) override { listener_.on_end_of_data(task); }
  void on_loading(const LoadEvent& event) override { listener_.on_loading(event); }
  void on_task_failed(TaskId task, Error error) override { listener_.on_task_failed(task, std::move(error)); }
  void on_ended() override;

  detail::SendingEnd& send_to(std::uint32_t worker, ChannelNumber channel, const detail::BatchCodec& codec, detail::Wakeable& producer,
                              std::uint32_t capacity) override;
  detail::ReceivingEnd& receive_from(std::uint32_t worker, ChannelNumber channel, const detail::BatchCodec& codec, detail::Wakeable& consumer,
                                     std::uint32_t capacity) override;
  void ask(std::uint32_t worker, NodeId enumerator, const detail::SplitQuestion& question) override;

  std::string folder_of(CheckpointId id) override { return execution_->folder_of(id); }
  void set_folder(CheckpointId id, std::string folder) override { execution_->set_folder(id, std::move(folder)); }

  void begin(WorkerStart start);
  void fail_to_begin(const Error& error);
  void connect_to_others(const std::vector<std::string>& addresses);
  void answer(std::string_view note);
  void with_tasks(std::move_only_function<void(ShareExecution&)> call);
  void tell_progress();
  std::vector<VertexMetrics> metrics();
  void give_up_missing();
  void end();

  const Clock& clock_;
  Transport& transport_;
  const ConnectionOptions connections_;
  const MakeExecution make_;
  WorkerListener& listener_;

  EventCount wakeup_;
  Mailbox mail_{&wakeup_};
  State state_ = State::kIdle;
  std::uint32_t worker_ = 0;
  std::optional<DataExchange> exchange_;       // outlives the tasks, whose threads wake it
  std::unique_ptr<ShareExecution> execution_;
  std::vector<std::unique_ptr<Dial>> dials_;
  std::vector<std::unique_ptr<Connection>> early_;  // before start()
  std::int64_t tell_at_ns_ = 0;
  std::int64_t tell_metrics_at_ns_ = 0;
  MetricRates rates_;
  std::optional<std::int64_t> give_up_at_ns_;  // the workers that have not connected by then
  bool is_cancelled_ = false;
};

}  // namespace tidemark
