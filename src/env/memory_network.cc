#include "env/memory_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "env/stream_transport.h"
#include "env/wire.h"

namespace tidemark {
namespace {

using Direction = std::pair<std::string, std::string>;  // from one host to another

// What a sender may have on its way before its write is held back.
constexpr std::size_t kWindowBytes = 64u << 10;
constexpr std::uint16_t kFirstFreePort = 40'000;

Closed lost(const std::string& peer) {
  return {CloseCause::kLost, Error{ErrorCode::kIo, fmt::format("the connection with {} was reset", peer)}};
}

}  // namespace

/// Everything between the processes, and in them what waits for its turn.
class MemoryNetwork::World : public std::enable_shared_from_this<World> {
 public:
  World(const Clock& clock, Random& random) : clock_{clock}, random_{random} {}

  struct Process {
    std::string host;
    std::deque<Wire::Task> tasks;
    std::map<std::pair<std::int64_t, std::uint64_t>, Wire::Task> timers;  // by the time when they are due
    bool stopped = false;
  };

  struct Door {
    std::shared_ptr<Process> process;
    Wire::Accepted accepted;
  };

  /// One direction of a connection.
  struct Pipe {
    struct Chunk {
      std::string bytes;
      std::int64_t due_ns;
    };

    std::uint64_t id;
    Direction way;
    std::shared_ptr<Process> sender;
    std::deque<Chunk> chunks;
    std::size_t bytes = 0;
    std::int64_t last_due_ns = 0;
    bool ended = false;          // nothing is behind the chunks
    bool broken = false;         // nothing arrives any more but an error
    bool known_at_once = false;  // whatever the delay, and though the way be cut
    bool unread = false;         // the receiver is gone
    std::int64_t end_due_ns = 0;
    std::span<char> space;
    ByteStream::Read read;
    ByteStream::Written written;
  };

  struct Ring {  // an attempt to connect, on its way
    Direction way;
    std::string name;
    std::string text;
    std::shared_ptr<Process> process;
    std::int64_t due_ns;
    Wire::Reached reached;
  };

