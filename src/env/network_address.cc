#include "env/network_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <string_view>

namespace tidemark {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

std::unexpected<Error> wrong(const std::string& text, std::string_view what) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is no address: {}; write host:port, [::1]:port or unix:/path", text, what));
}

Result<std::uint16_t> parse_port(const std::string& text, std::string_view digits) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) {
    return wrong(text, fmt::format("its port is '{}' and must be a number from 0 to {}", digits,
                                   std::numeric_limits<std::uint16_t>::max()));
  }
  return port;
}

}  // namespace

Result<NetworkAddress> parse_network_address(const std::string& text) {
  NetworkAddress result;
  if (text.starts_with(kUnixPrefix)) {
    result.path = text.substr(kUnixPrefix.size());
    if (result.path.empty() || result.path.back() == '/') return wrong(text, "the name of the socket is missing");
    return result;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return wrong(text, "the port is missing");
  result.host = text.substr(0, colon);
  if (result.host.starts_with('[')) {
    if (!result.host.ends_with(']')) return wrong(text, "the bracket is not closed before the port");
    result.host = result.host.substr(1, result.host.size() - 2);
  } else if (result.host.find(':') != std::string::npos) {
    return wrong(text, "an IPv6 number stands in brackets");
  }
  if (result.host.empty()) return wrong(text, "the host is missing");
  TIDEMARK_ASSIGN(port, parse_port(text, std::string_view{text}.substr(colon + 1)));
  result.port = port;
  return result;
}

std::string to_string(const NetworkAddress& address) {
  if (address.is_unix()) return std::string{kUnixPrefix} + address.path;
  if (address.host.find(':') != std::string::npos) return fmt::format("[{}]:{}", address.host, address.port);
  return fmt::format("{}:{}", address.host, address.port);
}

bool is_loopback(const std::string& host) {
  if (host == "localhost" || host == "::1") return true;
  in_addr number{};
  return host.starts_with("127.") && ::inet_pton(AF_INET, host.c_str(), &number) == 1;
}

}  // namespace tidemark
