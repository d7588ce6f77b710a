#include "env/limited_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace tidemark {
namespace {

using std::chrono::milliseconds;

milliseconds time_until(std::chrono::steady_clock::time_point end) {
  return std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
}

bool wait_for(int socket, short what, milliseconds longest) {
  const auto end = std::chrono::steady_clock::now() + longest;
  pollfd wanted{.fd = socket, .events = what, .revents = 0};
  while (longest > milliseconds{0}) {
    const int ready = ::poll(&wanted, 1, static_cast<int>(longest.count()));
    if (ready >= 0 || errno != EINTR) return ready > 0;
    longest = time_until(end);  // a signal, as of a thread dump
  }
  return false;
}

}  // namespace

LimitedSocket::LimitedSocket(int socket, milliseconds silence) : socket_{socket}, silence_{silence} {
  ::fcntl(socket, F_SETFD, FD_CLOEXEC);
}

LimitedSocket::~LimitedSocket() { ::close(socket_); }

void LimitedSocket::allow(std::uint64_t bytes, milliseconds time) {
  const std::uint64_t here = end_ - at_;  // came with what was allowed before
  bytes_left_ = bytes - std::min(bytes, here);
  until_ = std::chrono::steady_clock::now() + time;
}

bool LimitedSocket::fail_with(Trouble trouble) {
  trouble_ = trouble;
  return false;
}

bool LimitedSocket::fill() {
  if (trouble_ != Trouble::kNone) return false;
  if (bytes_left_ == 0) return fail_with(Trouble::kTooLarge);
  if (!wait_for(socket_, POLLIN, std::min(silence_, time_until(until_)))) return fail_with(Trouble::kTooSlow);
  const ssize_t count = ::recv(socket_, buffer_.data(), std::min<std::uint64_t>(buffer_.size(), bytes_left_), MSG_DONTWAIT);
  if (count <= 0) return fail_with(Trouble::kGone);
  at_ = 0;
  end_ = static_cast<std::size_t>(count);
  bytes_left_ -= end_;
  return true;
}

std::size_t LimitedSocket::read(std::span<char> to) {
  if (at_ == end_ && !fill()) return 0;
  const std::size_t count = std::min(to.size(), end_ - at_);
  std::copy_n(buffer_.data() + at_, count, to.data());
  at_ += count;
  return count;
}

bool LimitedSocket::is_writable() const { return wait_for(socket_, POLLOUT, silence_); }

std::int64_t LimitedSocket::write(std::span<const char> bytes) {
  if (!is_writable()) return -1;
  has_written_ = true;
  return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void LimitedSocket::end_reading() const { ::shutdown(socket_, SHUT_RD); }

std::string LimitedSocket::peer() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  char number[NI_MAXHOST] = {};
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (::getpeername(socket_, any, &size) != 0) return {};
  if (::getnameinfo(any, size, number, sizeof number, nullptr, 0, NI_NUMERICHOST) != 0) return {};
  return number;
}

void LimitedSocket::farewell(milliseconds longest) {
  const auto until = std::chrono::steady_clock::now() + longest;
  ::shutdown(socket_, SHUT_WR);
  while (wait_for(socket_, POLLIN, time_until(until)) && ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT) > 0) {
  }
}

}  // namespace tidemark