  std::int64_t now_ns() const { return clock_.steady_ns(); }
  std::uint64_t next_id() { return ++last_id_; }
  std::uint64_t below(std::uint64_t limit) { return random_.next() % limit; }
  std::int64_t arrival_ns(const Direction& way) {
    const auto delay = delays_.find(way);
    if (delay == delays_.end() || delay->second <= 0) return now_ns();
    return now_ns() + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(delay->second) + 1));
  }
  bool is_cut(const Direction& way) const { return cut_.contains(way); }

  static void post(const std::shared_ptr<Process>& process, Wire::Task task) {
    if (!process->stopped) process->tasks.push_back(std::move(task));
  }

  std::unique_ptr<ByteStream> connect(const std::shared_ptr<Process>& from, Door& to);
  std::shared_ptr<Pipe> make_pipe(const std::shared_ptr<Process>& from, const std::shared_ptr<Process>& to) {
    auto pipe = std::make_shared<Pipe>();
    pipe->id = next_id();
    pipe->way = {from->host, to->host};
    pipe->sender = from;
    pipes_.emplace(pipe->id, pipe);
    return pipe;
  }

  void write(Pipe& pipe, std::string bytes, ByteStream::Written done) {
    pipe.written = std::move(done);
    if (!pipe.unread && !pipe.broken) append(pipe, std::move(bytes));
    let_writer_go_on(pipe);
  }

  /// What a system takes without waiting: by chance nothing, a part, or all.
  std::size_t write_at_once(Pipe& pipe, std::span<const std::string_view> pieces) {
    if (pipe.unread || pipe.broken || pipe.bytes >= kWindowBytes) return 0;
    std::string bytes;
    for (const std::string_view piece : pieces) bytes += piece;
    const std::size_t most = std::min(bytes.size(), kWindowBytes - pipe.bytes);
    const std::uint64_t chance = below(4);
    const std::size_t n = chance == 0 || most == 0 ? 0 : chance == 1 ? 1 + below(most) : most;
    if (n == 0) return 0;
    bytes.resize(n);
    append(pipe, std::move(bytes));
    return n;
  }
  std::size_t read_at_once(Pipe& pipe, std::span<char> space) {
    const bool is_shut = pipe.broken || is_cut(pipe.way) || frozen_.contains(pipe.way.second);
    if (is_shut || pipe.chunks.empty() || pipe.chunks.front().due_ns > now_ns() || below(2) == 0) return 0;
    pipe.space = space;
    return arrive(pipe);
  }

  /// The sender has ended: in order, or so that what has not arrived is lost.
  void end(Pipe& pipe) {
    if (std::exchange(pipe.ended, true)) return;
    pipe.end_due_ns = std::max(pipe.last_due_ns, arrival_ns(pipe.way));
  }
  void break_off(Pipe& pipe) {
    if (std::exchange(pipe.broken, true)) return;
    pipe.end_due_ns = arrival_ns(pipe.way);
    pipe.chunks.clear();
    pipe.bytes = 0;
  }
  void leave_unread(Pipe& pipe) {
    pipe.unread = true;
    pipes_.erase(pipe.id);
    pipe.read = nullptr;
    pipe.chunks.clear();
    pipe.bytes = 0;
    let_writer_go_on(pipe);
  }
  /// The sender's process has let go of its end.
  void close(const std::shared_ptr<Pipe>& out, const std::shared_ptr<Pipe>& in) {
    // A kernel that has unread bytes resets the connection, and then what it sent may be lost, too.
    if (in->bytes > 0 && below(2) == 0) {
      break_off(*out);
    } else {
      end(*out);
    }
    out->written = nullptr;
    leave_unread(*in);
  }

  /// As those of the network.
  bool step();
  std::optional<std::int64_t> next_due_ns() const;
  void reset(const std::string& a, const std::string& b) {
    for (auto& [id, pipe] : pipes_) {
      if (pipe->way != Direction{a, b} && pipe->way != Direction{b, a}) continue;
      break_off(*pipe);
      pipe->known_at_once = true;
      let_writer_go_on(*pipe);
    }
  }

  std::map<std::string, Door> doors_;  // by host and address
  std::vector<std::shared_ptr<Process>> processes_;
  std::map<Direction, std::int64_t> delays_;
  std::set<Direction> cut_;
  std::set<std::string> frozen_;
  std::map<std::uint64_t, Ring> rings_;

 private:
  /// Something that happens without a further cause: now, or when its time has come.
  struct Event {
    enum class Kind { kTask, kTimer, kBytes, kRing };
    Kind kind;
    std::uint64_t which;  ///< place of the process, or id of pipe or ring
  };

  void append(Pipe& pipe, std::string bytes) {
    pipe.last_due_ns = std::max(pipe.last_due_ns, arrival_ns(pipe.way));
    pipe.bytes += bytes.size();
    pipe.chunks.push_back({std::move(bytes), pipe.last_due_ns});
  }

  void let_writer_go_on(Pipe& pipe) {
    if (!pipe.written || pipe.bytes > kWindowBytes) return;
    auto result = pipe.broken ? std::expected<void, Closed>{std::unexpected{lost(pipe.way.second)}}
                              : std::expected<void, Closed>{};
    post(pipe.sender, [written = std::exchange(pipe.written, nullptr), result = std::move(result)]() mutable {
      written(std::move(result));
    });
  }

  /// When something happens at the pipe's end; nothing: not by time alone.
  std::optional<std::int64_t> due(const Pipe& pipe) const {
    if (!pipe.read || frozen_.contains(pipe.way.second)) return std::nullopt;
    if (pipe.known_at_once) return now_ns();
    if (is_cut(pipe.way)) return std::nullopt;
    if (pipe.broken) return pipe.end_due_ns;
    if (!pipe.chunks.empty()) return pipe.chunks.front().due_ns;
    if (pipe.ended) return pipe.end_due_ns;
    return std::nullopt;
  }

  std::size_t arrive(Pipe& pipe) {
    std::string& bytes = pipe.chunks.front().bytes;
    std::size_t n = std::min(pipe.space.size(), bytes.size());
    if (below(4) == 0) n = 1 + below(n);
    std::memcpy(pipe.space.data(), bytes.data(), n);
    pipe.bytes -= n;
    if (n == bytes.size()) {
      pipe.chunks.pop_front();
    } else {
      bytes.erase(0, n);
    }
    let_writer_go_on(pipe);
    return n;
  }

  void deliver(Pipe& pipe) {
    auto read = std::exchange(pipe.read, nullptr);
    if (pipe.broken) return read(std::unexpected{lost(pipe.way.first)});
    read(pipe.chunks.empty() ? 0 : arrive(pipe));
  }

  void answer(Ring ring);
  /// see(due_ns, Event) for each, in an order that depends on nothing but what happened before.
  template <class See>
  void for_each_event(See&& see) const;
  void happen(const Event& event);

  const Clock& clock_;
  Random& random_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Pipe>> pipes_;
};

class MemoryNetwork::Stream final : public ByteStream {
 public:
  Stream(std::shared_ptr<World> world, std::shared_ptr<World::Process> process, std::shared_ptr<World::Pipe> out,
         std::shared_ptr<World::Pipe> in, std::string peer)
      : world_{std::move(world)},
        process_{std::move(process)},
        out_{std::move(out)},
        in_{std::move(in)},
        peer_{std::move(peer)} {}
  ~Stream() override { world_->close(out_, in_); }

