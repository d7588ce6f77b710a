// What does it cost to send records from a task of one worker to a task of another, over 127.0.0.1?
//
// Batches are written, checksummed, sent, read and given back, with the threads that two workers have; the loop by hand is two Asio loops that
// move buffers of the same size and look at nothing. CPU of all threads of both sides counts. The aim: 70 % of the loop's rate for a
// core, so CPU of at most its 1 / 0.7. Records of 32 bytes, and of 104 with a text of 56 in them.
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/event_count.h"
#include "bench/exchange_records.h"
#include "bench/measure.h"
#include "channel/data_exchange.h"
#include "env/allocator.h"
#include "env/asio_transport.h"
#include "tidemark/detail/channel/edge.h"

namespace {

using namespace tidemark;
using detail::Element;
using detail::TypedBatch;

using bench::kTextBytes;
using bench::Plain;
using bench::WithText;
constexpr double kRateOfBare = 0.7;

template <class T>
TypedBatch<T>& full_batch() {
  static TypedBatch<T> batch;
  const std::string text(kTextBytes, 'x');
  for (std::int64_t n = batch.size(); n < detail::Batch::kCapacity; ++n) {
    if constexpr (std::is_same_v<T, Plain>) {
      batch.append({n, n, 1, n}, n);
    } else {
      batch.append({n, n, n, 1, text}, n);
    }
    batch.hashes()[n] = bench::mix(static_cast<std::uint64_t>(n));
  }
  batch.set_has_hashes(true);
  return batch;
}

template <class T>
std::size_t frame_bytes() {
  detail::ByteWriter out;
  detail::batch_codec<T>()->encode(full_batch<T>(), 0, std::size_t{1} << 30, out);
  return out.size();
}

double ns_a_kb(double cpu_s, std::uint64_t frames, std::size_t bytes) { return cpu_s * 1e12 / static_cast<double>(frames * bytes); }

/// A thread that steps something until it is told to stop, asleep while there is nothing to do.
class Stepper final : public detail::Wakeable {
 public:
  explicit Stepper(std::function<bool()> step) : step_{std::move(step)} {}
  void wake() noexcept override { event_.wake(); }
  EventCount& event() { return event_; }
  void start() {
    thread_ = std::jthread{[this] {
      while (!is_over_) {
        if (!step_()) event_.park([this] { return is_over_ || step_(); });
      }
    }};
  }
  void stop() {
    is_over_ = true;
    wake();
    thread_.join();
  }

 private:
  std::function<bool()> step_;
  EventCount event_;
  std::atomic<bool> is_over_ = false;
  std::jthread thread_;
};

struct Worker final : CheckpointFolders {
  explicit Worker(std::uint32_t number)
      : exchange{1, "secret", number, 2, stepper.event(), *this, {.on_broken = [](std::uint32_t, const Error& e) { bench::give_up(e.message()); }, .on_note = {}}} {}
  std::string folder_of(CheckpointId) override { return {}; }
  void set_folder(CheckpointId, std::string) override {}

  Stepper stepper{[this] { return exchange.step() == Progress::kMadeProgress; }};
  DataExchange exchange;
  std::unique_ptr<Transport> transport = make_asio_transport({.name = "worker", .library = "bench"});
};

template <class T>
bench::Figures engine(std::uint64_t frames) {
  TypedBatch<T>& batch = full_batch<T>();
  const detail::BatchCodec& codec = *detail::batch_codec<T>();
  Worker from{0};
  Worker to{1};
  std::atomic<bool> is_done = false;
  std::uint64_t sent = 0;
  std::uint64_t records = 0;
  detail::SendingEnd* sending = nullptr;
  detail::ReceivingEnd* receiving = nullptr;
  Stepper producer{[&] {
    const std::uint64_t before = sent;
    while (sent < frames && sending->try_push(Element::of_batch(&batch))) {
      sending->take_back();
      ++sent;
    }
    return sent != before;
  }};
  Stepper consumer{[&] {
    Element element;
    bool any = false;
    while (receiving->try_pop(element)) {
      any = true;
      records += element.batch->size();
      receiving->give_back(element.batch);
    }
    if (records == frames * batch.size() && !is_done.exchange(true)) is_done.notify_one();
    return any;
  }};
  sending = &from.exchange.send_to(1, 0, codec, producer, detail::Edge::kCapacity);
  receiving = &to.exchange.receive_from(0, 0, codec, consumer, detail::Edge::kCapacity);
  const auto listener = value_or_throw(to.transport->listen("127.0.0.1:0", {}, to.exchange.mailbox(), {.on_connection = [&](std::unique_ptr<Connection> c) {
                                                                                                         to.exchange.accept(std::move(c));
                                                                                                       }}));
  const auto dial = from.transport->connect(listener->address(), {}, from.exchange.mailbox(), [&](auto c) {
    if (!c) bench::give_up(c.error().error.message());
    from.exchange.connect(1, std::move(*c));
  });
  const double begin = bench::process_cpu_s();
  for (Stepper* each : {&from.stepper, &to.stepper, &producer, &consumer}) each->start();
  is_done.wait(false);
  const double cpu_s = bench::process_cpu_s() - begin;
  for (Stepper* each : {&producer, &consumer, &from.stepper, &to.stepper}) each->stop();
  from.exchange.close();
  to.exchange.close();
  return {ns_a_kb(cpu_s, frames, frame_bytes<T>())};
}

bench::Figures bare(std::uint64_t frames, std::size_t bytes) {
  using asio::ip::tcp;
  asio::io_context here;
  asio::io_context there;
  tcp::acceptor acceptor{there, {asio::ip::address_v4::loopback(), 0}};
  tcp::socket from{here};
  from.connect(acceptor.local_endpoint());
  tcp::socket to = acceptor.accept();
  for (tcp::socket* socket : {&from, &to}) socket->set_option(tcp::no_delay{true});
  const std::string out(bytes, 'x');
  std::string in(bytes, ' ');
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::function<void()> send = [&] {
    asio::async_write(from, asio::buffer(out), [&](const std::error_code& error, std::size_t) {
      if (error) bench::give_up(error.message());
      if (++sent < frames) send();
    });
  };
  std::function<void()> receive = [&] {
    asio::async_read(to, asio::buffer(in), [&](const std::error_code& error, std::size_t) {
      if (error) bench::give_up(error.message());
      if (++received < frames) receive();
    });
  };
  const double begin = bench::process_cpu_s();
  send();
  receive();
  {
    const std::jthread sender{[&] { here.run(); }};
    there.run();
  }
  return {ns_a_kb(bench::process_cpu_s() - begin, frames, bytes)};
}

template <class T>
void compare(bench::Report& report, const bench::Options& options, const std::string& name) {
  if (!options.wants(name)) return;
  const std::uint64_t frames = options.size(100'000, 2'000);
  const std::size_t bytes = frame_bytes<T>();
  bench::Candidate by_hand{[&] { return bare(frames, bytes); }};
  bench::Candidate exchange{[&] { return engine<T>(frames); }};
  bench::alternate({&by_hand, &exchange}, options.rounds(5), bench::Cores::kAll);
  bench::Row row{.name = name, .unit = "ns of CPU a KB", .bare = by_hand.main(), .engine = exchange.main(), .aim = by_hand.main() / kRateOfBare};
  row.add_process(by_hand, exchange);
  row.more = {{"rate for a core, of the loop's", by_hand.main() / exchange.main()}};
  report.print(row);
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  keep_freed_memory();  // as a worker does
  bench::Report report{"exchange_network", options};
  compare<Plain>(report, options, "32 bytes");
  compare<WithText>(report, options, "104 bytes with text");
}
