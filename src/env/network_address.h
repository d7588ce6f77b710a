// Where a process listens: "host:port" or "unix:/path". Pure.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace tidemark {

struct NetworkAddress {
  std::string host;  ///< a name or a number, without brackets; empty for a Unix socket
  std::uint16_t port = 0;
  std::string path;  ///< of a Unix socket; empty for a host

  bool is_unix() const { return !path.empty(); }
  friend bool operator==(const NetworkAddress&, const NetworkAddress&) = default;
};

/// kInvalidArgument says what is wrong with it. An IPv6 number stands in brackets: "[::1]:6123".
Result<NetworkAddress> parse_network_address(const std::string& text);
std::string to_string(const NetworkAddress& address);
/// Whether only this machine reaches who listens at that host: "localhost", a number of 127.0.0.0/8, "::1".
bool is_loopback(const std::string& host);

}  // namespace tidemark