  void open(Opened done) override {
    World::post(process_, [done = std::move(done)]() mutable { done({}); });
  }
  void read(std::span<char> space, Read done) override {
    in_->space = space;
    in_->read = std::move(done);
  }
  std::size_t read_at_once(std::span<char> space) override { return world_->read_at_once(*in_, space); }
  std::size_t write_at_once(std::span<const std::string_view> pieces) override { return world_->write_at_once(*out_, pieces); }
  void write(std::span<const std::string_view> pieces, Written done) override {
    std::string bytes;
    for (const std::string_view piece : pieces) bytes += piece;
    world_->write(*out_, std::move(bytes), std::move(done));
  }
  void end() override { world_->end(*out_); }
  const std::string& peer() const override { return peer_; }

 private:
  const std::shared_ptr<World> world_;
  const std::shared_ptr<World::Process> process_;
  const std::shared_ptr<World::Pipe> out_;
  const std::shared_ptr<World::Pipe> in_;
  const std::string peer_;
};

class MemoryNetwork::HostWire final : public Wire {
 public:
  HostWire(std::shared_ptr<World> world, const std::string& host)
      : world_{std::move(world)}, process_{std::make_shared<World::Process>()} {
    process_->host = host;
    world_->processes_.push_back(process_);
  }
  ~HostWire() override {
    std::erase(world_->processes_, process_);
    process_->tasks.clear();
    process_->timers.clear();
  }

  void post(Task task) override { World::post(process_, std::move(task)); }
  void wait_until(const std::function<bool()>&, std::int64_t) override {}
  void stop() override { process_->stopped = true; }

  std::unique_ptr<Timer> after(std::int64_t ms, Task task) override {
    const std::pair key{world_->now_ns() + ms * 1'000'000, world_->next_id()};
    process_->timers.emplace(key, std::move(task));
    return std::make_unique<MemoryTimer>(process_, key);
  }

  Result<std::unique_ptr<Acceptor>> listen(const NetworkAddress& address, const std::optional<Tls>& tls,
                                           Accepted accepted) override {
    if (tls) return fail(ErrorCode::kInvalidArgument, "a network in memory knows no TLS");
    NetworkAddress bound = address;
    if (!bound.is_unix() && bound.port == 0) bound.port = free_port(bound);
    const std::string name = name_of(bound);
    if (world_->doors_.contains(name)) {
      return fail(ErrorCode::kAlreadyExists, fmt::format("cannot listen at {}: somebody else does", to_string(bound)));
    }
    world_->doors_.emplace(name, World::Door{process_, std::move(accepted)});
    return std::make_unique<MemoryAcceptor>(world_, name, to_string(bound));
  }

  std::unique_ptr<Reaching> reach(const NetworkAddress& address, const std::optional<Tls>& tls,
                                  Reached reached) override {
    if (tls) {
      post([reached = std::move(reached)]() mutable {
        reached(std::unexpected{
            Closed{CloseCause::kNotTrusted, Error{ErrorCode::kInvalidArgument, "a network in memory knows no TLS"}}});
      });
      return nullptr;
    }
    const Direction way{process_->host, host_of(address)};
    const std::uint64_t id = world_->next_id();
    world_->rings_.emplace(id, World::Ring{way, name_of(address), to_string(address), process_, world_->arrival_ns(way),
                                           std::move(reached)});
    return std::make_unique<MemoryReaching>(world_, id);
  }

 private:
  using TimerKey = std::pair<std::int64_t, std::uint64_t>;

  class MemoryTimer final : public Timer {
   public:
    MemoryTimer(std::shared_ptr<World::Process> process, TimerKey key) : process_{std::move(process)}, key_{key} {}
    ~MemoryTimer() override { process_->timers.erase(key_); }

   private:
    const std::shared_ptr<World::Process> process_;
    const TimerKey key_;
  };

  class MemoryAcceptor final : public Acceptor {
   public:
    MemoryAcceptor(std::shared_ptr<World> world, std::string name, std::string address)
        : world_{std::move(world)}, name_{std::move(name)}, address_{std::move(address)} {}
    ~MemoryAcceptor() override { world_->doors_.erase(name_); }
    const std::string& address() const override { return address_; }

   private:
    const std::shared_ptr<World> world_;
    const std::string name_;
    const std::string address_;
  };

  class MemoryReaching final : public Reaching {
   public:
    MemoryReaching(std::shared_ptr<World> world, std::uint64_t id) : world_{std::move(world)}, id_{id} {}
    ~MemoryReaching() override { world_->rings_.erase(id_); }

   private:
    const std::shared_ptr<World> world_;
    const std::uint64_t id_;
  };

