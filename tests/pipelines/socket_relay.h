// A way between two processes that a test can cut: whatever comes to its port goes on to another of this machine, and back.
//
// Threads: cut() and port() from any; it has some of its own. Throws std::system_error where the system gives no socket.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

#include "env/descriptor.h"

namespace tidemark {

class SocketRelay {
 public:
  explicit SocketRelay(std::uint16_t target) : target_{target} {
    sockaddr_in address = local(0);
    check(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
    check(::listen(listener_.get(), 16));
    socklen_t size = sizeof address;
    check(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size));
    port_ = ntohs(address.sin_port);
    accepting_ = std::jthread{[this] { accept_all(); }};
  }
  ~SocketRelay() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    accepting_.join();
    cut();
  }
  SocketRelay(const SocketRelay&) = delete;
  SocketRelay& operator=(const SocketRelay&) = delete;

  std::uint16_t port() const { return port_; }
  /// All connections that go through end, as if their network had lost them. True if there were any.
  bool cut() {
    const std::lock_guard lock{mutex_};
    bool any = false;
    for (Way& way : ways_) {
      any = any || !way.is_cut;
      way.cut();
    }
    return any;
  }

 private:
  struct Way {
    Way(int near_end, int far_end) : near{near_end}, far{far_end} {}
    void cut() {
      is_cut = true;
      ::shutdown(near.get(), SHUT_RDWR);
      ::shutdown(far.get(), SHUT_RDWR);
    }
    Descriptor near;
    Descriptor far;
    bool is_cut = false;
    std::jthread there;  // joined before the descriptors are closed
    std::jthread back;
  };

  static sockaddr_in local(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  static int check(int result) {
    if (result < 0) throw std::system_error{errno, std::generic_category()};
    return result;
  }
  static int make_socket() { return check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

  void accept_all() {
    while (true) {
      const int near = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (near < 0) return;
      const std::lock_guard lock{mutex_};
      Way& way = ways_.emplace_back(near, make_socket());
      sockaddr_in address = local(target_);
      check(::connect(way.far.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
      way.there = std::jthread{[&way] { carry(way.near.get(), way.far.get()); }};
      way.back = std::jthread{[&way] { carry(way.far.get(), way.near.get()); }};
    }
  }
  static void carry(int from, int to) {
    char bytes[1 << 14];
    while (true) {
      const ssize_t read = ::recv(from, bytes, sizeof bytes, 0);
      for (ssize_t sent = 0; sent < read;) {
        const ssize_t more = ::send(to, bytes + sent, static_cast<std::size_t>(read - sent), MSG_NOSIGNAL);
        if (more <= 0) return;
        sent += more;
      }
      if (read > 0) continue;
      ::shutdown(to, SHUT_WR);
      return;
    }
  }

  const std::uint16_t target_;
  Descriptor listener_{make_socket()};
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::list<Way> ways_;  // guarded by mutex_
  std::jthread accepting_;
};

}  // namespace tidemark
