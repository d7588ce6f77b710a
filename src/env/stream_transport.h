// A Transport over a wire: what listens and what dials, up to the greeting; from there on it is StreamConnection's.
//
// Threads and ownership: those of Transport. It owns the wire. Its end waits for connections that were closed, until what they had been
// given is sent, as long as their closing may take; all others break. In memory all do: that is how a process dies there.
#pragma once

#include <memory>
#include <string>

#include "env/transport.h"
#include "env/wire.h"
#include "env/wire_users.h"

namespace tidemark {

class StreamTransport final : public Transport {
 public:
  StreamTransport(std::unique_ptr<Wire> wire, Identity identity);
  ~StreamTransport() override;

  Result<std::unique_ptr<Listener>> listen(const std::string& address, const ListenOptions& options, Mailbox& owner,
                                           ListenerCallbacks callbacks) override;
  std::unique_ptr<Dial> connect(const std::string& address, const ConnectionOptions& options, Mailbox& owner,
                                Connected done) override;

 private:
  std::unique_ptr<Wire> wire_;
  std::shared_ptr<WireUsers> users_;
  Identity identity_;
};

}  // namespace tidemark
