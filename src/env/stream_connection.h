// One side of a connection over a stream of bytes: the greeting, frames out of a queue and into an owner's mailbox,
// signs of life, and the end.
//
// Frames are checksummed on the thread that sends them, and written there, too, where the system takes them without waiting and nobody else is
// writing; what it does not take is the wire's thread's to write. What came and was not handled yet is counted, and beyond
// largest_backlog nothing more is read. The peer's silence is counted in ticks of a timer, and only while this side
// reads: a process that was stopped for a while has not heard, and blames nobody.
//
// Threads: those of Connection for what a handle calls; everything else on the wire's thread. Ownership: it lives as
// long as a handle, a timer or something that is under way on its stream; it owns the stream.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "env/frame.h"
#include "env/owner_link.h"
#include "env/transport.h"
#include "env/wire.h"
#include "env/wire_users.h"

namespace tidemark {

class StreamConnection final : public WireUser, public std::enable_shared_from_this<StreamConnection> {
 public:
  enum class Side { kConnects, kAccepts };
  /// Once: itself when both sides have greeted, or why they have not.
  using Greeted = std::move_only_function<void(std::expected<std::shared_ptr<StreamConnection>, Closed>)>;

  /// `place` is let go when the connection has ended.
  static std::shared_ptr<StreamConnection> begin(const std::shared_ptr<WireUsers>& wire,
                                                 std::unique_ptr<ByteStream> stream, Side side,
                                                 const ConnectionOptions& options, const Identity& identity,
                                                 std::shared_ptr<void> place, Greeted greeted);

  /// What its owner holds.
  static std::unique_ptr<Connection> handle(std::shared_ptr<StreamConnection> connection);

  /// Ends it at once.
  void end() override;
  bool is_closing() const override { return state_ == State::kClosing; }

 private:
  class Handle;

  enum class State {
    kGreeting,  // TLS, then one frame from each side
    kOpen,
    kClosing,  // a goodbye or a refusal is the last that is sent; what comes is dropped
    kClosed,
  };

  struct Outgoing {
    std::uint8_t kind;
    std::uint64_t payload_hash;
    std::string payload;
    FrameHeader header;  // once its number is known

    std::size_t bytes() const { return header.size() + payload.size(); }
  };

  StreamConnection(std::shared_ptr<WireUsers> wire, std::unique_ptr<ByteStream> stream, Side side,
                   const ConnectionOptions& options, const Identity& identity, std::shared_ptr<void> place,
                   Greeted greeted);

  // What the handle calls.
  void start(Mailbox& owner, ConnectionCallbacks callbacks);
  SendStatus send(Frame frame);
  void close();
  void let_go();

  // The greeting.
  void open();
  void greet();
  void on_greeting(std::string_view payload);
  void refuse(const Error& error);
  void become_open(const Identity& identity, std::uint32_t protocol, std::size_t largest_frame,
                   std::int64_t sign_of_life_ms);

  // What comes.
  bool reads() const;
  void go_on_reading();
  bool hand_frames_on();
  void wait_for_bytes();
  void on_read(std::expected<std::size_t, Closed> bytes);
  void on_end_of_stream();
  void on_frame(Frame frame);
  void deliver(Frame frame);
  bool is_taken_at_once(Frame& frame);
  void handled(std::size_t bytes);
  bool backlog_is_full();
  /// False if there is none.
  bool pass_to_owner(std::move_only_function<void(ConnectionCallbacks&)> call);

  // What goes.
  void enqueue(TransportFrame kind, std::string payload = {});
  void write_at_once();
  void flush();
  bool take_queued();
  std::size_t gather_pieces();
  bool write_here();
  void on_written(std::expected<void, Closed> result);
  void have_written();
  void tell_writable();

  // Time and the end.
  std::int64_t tick_ms() const;
  void tick();
  void begin_closing();
  void fail(CloseCause cause, const Error& error);
  void finish(Closed closed);
  void tell_closed();
  std::string about_peer() const;

  const std::shared_ptr<WireUsers> wire_;
  const Side side_;
  const ConnectionOptions options_;
  const Identity identity_;

  // The wire's thread.
  State state_ = State::kGreeting;
  std::unique_ptr<ByteStream> stream_;
  std::shared_ptr<void> place_;
  Greeted greeted_;
  FrameReader reader_;
  bool reading_ = false;          // a read is under way
  bool started_ = false;          // there is an owner to read for
  std::optional<Closed> closed_;  // once it has ended
  bool told_closed_ = false;      // its owner knows; else one that is still to come is told
  Closed closing_as_;             // what is told at the end of kClosing
  bool heard_ = false;            // since the last tick
  std::int64_t quiet_ms_ = 0;     // this side
  std::int64_t silent_ms_ = 0;    // the peer
  std::int64_t most_silent_ms_ = 0;
  std::unique_ptr<Timer> deadline_;
  std::unique_ptr<Timer> ticker_;

  // Of the thread that writes: the one that has set is_being_written_.
  std::deque<Outgoing> writing_;  // under way
  std::size_t went_ = 0;          // bytes of it that the system has
  std::vector<std::string_view> pieces_;
  std::uint64_t next_number_ = 0;  // of the frame to be written next

  std::atomic<bool> said_last_{false};  // the last frame is on its way or beyond
  std::atomic<bool> wrote_{false};      // since the last tick
  std::mutex stream_mutex_;             // held by whoever writes outside of the wire's thread, and to let go of stream_

  Peer peer_;  // fixed before anybody else sees the connection

  OwnerLink owner_;
  std::mutex taking_mutex_;
  std::move_only_function<bool(Frame&)> take_at_once_;  // guarded by taking_mutex_
  std::shared_ptr<ConnectionCallbacks> callbacks_;  // the owner's thread

  std::atomic<std::size_t> backlog_{0};  // bytes that wait for the owner
  std::atomic<bool> paused_{false};      // reading waits for the backlog to shrink
  std::atomic<std::size_t> queued_{0};   // bytes of queue_ and writing_

  std::mutex mutex_;
  std::deque<Outgoing> queue_;  // guarded by mutex_
  bool takes_frames_ = false;   // guarded by mutex_; from the greeting to close() or the end
  bool is_being_written_ = false;  // guarded by mutex_; somebody writes or is about to, until queue_ is empty
  bool told_full_ = false;      // guarded by mutex_; on_writable is owed
};

}  // namespace tidemark
