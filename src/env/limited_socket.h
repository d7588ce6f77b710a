// A connection that somebody untrusted has made: it may take only so many bytes and so much time.
//
// Threads: one, but for end_reading(). Ownership: the socket is its own from then on, and is closed with it. Nothing here fails with an error: a request that does
// not come is the other side's.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tidemark {

class LimitedSocket {
 public:
  /// Why no more bytes come.
  enum class Trouble : std::uint8_t {
    kNone,
    kTooLarge,  ///< more than were allowed
    kTooSlow,   ///< not in the time that was allowed, or silent for too long
    kGone,      ///< the other side has closed, or the connection broke
  };

  /// `silence`: longest time that a read or write waits. Children of this process do not inherit the socket.
  LimitedSocket(int socket, std::chrono::milliseconds silence);
  ~LimitedSocket();
  LimitedSocket(const LimitedSocket&) = delete;
  LimitedSocket& operator=(const LimitedSocket&) = delete;

  /// From now on so many more bytes may be received, within that time. To begin with, none.
  void allow(std::uint64_t bytes, std::chrono::milliseconds time);
  /// At least one byte, or 0 with trouble().
  std::size_t read(std::span<char> to);
  Trouble trouble() const { return trouble_; }

  /// How many were taken; -1 when the other side takes none.
  std::int64_t write(std::span<const char> bytes);
  bool is_writable() const;
  bool has_written() const { return has_written_; }
  /// No more is written. Waits for the other side to close, but no longer than that: who still sends when a socket is closed loses what
  /// was written to it last.
  void farewell(std::chrono::milliseconds longest);

  /// Any thread: no more bytes come, nor are waited for. What is written still goes out.
  void end_reading() const;

  /// The other side's number, without its port; empty where it has none.
  std::string peer() const;

  int descriptor() const { return socket_; }

 private:
  bool fill();
  bool fail_with(Trouble trouble);

  const int socket_;
  const std::chrono::milliseconds silence_;
  std::uint64_t bytes_left_ = 0;
  std::chrono::steady_clock::time_point until_;
  Trouble trouble_ = Trouble::kNone;
  bool has_written_ = false;
  std::size_t at_ = 0;   // in buffer_: what was received and not read
  std::size_t end_ = 0;
  std::array<char, 16 << 10> buffer_;
};

}  // namespace tidemark
