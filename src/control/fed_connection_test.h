// A connection whose other end is a test, which has what was sent, and says what comes. One thread.
#pragma once

#include <utility>
#include <vector>

#include "env/transport.h"

namespace tidemark {

class FedConnection final : public Connection {
 public:
  /// The test's. It outlives the connection.
  struct End {
    std::vector<Frame> sent;
    ConnectionCallbacks callbacks;
    bool is_closed = false;
  };

  explicit FedConnection(End& end) : end_{end} { peer_.identity = {.name = "the other side", .library = "0.0.0"}; }
  void start(Mailbox&, ConnectionCallbacks callbacks) override { end_.callbacks = std::move(callbacks); }
  SendStatus send(Frame frame) override {
    end_.sent.push_back(std::move(frame));
    return SendStatus::kQueued;
  }
  std::size_t queued_bytes() const override { return 0; }
  void close() override { end_.is_closed = true; }
  const Peer& peer() const override { return peer_; }

 private:
  End& end_;
  Peer peer_;
};

}  // namespace tidemark
