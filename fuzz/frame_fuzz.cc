// What comes over the network: any bytes are frames or a named end, the same however they are cut; frames that were sent
// arrive as they were, and a connection that hears nonsense ends once, for a cause.
#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mailbox.h"
#include "env/frame.h"
#include "env/greeting.h"
#include "env/stream_connection.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark::fuzz {
namespace {

constexpr std::size_t kLargestFrame = 1u << 16;

struct Outcome {
  std::vector<Frame> frames;
  std::optional<CloseCause> broken;
  bool operator==(const Outcome&) const = default;
};

Outcome read_frames(std::string_view bytes, std::size_t piece) {
  Outcome outcome;
  FrameReader reader{kLargestFrame};
  while (true) {
    auto frame = reader.next();
    if (!frame) {
      outcome.broken = frame.error().cause;
      return outcome;
    }
    if (*frame) {
      outcome.frames.push_back(std::move(**frame));
      continue;
    }
    if (bytes.empty()) return outcome;
    const std::span<char> space = reader.space();
    TIDEMARK_CHECK(!space.empty(), "there is room for what is missing");
    const std::size_t n = std::min({piece, bytes.size(), space.size()});
    std::memcpy(space.data(), bytes.data(), n);
    reader.filled(n);
    bytes.remove_prefix(n);
  }
}

std::string bytes_of(const Frame& frame, std::uint64_t number) {
  const FrameHeader header = frame_header(frame.kind, frame.payload.size(), detail::hash_bytes(frame.payload), number);
  return std::string{header.data(), header.size()} + frame.payload;
}

void check_reader(std::string_view bytes) {
  const Outcome whole = read_frames(bytes, bytes.size() + 1);
  for (const std::size_t piece : {1u, 16u, 1000u}) {
    TIDEMARK_CHECK(read_frames(bytes, piece) == whole, "cuts change nothing");
  }
}

void check_round_trip(Input& in) {
  std::vector<Frame> frames;
  std::string bytes;
  for (std::size_t left = in.below(5); left > 0; --left) {
    frames.push_back({.kind = in.number<std::uint8_t>(), .payload = std::string{in.text()}});
    bytes += bytes_of(frames.back(), frames.size() - 1);
  }
  TIDEMARK_CHECK(read_frames(bytes, 7) == (Outcome{.frames = frames, .broken = {}}), "frames arrive as they were");
}

void check_greeting(std::string_view bytes) {
  static_cast<void>(decode_refusal(bytes));
  const auto greeting = decode_greeting(bytes);
  if (!greeting) return;
  const std::string once = encode_greeting(*greeting);
  const auto again = decode_greeting(once);
  TIDEMARK_CHECK(again && encode_greeting(*again) == once, "a greeting reads back as it was written");
}

/// A wire on which one stream says what it was given, and takes everything.
class FedWire final : public Wire {
 public:
  explicit FedWire(std::string bytes) : bytes_{std::move(bytes)} {}

  class Stream final : public ByteStream {
   public:
    explicit Stream(FedWire& wire) : wire_{wire} {}
    void open(Opened done) override {
      wire_.post([done = std::move(done)]() mutable { done({}); });
    }
    void read(std::span<char> space, Read done) override {
      wire_.post([this, space, alive = std::weak_ptr{alive_}, done = std::move(done)]() mutable {
        if (!alive.expired()) done(wire_.take(space));
      });
    }
    void write(std::span<const std::string_view>, Written done) override {
      wire_.post([alive = std::weak_ptr{alive_}, done = std::move(done)]() mutable {
        if (!alive.expired()) done({});
      });
    }
    void end() override {}
    const std::string& peer() const override { return peer_; }

   private:
    FedWire& wire_;
    const std::string peer_ = "fuzzer";
    const std::shared_ptr<int> alive_ = std::make_shared<int>();
  };

  void post(Task task) override { tasks_.push_back(std::move(task)); }
  void wait_until(const std::function<bool()>&, std::int64_t) override {}
  void stop() override { tasks_.clear(); }
  std::unique_ptr<Timer> after(std::int64_t, Task) override { return std::make_unique<Timer>(); }
  Result<std::unique_ptr<Acceptor>> listen(const NetworkAddress&, const std::optional<Tls>&, Accepted) override {
    return fail(ErrorCode::kInternal, "nobody listens");
  }
  std::unique_ptr<Reaching> reach(const NetworkAddress&, const std::optional<Tls>&, Reached) override { return nullptr; }

  bool run_one() {
    if (tasks_.empty()) return false;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
    return true;
  }

 private:
  std::size_t take(std::span<char> space) {
    const std::size_t n = std::min(space.size(), bytes_.size());
    std::memcpy(space.data(), bytes_.data(), n);
    bytes_.erase(0, n);
    return n;
  }

  std::string bytes_;
  std::deque<Task> tasks_;
};

/// Frames with right checks, of any kind and content, and whatever is left behind them.
std::string any_speech(Input& in) {
  std::string bytes;
  std::uint64_t number = 0;
  if (in.flag()) {
    const Greeting greeting{.identity = {.name = std::string{in.text()}, .library = "0.1.0", .protocol = 1 + in.number<std::uint8_t>() % 3u},
                            .largest_frame = in.number<std::uint32_t>(),
                            .sign_of_life_ms = in.number<std::uint32_t>()};
    bytes += bytes_of({.kind = static_cast<std::uint8_t>(TransportFrame::kGreeting), .payload = encode_greeting(greeting)}, number++);
  }
  for (std::size_t left = in.below(6); left > 0; --left) {
    bytes += bytes_of({.kind = in.number<std::uint8_t>(), .payload = std::string{in.text()}}, number++);
  }
  return bytes + std::string{in.rest()};
}

void check_connection(Input& in, StreamConnection::Side side) {
  FedWire wire{any_speech(in)};
  const auto users = std::make_shared<WireUsers>(wire);
  Mailbox owner;
  std::unique_ptr<Connection> connection;
  int greeted = 0;
  int closed = 0;
  bool refused = false;
  StreamConnection::begin(users, std::make_unique<FedWire::Stream>(wire), side, {.largest_frame = kLargestFrame}, {.name = "fuzzed", .library = "0.1.0"},
                          nullptr, [&](std::expected<std::shared_ptr<StreamConnection>, Closed> result) {
                            ++greeted;
                            refused = !result.has_value();
                            if (result) connection = StreamConnection::handle(std::move(*result));
                          });
  bool started = false;
  while (wire.run_one() || owner.run_all()) {
    if (connection == nullptr || std::exchange(started, true)) continue;
    connection->start(owner, {.on_frame = [&](Frame frame) { TIDEMARK_CHECK(closed == 0 && frame.kind <= Frame::kLastKind, "only an owner's frames, before the end"); },
                              .on_writable = nullptr,
                              .on_closed = [&](const Closed& how) {
                                ++closed;
                                TIDEMARK_CHECK(!how.error.message().empty(), "an end says why");
                              }});
  }
  TIDEMARK_CHECK(greeted == 1, "a greeting comes to one end");
  TIDEMARK_CHECK(refused || closed == 1, "a connection has one end");
  connection.reset();
  users->end();
}

void check(std::string_view input) {
  check_reader(input);
  check_greeting(input);
  Input in{input};
  check_round_trip(in);
  for (const auto side : {StreamConnection::Side::kAccepts, StreamConnection::Side::kConnects}) {
    Input speech{input};
    check_connection(speech, side);
  }
}

const Registration kTarget{"frame", check};

}  // namespace
}  // namespace tidemark::fuzz