  std::string host_of(const NetworkAddress& address) const {
    const bool here = address.is_unix() || address.host == "localhost" || address.host == "0.0.0.0";
    return here ? process_->host : address.host;
  }
  std::string name_of(const NetworkAddress& address) const {
    return address.is_unix() ? fmt::format("{} {}", process_->host, address.path)
                             : fmt::format("{}:{}", host_of(address), address.port);
  }
  std::uint16_t free_port(NetworkAddress address) const {
    address.port = kFirstFreePort;
    while (world_->doors_.contains(name_of(address))) ++address.port;
    return address.port;
  }

  const std::shared_ptr<World> world_;
  const std::shared_ptr<World::Process> process_;
};

std::unique_ptr<ByteStream> MemoryNetwork::World::connect(const std::shared_ptr<Process>& from, Door& to) {
  const auto out = make_pipe(from, to.process);
  const auto in = make_pipe(to.process, from);
  to.accepted(std::make_unique<Stream>(shared_from_this(), to.process, in, out, from->host));
  return std::make_unique<Stream>(shared_from_this(), from, out, in, to.process->host);
}

void MemoryNetwork::World::answer(Ring ring) {
  const auto door = doors_.find(ring.name);
  if (door == doors_.end()) {
    return ring.reached(std::unexpected{
        Closed{CloseCause::kUnreachable,
               Error{ErrorCode::kIo, fmt::format("cannot connect to {}: nobody listens there", ring.text)}}});
  }
  ring.reached(connect(ring.process, door->second));
}

template <class See>
void MemoryNetwork::World::for_each_event(See&& see) const {
  for (std::uint64_t i = 0; i < processes_.size(); ++i) {
    const Process& process = *processes_[i];
    if (process.stopped || frozen_.contains(process.host)) continue;
    if (!process.tasks.empty()) see(now_ns(), Event{Event::Kind::kTask, i});
    if (!process.timers.empty()) see(process.timers.begin()->first.first, Event{Event::Kind::kTimer, i});
  }
  for (const auto& [id, pipe] : pipes_) {
    if (const auto when = due(*pipe)) see(*when, Event{Event::Kind::kBytes, id});
  }
  for (const auto& [id, ring] : rings_) {
    const auto& [from, to] = ring.way;
    const bool passes = !is_cut({from, to}) && !is_cut({to, from}) && !frozen_.contains(from) && !frozen_.contains(to);
    if (passes) see(ring.due_ns, Event{Event::Kind::kRing, id});
  }
}

void MemoryNetwork::World::happen(const Event& event) {
  switch (event.kind) {
    case Event::Kind::kTask: {
      auto& tasks = processes_[event.which]->tasks;
      Wire::Task task = std::move(tasks.front());
      tasks.pop_front();
      return task();
    }
    case Event::Kind::kTimer: {
      auto& timers = processes_[event.which]->timers;
      return timers.extract(timers.begin()).mapped()();
    }
    case Event::Kind::kBytes: {
      const std::shared_ptr<Pipe> pipe = pipes_.at(event.which);
      return deliver(*pipe);
    }
    case Event::Kind::kRing:
      return answer(std::move(rings_.extract(event.which).mapped()));
  }
}

bool MemoryNetwork::World::step() {
  std::vector<Event> events;
  for_each_event([&](std::int64_t due_ns, const Event& event) {
    if (due_ns <= now_ns()) events.push_back(event);
  });
  if (events.empty()) return false;
  happen(events[below(events.size())]);
  return true;
}

std::optional<std::int64_t> MemoryNetwork::World::next_due_ns() const {
  std::optional<std::int64_t> next;
  for_each_event([&](std::int64_t due_ns, const Event&) {
    if (due_ns > now_ns()) next = std::min(next.value_or(due_ns), due_ns);
  });
  return next;
}

MemoryNetwork::MemoryNetwork(const Clock& clock, Random& random) : world_{std::make_shared<World>(clock, random)} {}
MemoryNetwork::~MemoryNetwork() = default;

std::unique_ptr<Transport> MemoryNetwork::join(const std::string& host, const Identity& identity) {
  return std::make_unique<StreamTransport>(std::make_unique<HostWire>(world_, host), identity);
}

bool MemoryNetwork::step() { return world_->step(); }
std::optional<std::int64_t> MemoryNetwork::next_due_ns() const { return world_->next_due_ns(); }

void MemoryNetwork::set_delay(const std::string& from, const std::string& to, std::int64_t most_ns) {
  world_->delays_[{from, to}] = most_ns;
}
void MemoryNetwork::cut(const std::string& from, const std::string& to) { world_->cut_.emplace(from, to); }
void MemoryNetwork::mend(const std::string& from, const std::string& to) { world_->cut_.erase({from, to}); }
void MemoryNetwork::freeze(const std::string& host) { world_->frozen_.insert(host); }
void MemoryNetwork::thaw(const std::string& host) { world_->frozen_.erase(host); }
void MemoryNetwork::reset(const std::string& a, const std::string& b) { world_->reset(a, b); }

}  // namespace tidemark
