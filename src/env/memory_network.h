// A network in memory, for tests and the simulator: named hosts, processes on them, and what goes wrong between them.
//
// Only the wire is make-believe: greetings, frames and signs of life are those of the real transport. Whoever drives it
// decides when anything happens: a step is one task of one process, one timer, one connection made, or some bytes that
// arrive; which one, and how the bytes are cut, is drawn from the Random, so one seed is one run. Connections are
// reordered against one another, bytes within one never. Time is the clock's.
//
// A process dies by the end of its transport: its peers are told, as a kernel does it, unless the way is cut. A host
// whose power fails is cut off first. One thread. Clock and Random outlive the network and its transports.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "env/env.h"
#include "env/transport.h"

namespace tidemark {

class MemoryNetwork {
 public:
  MemoryNetwork(const Clock& clock, Random& random);
  ~MemoryNetwork();
  MemoryNetwork(const MemoryNetwork&) = delete;
  MemoryNetwork& operator=(const MemoryNetwork&) = delete;

  /// Of a process on `host`, which listens at "host:port", "localhost:port" and "unix:/path" of that host, and is
  /// reached there. It knows no TLS.
  std::unique_ptr<Transport> join(const std::string& host, const Identity& identity);

  /// Does one thing that is due; false if there is none.
  bool step();
  /// When the next thing is due that is not yet; nothing if time alone changes nothing.
  std::optional<std::int64_t> next_due_ns() const;

  /// From now on bytes, and attempts to connect, take that long from one host to the other, each anything up to
  /// `most_ns`.
  void set_delay(const std::string& from, const std::string& to, std::int64_t most_ns);
  /// Nothing arrives that way, until it is mended; what was sent then does.
  void cut(const std::string& from, const std::string& to);
  void mend(const std::string& from, const std::string& to);
  /// The host stands still: none of its processes does anything, its timers are late, and what arrives there waits. What it has sent goes on its way.
  void freeze(const std::string& host);
  void thaw(const std::string& host);
  /// Connections between the two hosts break, and both sides know it at once.
  void reset(const std::string& a, const std::string& b);

 private:
  class World;
  class HostWire;
  class Stream;

  std::shared_ptr<World> world_;
};

}  // namespace tidemark
