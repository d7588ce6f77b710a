// The real transport: TCP, TLS with certificates of both sides, and Unix sockets, on one thread of its own.
//
// Threads and ownership: those of Transport; the thread lives as long as the transport. Sockets are not inherited by
// processes that are started.
#pragma once

#include <memory>

#include "base/result.h"
#include "env/transport.h"

namespace tidemark {

std::unique_ptr<Transport> make_asio_transport(const Identity& identity);

/// Whether connections can be made with these files: else kInvalidArgument says which is wrong. Blocks on I/O.
Result<> check_tls(const Tls& tls);

}  // namespace tidemark
