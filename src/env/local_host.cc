#include "env/local_host.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "env/descriptor.h"
#include "env/network_address.h"

namespace tidemark {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

// A datagram socket that is connected has got its own address by the routes, and has sent nothing.
std::optional<std::string> host_towards(const addrinfo& there) {
  const Descriptor socket{::socket(there.ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_storage here{};
  socklen_t size = sizeof here;
  if (socket.get() < 0 || ::connect(socket.get(), there.ai_addr, there.ai_addrlen) != 0) return std::nullopt;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&here), &size) != 0) return std::nullopt;
  std::array<char, NI_MAXHOST> text{};
  const int failed =
      ::getnameinfo(reinterpret_cast<const sockaddr*>(&here), size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
  return failed != 0 ? std::nullopt : std::optional<std::string>{text.data()};
}

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

Result<std::string> host_towards(const std::string& address) {
  TIDEMARK_ASSIGN(there, parse_network_address(address));
  if (there.is_unix()) return std::string{"127.0.0.1"};
  const addrinfo wanted{.ai_flags = 0, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(there.host.c_str(), std::to_string(there.port).c_str(), &wanted, &found);
  if (error != 0) return fail(ErrorCode::kNotFound, fmt::format("cannot look up '{}': {}", there.host, ::gai_strerror(error)));
  const std::unique_ptr<addrinfo, FreeAddresses> list{found};
  for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next) {
    if (auto host = host_towards(*one)) return *std::move(host);
  }
  return fail(ErrorCode::kNotFound, fmt::format("there is no way from this machine to '{}': {}", address, std::strerror(errno)));
}

}  // namespace tidemark
