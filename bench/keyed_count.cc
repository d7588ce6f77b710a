// What does a record cost that is counted by its key?
//
// One million and twenty million keys, drawn uniformly and by Zipf's law (0.99). The loop by hand counts in a table of open
// addressing made for that many keys, and prefetches 32 records ahead. Both sides have seen each key once before the
// measurement begins, and each is net of its source. The aim: at most twice the loop and 4 ns a record, and 8 ns for the
// exchange; at most 1.5 times the loop's memory and 40 MB. One core.
#include "bench/bare_table.h"
#include "bench/measure.h"
#include "bench/zipf.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;

struct Click {
  std::int64_t user;
  std::int64_t at;
};

// First each key in turn, then as drawn.
struct Clicks {
  std::uint64_t keys;
  std::uint64_t records;
  const std::vector<std::uint32_t>* drawn;  // null: uniformly
  bench::Meter* meter;

  Click operator()(std::uint64_t n) const {
    meter->pass(n);
    std::int64_t user;
    if (n < keys) [[unlikely]] {
      user = static_cast<std::int64_t>(n);
    } else if (drawn != nullptr) {
      user = (*drawn)[n % drawn->size()];
    } else {
      user = bench::uniform(n, keys);
    }
    return {user, static_cast<std::int64_t>(n)};
  }
};

constexpr std::int64_t kEmitEvery = 4096;

struct Count : KeyedProcess<std::int64_t, Click, std::int64_t> {
  ValueState<std::int64_t> clicks_;
  explicit Count(Declare& declare) : clicks_{declare, "clicks"} {}
  void process(const Click&, Context&, Out<std::int64_t>& out) override {
    const std::int64_t clicks = clicks_.get() + 1;
    clicks_.set(clicks);
    if (clicks % kEmitEvery == 0) out.emit(clicks);
  }
};

bench::Figures bare(Clicks clicks, bool count) {
  bench::Meter meter{clicks.keys + clicks.records / 8, clicks.keys + clicks.records - 1};
  clicks.meter = &meter;
  std::optional<bench::BareTable> table;
  if (count) table.emplace(clicks.keys);
  std::int64_t sum = 0;
  bench::in_blocks<Click>(clicks.keys + clicks.records, clicks, [&](const Click* block, std::size_t n) {
    if (!table) {
      for (std::size_t i = 0; i < n; ++i) sum += block[i].user + block[i].at;
      return;
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (i + 32 < n) table->prefetch(block[i + 32].user);
      const std::int64_t seen = ++table->at(block[i].user);
      if (seen % kEmitEvery == 0) sum += seen;
    }
  });
  bench::keep(sum);
  return {meter.ns_a_record()};
}

bench::Figures engine(Clicks clicks, bool count) {
  bench::Meter meter{clicks.keys + clicks.records / 8, clicks.keys + clicks.records - 1};
  clicks.meter = &meter;
  Job job{"bench", bench::kOneThread.size(), bench::kOneThread.data()};
  const auto source = job.from(generate<Click>(clicks.keys + clicks.records, clicks)).uid("clicks");
  if (count) {
    source.key_by(&Click::user).process<Count>().uid("count").to(discard());
  } else {
    source.to(discard());
  }
  job.run_or_throw();
  return {meter.ns_a_record()};
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"count by key", options};
  const std::uint64_t records = options.size(40'000'000, 1'000'000);
  for (const std::uint64_t keys : {options.size(1'000'000, 100'000), options.size(20'000'000, 1'000'000)}) {
    for (const bool zipf : {false, true}) {
      const std::string name = bench::many(keys) + " keys, " + (zipf ? "Zipf 0.99" : "uniform");
      if (!options.wants(name)) continue;
      const std::vector<std::uint32_t> drawn = zipf ? bench::zipf_keys(keys, records / 2) : std::vector<std::uint32_t>{};
      const Clicks clicks{keys, records, zipf ? &drawn : nullptr, nullptr};
      bench::Comparison comparison{
          {[&] { return bare(clicks, false); }}, {[&] { return bare(clicks, true); }}, {[&] { return engine(clicks, false); }}, {[&] { return engine(clicks, true); }}};
      comparison.run(options.rounds(keys > 1'000'000 ? 3 : 5));
      report.print(comparison.row(name, bench::kExchangeNs));
    }
  }
}
