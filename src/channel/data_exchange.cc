#include "channel/data_exchange.h"

#include <fmt/format.h>

#include <mutex>
#include <utility>

#include "base/log.h"
#include "tidemark/detail/base/check.h"

namespace tidemark {

struct DataExchange::Line {
  bool is_closed = false;
  // Held while they change, and by the transport's thread while it takes a frame.
  std::mutex mutex;
  Peer* peer = nullptr;  // null: it has not said who it is
  bool is_over = false;  // nothing that comes counts; tasks may still hold the connection
  std::unique_ptr<Connection> connection;  // first to go: until then the transport's thread looks at the rest

  bool end() {
    const std::lock_guard lock{mutex};
    return !std::exchange(is_over, true);
  }
};

struct DataExchange::Peer {
  std::uint32_t worker = 0;
  bool is_connected = false;  // or was
  bool is_gone = false;       // it said goodbye, or on_broken was told
  WorkerLine line;
  std::vector<std::string> notes;  // that wait for a connection
  std::unordered_map<ChannelNumber, std::unique_ptr<RemoteSender>> outgoing;
  std::unordered_map<ChannelNumber, std::unique_ptr<RemoteReceiver>> incoming;

  void send(EdgeFrame kind, std::string payload) { line.connection.load()->send(frame_of(kind, std::move(payload))); }
  void wake_senders() {
    for (auto& [channel, sender] : outgoing) sender->wake();
  }
};

DataExchange::DataExchange(AttemptId attempt, std::string secret, std::uint32_t worker, std::uint32_t workers, EventCount& wakeup, CheckpointFolders& folders,
                           DataExchangeEvents events)
    : attempt_{attempt}, secret_{std::move(secret)}, worker_{worker}, folders_{folders}, events_{std::move(events)}, mailbox_{&wakeup} {
  for (std::uint32_t i = 0; i < workers; ++i) {
    peers_.push_back(std::make_unique<Peer>());
    peers_.back()->worker = i;
  }
}
DataExchange::~DataExchange() = default;

detail::SendingEnd& DataExchange::send_to(std::uint32_t worker, ChannelNumber channel, const detail::BatchCodec& codec,
                                          detail::Wakeable& producer, std::uint32_t capacity) {
  Peer& to = peer(worker);
  const auto [made, is_new] = to.outgoing.emplace(channel, std::make_unique<RemoteSender>(channel, codec, producer, to.line, folders_, capacity));
  TIDEMARK_CHECK(is_new, "a channel has one sending end");
  return *made->second;
}

detail::ReceivingEnd& DataExchange::receive_from(std::uint32_t worker, ChannelNumber channel, const detail::BatchCodec& codec,
                                                 detail::Wakeable& consumer, std::uint32_t capacity) {
  Peer& from = peer(worker);
  const auto [made, is_new] =
      from.incoming.emplace(channel, std::make_unique<RemoteReceiver>(channel, codec, consumer, from.line, folders_, capacity));
  TIDEMARK_CHECK(is_new, "a channel has one receiving end");
  return *made->second;
}

void DataExchange::connect(std::uint32_t worker, std::unique_ptr<Connection> connection) {
  Line& line = start(std::move(connection));
  line.connection->send(frame_of(EdgeFrame::kHello, encode_hello({attempt_, worker_, secret_})));
  adopt(line, peer(worker));
}

void DataExchange::accept(std::unique_ptr<Connection> connection) { start(std::move(connection)); }

DataExchange::Line& DataExchange::start(std::unique_ptr<Connection> connection) {
  Line& line = *lines_.emplace_back(std::make_unique<Line>());
  line.connection = std::move(connection);
  line.connection->start(mailbox_, {.on_frame = [this, &line](Frame frame) { on_frame(line, std::move(frame)); },
                                    .take_at_once = [this, &line](Frame& frame) { return take_at_once(line, frame); },
                                    .on_writable =
                                        [&line] {
                                          if (line.is_over || line.peer == nullptr) return;
                                          line.peer->line.times_writable.fetch_add(1, std::memory_order_release);
                                          line.peer->wake_senders();
                                        },
                                    .on_closed = [this, &line](const Closed& closed) { on_closed(line, closed); }});
  return line;
}

// From here on the peer's edges use the line. Tasks may have begun before.
void DataExchange::adopt(Line& line, Peer& peer) {
  peer.line.connection.store(line.connection.get(), std::memory_order_release);  // before an element is taken: its task answers there
  {
    const std::lock_guard lock{line.mutex};
    line.peer = &peer;
  }
  peer.is_connected = true;
  for (std::string& note : std::exchange(peer.notes, {})) peer.send(EdgeFrame::kNote, std::move(note));
  peer.wake_senders();
}

void DataExchange::give_up(std::uint32_t worker, const Closed& why) {
  if (std::exchange(peer(worker).is_gone, true)) return;
  events_.on_broken(worker, failure_of(why).within(fmt::format("the connection to worker {}", worker)));
}

void DataExchange::give_up_missing(std::int64_t waited_ms) {
  for (const auto& peer : peers_) {
    if (peer->worker == worker_ || peer->is_connected) continue;
    give_up(peer->worker, {CloseCause::kTimedOut,
                           Error{ErrorCode::kTimeout, fmt::format("there is none after {} ms: see in its log whether that worker runs, and whether "
                                                                  "workers reach each other's data ports",
                                                                  waited_ms)}});
  }
}

void DataExchange::close() {
  is_closing_ = true;
  for (const auto& peer : peers_) peer->line.connection.store(nullptr);
  std::erase_if(lines_, [](const auto& line) { return line->is_closed; });
  for (const auto& line : lines_) {
    line->end();
    line->connection->send(frame_of(EdgeFrame::kGoodbye, {}));
    line->connection->close();
  }
}

void DataExchange::break_off() {
  for (const auto& peer : peers_) peer->line.connection.store(nullptr);
  lines_.clear();
}

void DataExchange::send_note(std::uint32_t worker, std::string note) {
  mailbox_.post([this, worker, note = std::move(note)]() mutable {
    Peer& to = peer(worker);
    if (to.line.connection.load() == nullptr) {
      to.notes.push_back(std::move(note));
    } else {
      to.send(EdgeFrame::kNote, std::move(note));
    }
  });
}

void DataExchange::on_frame(Line& line, Frame frame) {
  if (line.is_over) return;
  if (const auto taken = take(line, frame); !taken) end(line, {CloseCause::kGarbage, taken.error()});
}

// On the transport's thread. What is wrong is found once more, and told, where the others are taken.
bool DataExchange::take_at_once(Line& line, Frame& frame) {
  const auto kind = static_cast<EdgeFrame>(frame.kind);
  if (kind != EdgeFrame::kElement && kind != EdgeFrame::kCredits) return false;
  const std::lock_guard lock{line.mutex};
  return !line.is_over && line.peer != nullptr && take(line, frame).has_value();
}

Result<> DataExchange::take(Line& line, Frame& frame) {
  if (line.peer == nullptr) return take_hello(line, frame);
  switch (static_cast<EdgeFrame>(frame.kind)) {
    case EdgeFrame::kElement:
      return take_element(*line.peer, frame.payload);
    case EdgeFrame::kCredits:
      return take_credits(*line.peer, frame.payload);
    case EdgeFrame::kNote:
      events_.on_note(frame.payload);
      return {};
    case EdgeFrame::kGoodbye:
      line.peer->is_gone = true;
      return {};
    case EdgeFrame::kTurnedAway:
      return std::unexpected{decode_turned_away(frame.payload)};
    case EdgeFrame::kHello:
      break;
  }
  return does_not_fit(fmt::format("a frame of kind {}, which workers do not send now", frame.kind));
}

Result<> DataExchange::take_hello(Line& line, const Frame& frame) {
  if (static_cast<EdgeFrame>(frame.kind) != EdgeFrame::kHello) return does_not_fit("no greeting of a worker");
  TIDEMARK_ASSIGN(hello, decode_hello(frame.payload));
  if (hello.attempt != attempt_) return fail(ErrorCode::kInvalidArgument, fmt::format("it is of attempt {}, and this is {}", hello.attempt, attempt_));
  if (hello.secret != secret_) return fail(ErrorCode::kPermissionDenied, "it does not know this attempt's secret: it is of another job, or no worker");
  if (hello.worker >= peers_.size() || hello.worker == worker_ || peer(hello.worker).is_connected || peer(hello.worker).is_gone) {
    return does_not_fit(fmt::format("worker {} is not expected here, or no more", hello.worker));
  }
  adopt(line, peer(hello.worker));
  return {};
}

Result<> DataExchange::take_element(Peer& peer, std::string& payload) {
  TIDEMARK_ASSIGN(channel, channel_of(payload));
  const auto found = peer.incoming.find(channel);
  if (found == peer.incoming.end()) return does_not_fit(fmt::format("an element of channel {}, which there is not", channel));
  return found->second->arrive(payload);
}

Result<> DataExchange::take_credits(Peer& peer, std::string_view payload) {
  TIDEMARK_ASSIGN(credits, decode_credits(payload));
  const auto found = peer.outgoing.find(credits.channel);
  if (found == peer.outgoing.end()) return does_not_fit(fmt::format("credits for channel {}, which there is not", credits.channel));
  return found->second->grant(credits.elements);
}

void DataExchange::on_closed(Line& line, const Closed& closed) {
  line.is_closed = true;
  if (!is_closing_) end(line, closed);
  // A peer's connection may be in the hands of tasks until they have ended.
  if (is_closing_ || line.peer == nullptr) std::erase_if(lines_, [&](const auto& one) { return one.get() == &line; });
}

// In one of its callbacks, too.
void DataExchange::end(Line& line, const Closed& why) {
  if (!line.end()) return;
  if (!line.is_closed) {
    line.connection->send(frame_of(EdgeFrame::kTurnedAway, encode_turned_away(why.error)));
    line.connection->close();
  }
  if (line.peer != nullptr) return give_up(line.peer->worker, why);
  log_warning(fmt::format("turned away who connected from {}: {}", line.connection->peer().address, why.error.message()));
}

}  // namespace tidemark
