// The edges of one worker that cross to others, in one attempt: makes their ends, and carries what these send. One connection between two
// workers carries all edges between them, in both directions, and notes beside them.
//
// Tasks write and read their frames themselves (remote_edge.h); the transport's thread only sorts elements and credits as they come, and wakes tasks. All
// else waits for the thread that steps the exchange.
//
// Threads: one steps it, which is its connections' owner, too. Edges are added before the first step. Ownership: ends belong to the exchange,
// which is closed when no task runs any more. Invariants: elements of an edge arrive in their order; what was on its way when a
// connection ended is lost, and the attempt with it: on_broken says so.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_count.h"
#include "base/mailbox.h"
#include "base/result.h"
#include "channel/remote_edge.h"
#include "env/env.h"
#include "env/transport.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

struct DataExchangeEvents {
  /// Once for each worker whose connection ended, or came to none, and that had not said goodbye: nothing more comes from there.
  std::function<void(std::uint32_t worker, const Error& error)> on_broken;
  std::function<void(std::string_view note)> on_note;
};

class DataExchange {
 public:
  /// `worker`: this one, of so many, that all know `secret`. Events come on the stepping thread, which `wakeup` wakes; that and `folders` outlive the exchange.
  DataExchange(AttemptId attempt, std::string secret, std::uint32_t worker, std::uint32_t workers, EventCount& wakeup, CheckpointFolders& folders,
               DataExchangeEvents events);
  ~DataExchange();
  DataExchange(const DataExchange&) = delete;
  DataExchange& operator=(const DataExchange&) = delete;

  /// An edge from a task here to one of that worker. Both sides call a channel by the same number, and each number once. `capacity`: elements that
  /// may be on their way, the same on both sides. Codec and task outlive the exchange, or it was closed before.
  detail::SendingEnd& send_to(std::uint32_t worker, ChannelNumber channel, const detail::BatchCodec& codec, detail::Wakeable& producer,
                              std::uint32_t capacity);
  /// An edge from a task of that worker to one here.
  detail::ReceivingEnd& receive_from(std::uint32_t worker, ChannelNumber channel, const detail::BatchCodec& codec, detail::Wakeable& consumer,
                                     std::uint32_t capacity);

  /// A connection to that worker, which nobody has started. On the stepping thread, as the next ones.
  void connect(std::uint32_t worker, std::unique_ptr<Connection> connection);
  /// One that another worker made; it says which. Who is of another attempt is turned away, and told why.
  void accept(std::unique_ptr<Connection> connection);
  /// There will be none to that worker.
  void give_up(std::uint32_t worker, const Closed& why);
  /// Nor to all others that have not come yet, as they had `waited_ms` to come.
  void give_up_missing(std::int64_t waited_ms);
  /// Ends all connections, saying goodbye: the tasks have ended. Once.
  void close();
  /// Instead, where nobody waits for a goodbye: the attempt is given up, and with it what was on its way.
  void break_off();
  /// After either: what was said has arrived, or will never.
  bool is_closed() const { return lines_.empty(); }

  /// Any thread. It is sent once there is a connection.
  void send_note(std::uint32_t worker, std::string note);

  /// kBlocked: nothing to do until it is woken.
  Progress step() { return mailbox_.run_all() ? Progress::kMadeProgress : Progress::kBlocked; }
  bool has_work() const { return mailbox_.has_mail(); }
  /// The stepping thread's, for attempts to connect.
  Mailbox& mailbox() { return mailbox_; }

 private:
  struct Peer;
  struct Line;

  Peer& peer(std::uint32_t worker) { return *peers_.at(worker); }
  Line& start(std::unique_ptr<Connection> connection);
  void adopt(Line& line, Peer& peer);
  void on_frame(Line& line, Frame frame);
  bool take_at_once(Line& line, Frame& frame);
  Result<> take(Line& line, Frame& frame);
  Result<> take_hello(Line& line, const Frame& frame);
  Result<> take_element(Peer& peer, std::string& payload);
  Result<> take_credits(Peer& peer, std::string_view payload);
  void end(Line& line, const Closed& why);
  void on_closed(Line& line, const Closed& closed);

  const AttemptId attempt_;
  const std::string secret_;
  const std::uint32_t worker_;
  CheckpointFolders& folders_;
  const DataExchangeEvents events_;
  Mailbox mailbox_;
  std::vector<std::unique_ptr<Peer>> peers_;  // by worker; this one's is not used
  std::vector<std::unique_ptr<Line>> lines_;  // as they came
  bool is_closing_ = false;
};

}  // namespace tidemark
