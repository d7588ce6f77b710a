// What does it cost to send a record from one task to another by its key?
//
// A source, key_by, and a function that sums up what arrives; the loop by hand sums up in place. Records of 32 bytes, and of 104
// with a text of 56 in them. On one core, and with a core for each task: then CPU of both counts. Each side is net of its
// source. The aim: at most twice the loop and 4 ns, 8 ns of CPU for the exchange, and for the text what copying it once costs.
#include "bench/exchange_records.h"
#include "bench/measure.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;

using bench::kTextBytes;
using bench::Plain;
using bench::WithText;

// Where the texts lie that the source gives out: small enough for the cache.
const std::string kLetters(1 << 16, 'x');
// Inline, or a record is put together from parts in memory, at 10 ns, on the bare side alone.
[[gnu::always_inline]] inline std::string_view text_of(std::uint64_t n) { return {kLetters.data() + (n * kTextBytes & 0x7fff), kTextBytes}; }

template <class T>
T make(std::uint64_t n) {
  const auto number = static_cast<std::int64_t>(n);
  const auto key = static_cast<std::int64_t>(bench::mix(n) & 0xfffff);
  if constexpr (std::is_same_v<T, Plain>) {
    return {key, number, 1, number};
  } else {
    return {key, number, number, 1, text_of(n)};
  }
}

std::int64_t weigh(const Plain& record) { return record.key + record.a + record.b + record.at; }
std::int64_t weigh(const WithText& record) { return record.key + record.a + record.at + record.text.back(); }

template <class T>
struct Sum : KeyedProcess<std::int64_t, T, std::int64_t> {
  bench::Meter* meter;
  std::uint64_t arrived = 0;
  std::int64_t sum = 0;
  Sum(Declare&, bench::Meter* of_this_task) : meter{of_this_task} {}
  void process(const T& record, typename Sum::Context&, Out<std::int64_t>&) override {
    meter->pass(arrived++);
    sum += weigh(record);
  }
};

template <class T>
bench::Figures bare(std::uint64_t records) {
  bench::Meter meter{records / 8, records - 1};
  std::int64_t sum = 0;
  bench::in_blocks<T>(
      records, [&](std::uint64_t n) { return meter.pass(n), make<T>(n); },
      [&](const T* block, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) sum += weigh(block[i]);
      });
  bench::keep(sum);
  return {meter.ns_a_record()};
}

template <class T>
bench::Figures bare_source(std::uint64_t records) {
  bench::Meter meter{records / 8, records - 1};
  bench::in_blocks<T>(
      records, [&](std::uint64_t n) { return meter.pass(n), make<T>(n); }, [](const T* block, std::size_t) { bench::keep(block); });
  return {meter.ns_a_record()};
}

// `more`: CPU of the producing and of the consuming task, where each has a thread of its own.
template <class T>
bench::Figures engine(std::uint64_t records, bool send, bench::Cores cores) {
  const std::uint64_t first = records / 8;
  bench::Meter both{first, records - 1};
  bench::Meter producer{first, records - 1, bench::thread_cpu_s};
  bench::Meter consumer{first, records - 1, bench::thread_cpu_s};
  const std::array<const char*, 3> two_threads{"bench", "-D", "worker.threads=2"};
  Job job{"bench", 3, cores == bench::Cores::kOne ? bench::kOneThread.data() : two_threads.data()};
  const auto source = job.from(generate<T>(records, [&](std::uint64_t n) {
    both.pass(n);
    producer.pass(n);
    return make<T>(n);
  })).uid("records");
  if (send) {
    source.key_by(&T::key).template process<Sum<T>>(&consumer).uid("sum").to(discard());
  } else {
    source.to(discard());
  }
  job.run_or_throw();
  return {both.ns_a_record(), {producer.ns_a_record(), consumer.ns_a_record()}};
}

// Copying a text once into memory that is written from front to back.
double copy_ns(std::uint64_t records) {
  std::vector<char> to(1 << 16);
  const double begin = bench::thread_cpu_s();
  for (std::uint64_t n = 0; n < records; ++n) {
    const std::string_view text = text_of(n);
    std::memcpy(to.data() + (n * kTextBytes & 0x7fff), text.data(), text.size());
    bench::keep(to);
  }
  return (bench::thread_cpu_s() - begin) * 1e9 / static_cast<double>(records);
}

template <class T>
void compare(bench::Report& report, const bench::Options& options, const std::string& what, double copy) {
  const std::uint64_t records = options.size(40'000'000, 1'000'000);
  for (const bench::Cores cores : {bench::Cores::kOne, bench::Cores::kAll}) {
    const bool one = cores == bench::Cores::kOne;
    const std::string name = what + (one ? ", one core" : ", a core for each task");
    if (!options.wants(name)) continue;
    bench::Comparison comparison{{[&] { return bare_source<T>(records); }},
                                 {[&] { return bare<T>(records); }},
                                 {[&] { return engine<T>(records, false, cores); }},
                                 {[&] { return engine<T>(records, true, cores); }}};
    comparison.run(options.rounds(5), cores);
    bench::Row row = comparison.row(name, bench::kExchangeNs + copy);
    if (copy > 0) row.more.emplace_back("copying the text", copy);
    if (!one) {
      row.more.emplace_back("producer with its source", comparison.engine.more(0));
      row.more.emplace_back("consumer", comparison.engine.more(1));
    }
    report.print(row);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"exchange", options};
  compare<Plain>(report, options, "32 bytes", 0);
  compare<WithText>(report, options, "104 bytes with text", copy_ns(20'000'000));
}
