// What do Nexmark's queries cost, and how far from a loop by hand is that?
//
// All sixteen queries of examples/nexmark, each beside its loop of bench/bare, on the same events with the same texts, those
// that the query reads. Three tables. Net: CPU of the run less that of the same sources into nothing, an event; rows become
// nexmark::LightRow's number, as their text costs more than most queries. Whole: the time of the run, the source and the rows'
// digest included. Both in one thread on one core. Scaling: the engine's whole run at parallelism 1, and 2 on two cores. Aims:
// twice the loop, 4 ns, and 8 ns for each exchange that an event goes through; 0.35 of the loop's rate, and 0.6 in geometric
// mean; 1.5 times the loop's memory and 40 MB; 1.8 times as fast.
//
//   bench_nexmark --query q5 --emit 2s      one query; the engine gives its tables as changes, each two seconds
//
// Whatever is measured must have made the right table: each run's rows and sum are compared, and those of the first million
// events with what other programs have found.
#include <cmath>

#include "bench/bare/queries.h"
#include "bench/measure.h"
#include "nexmark/queries.h"

namespace {

using namespace tidemark;
using namespace std::chrono_literals;
using nexmark::Texts;

struct Case {
  const char* name;
  std::int64_t known_rows;  // of kKnownEvents of seed 1
  std::uint64_t known_digest;
  int exchanges;  // on an event's longest way at parallelism 1: a job's --plan shows them
  bool bids = true;
  Texts of_bids = Texts::kNone;
  bool auctions = false;
  bool persons = false;
};
constexpr std::uint64_t kKnownEvents = 1'000'000;

// The two inputs of a join are one exchange: an event goes through one of them.
constexpr Case kCases[] = {
    {"q0", 920000, 0x3a9f3a4aa2fa5a3c, 0, true, Texts::kExtra},
    {"q1", 920000, 0xac39cc3fc4d4f0ea, 0, true, Texts::kExtra},
    {"q2", 6931, 0x8139c69987d28889, 0},
    {"q3", 5886, 0x591310829c2bda59, 1, false, Texts::kNone, true, true},
    {"q4", 5, 0x757b2fd873d124ab, 3, true, Texts::kNone, true},
    {"q5", 9, 0xa244a4daddd47b4e, 2},
    {"q7", 144, 0x783b9d6d19caf510, 1},
    {"q8", 10445, 0xaaa5e48309464c47, 1, false, Texts::kNone, true, true},
    {"q9", 57695, 0x1cd7a5113254ddae, 2, true, Texts::kNone, true},
    {"q11", 19928, 0x419b4bc1c3570acc, 1},
    {"q15", 1, 0x2bafc7d0218d5cc6, 1},
    {"q16", 10004, 0x79f1decb0d782fac, 1, true, Texts::kChannel},
    {"q17", 59967, 0x2ef93807975b94c8, 1},
    {"q18", 291795, 0x1981bef6079ff427, 1},
    {"q19", 440713, 0xce1f4c87139f4640, 1},
    {"q20", 193865, 0xc65594d9eea2fa9e, 1, true, Texts::kNone, true},
};

struct Arguments {
  bench::Options options;
  std::string query;  // all if empty
  Emit emit = at_end();

  static Arguments parse(int argc, char** argv) {
    Arguments arguments;
    std::vector<char*> others{argv, argv + argc};
    const auto take = [&others](const std::string& name) -> std::optional<std::string> {
      const auto found = std::find_if(others.begin(), others.end(), [&](const char* arg) { return arg == name; });
      if (found == others.end() || found + 1 == others.end()) return std::nullopt;
      std::string value = found[1];
      others.erase(found, found + 2);
      return value;
    };
    arguments.query = take("--query").value_or("");
    const std::string emit = take("--emit").value_or("final");
    if (emit != "final" && emit != "2s") bench::give_up("--emit is final or 2s");
    if (emit == "2s") arguments.emit = every(2s);
    arguments.options = bench::Options::parse(static_cast<int>(others.size()), others.data());
    return arguments;
  }
  bool wants(const Case& each) const { return query.empty() ? options.wants(each.name) : query == each.name; }
};

using Clock = double (*)();

/// `more` carries the table. A sum is too long for a double, so it goes in two halves.
bench::Figures figures(double seconds, std::uint64_t events, std::int64_t rows, std::uint64_t sum) {
  bench::Figures figures{seconds * 1e9 / static_cast<double>(events)};
  figures.more = {static_cast<double>(rows), static_cast<double>(sum >> 32), static_cast<double>(sum & 0xffffffff)};
  return figures;
}
bool has_table(const bench::Figures& made, std::int64_t rows, std::uint64_t sum) {
  return made.more == figures(0, 1, rows, sum).more;
}

bench::bare::Input input(std::uint64_t events) { return {nexmark::Generator{{}}, events}; }

bench::Figures bare(const Case& query, std::uint64_t events, nexmark::RowSum sum, Clock clock) {
  const bench::bare::Query& loop = *bench::bare::find_query(query.name);
  const double begin = clock();
  const bench::bare::Table table = (sum == nexmark::RowSum::kDigest ? loop.digest : loop.light)(input(events));
  return figures(clock() - begin, events, table.rows, table.sum);
}

bench::Figures bare_source(const Case& query, std::uint64_t events) {
  const double begin = bench::process_cpu_s();
  bench::bare::find_query(query.name)->source(input(events));
  return figures(bench::process_cpu_s() - begin, events, 0, 0);
}

constexpr int kArguments = 5;
using JobArguments = std::array<const char*, kArguments>;
constexpr JobArguments kOneThread{"bench", "--parallelism", "1", "-D", "worker.threads=1"};
constexpr JobArguments kTwoThreads{"bench", "--parallelism", "2", "-D", "worker.threads=2"};

bench::Figures engine(const Case& query, std::uint64_t events, nexmark::RowSum sum, Clock clock, const Emit& emit,
                      const JobArguments& arguments) {
  nexmark::row_sum = sum;
  Job job{"bench", kArguments, arguments.data()};
  const auto parts = collect<nexmark::DigestPart>();
  const nexmark::Setting setting{job, nexmark::Generator{{}}, events, false, emit};
  nexmark::total(nexmark::find_query(query.name)(setting)).to(parts).uid("parts");
  const double begin = clock();
  job.run_or_throw();
  const double seconds = clock() - begin;
  nexmark::DigestPart table;
  for (const nexmark::DigestPart& part : parts.get()) {
    table.rows += part.rows;
    table.sum += part.sum;
  }
  return figures(seconds, events, table.rows, table.sum);
}

bench::Figures engine_source(const Case& query, std::uint64_t events) {
  Job job{"bench", kArguments, kOneThread.data()};
  const nexmark::Setting setting{job, nexmark::Generator{{}}, events};
  if (query.bids && query.of_bids == Texts::kNone) setting.bids().to(discard());
  if (query.bids && query.of_bids != Texts::kNone) setting.bids_with(query.of_bids).to(discard());
  if (query.auctions) setting.auctions().to(discard());
  if (query.persons) setting.persons().to(discard());
  const double begin = bench::process_cpu_s();
  job.run_or_throw();
  return figures(bench::process_cpu_s() - begin, events, 0, 0);
}

std::string text_of(const bench::Figures& figures) {
  const auto half = [&](std::size_t i) { return static_cast<unsigned>(figures.more[i]); };
  char text[64];
  std::snprintf(text, sizeof text, "%.0f rows with the sum %08x%08x", figures.more[0], half(1), half(2));
  return text;
}

/// Ends the program if two runs differ.
void require_equal_tables(const Case& query, const std::vector<const bench::Candidate*>& candidates) {
  const bench::Figures& expected = candidates.front()->rounds.front();
  for (const bench::Candidate* candidate : candidates) {
    for (const bench::Figures& run : candidate->rounds) {
      if (run.more == expected.more) continue;
      bench::give_up(std::string{query.name} + ": one run has made " + text_of(expected) + ", another " + text_of(run));
    }
  }
}

/// Ends the program if one of the two sides doesn't make the known table.
void require_known_table(const Case& query, const Emit& emit) {
  const auto require = [&](const char* side, const std::function<bench::Figures()>& run) {
    const bench::Figures made = bench::in_process(run, bench::Cores::kOne);
    if (!has_table(made, query.known_rows, query.known_digest)) {
      bench::give_up(std::string{query.name} + ": of a million events " + side + " has made " + text_of(made) +
                     ", which is not the known table");
    }
  };
  require("the loop", [&] { return bare(query, kKnownEvents, nexmark::RowSum::kDigest, bench::wall_s); });
  require("the engine", [&] { return engine(query, kKnownEvents, nexmark::RowSum::kDigest, bench::wall_s, emit, kOneThread); });
}

/// Of the rows that are printed, for the last one.
class Means {
 public:
  void add(const bench::Row& row) {
    // Less is the noise of a difference, and its ratio would say nothing.
    bare_ += std::log(std::max(row.bare.value_or(0), kLeast));
    engine_ += std::log(std::max(row.engine, kLeast));
    worst_ = std::max(worst_, row.engine / std::max(*row.bare, kLeast));
    ++rows_;
  }
  bench::Row row() const {
    bench::Row row;
    row.name = "geometric mean";
    row.unit = "ns an event";
    row.bare = std::exp(bare_ / rows_);
    row.engine = std::exp(engine_ / rows_);
    return row;
  }
  double worst_ratio() const { return worst_; }

 private:
  static constexpr double kLeast = 0.5;
  double bare_ = 0, engine_ = 0, worst_ = 0;
  int rows_ = 0;
};

class Net {
 public:
  Net(const Arguments& arguments, std::uint64_t events) : arguments_{arguments}, events_{events} {}

  void measure(const Case& query) {
    constexpr auto kSum = nexmark::RowSum::kLight;
    constexpr Clock kCpu = bench::process_cpu_s;
    bench::Comparison comparison{{[&] { return bare_source(query, events_); }},
                                 {[&] { return bare(query, events_, kSum, kCpu); }},
                                 {[&] { return engine_source(query, events_); }},
                                 {[&] { return engine(query, events_, kSum, kCpu, arguments_.emit, kOneThread); }}};
    comparison.run(arguments_.options.rounds(5));
    require_equal_tables(query, {&comparison.bare, &comparison.engine});
    bench::Row row = comparison.row(query.name, query.exchanges * bench::kExchangeNs);
    row.unit = "ns an event";
    if (query.exchanges > 0) row.more.emplace_back("exchanges", query.exchanges);
    report_.print(row);
    means_.add(row);
  }
  void finish() { report_.print(means_.row()); }

 private:
  const Arguments& arguments_;
  std::uint64_t events_;
  bench::Report report_{"nexmark, net", arguments_.options};
  Means means_;
};

class Whole {
 public:
  Whole(const Arguments& arguments, std::uint64_t events) : arguments_{arguments}, events_{events} {}

  void measure(const Case& query) {
    constexpr auto kSum = nexmark::RowSum::kDigest;
    bench::Candidate loop{[&] { return bare(query, events_, kSum, bench::wall_s); }};
    bench::Candidate one{[&] { return engine(query, events_, kSum, bench::wall_s, arguments_.emit, kOneThread); }};
    bench::Candidate two{[&] { return engine(query, events_, kSum, bench::wall_s, arguments_.emit, kTwoThreads); }};
    for (int round = 0; round < arguments_.options.rounds(5); ++round) {
      bench::alternate({&loop, &one}, 1, bench::Cores::kOne);
      bench::alternate({&two}, 1, bench::Cores::kAll);
    }
    require_equal_tables(query, {&loop, &one, &two});
    print(query, loop, one);
    scaling_.push_back(scaling_row(query, one, two));
  }
  void finish() {
    bench::Row mean = means_.row();
    mean.aim = *mean.bare / kMeanRate;
    mean.more = {{"rate", *mean.bare / mean.engine}, {"lowest rate", 1 / means_.worst_ratio()}};
    report_.print(mean);
    print_scaling();
  }

 private:
  static constexpr double kLowestRate = 0.35, kMeanRate = 0.6;  // of the loop's
  static constexpr double kSpeedup = 1.8;

  void print(const Case& query, const bench::Candidate& loop, const bench::Candidate& one) {
    bench::Row row{.name = query.name, .unit = "ns an event", .bare = loop.main(), .engine = one.main()};
    row.aim = loop.main() / kLowestRate;
    row.add_process(loop, one);
    row.more = {{"rate", loop.main() / one.main()},
                {"M events/s, bare", 1e3 / loop.main()},
                {"M events/s, engine", 1e3 / one.main()}};
    report_.print(row);
    means_.add(row);
  }
  static bench::Row scaling_row(const Case& query, const bench::Candidate& one, const bench::Candidate& two) {
    bench::Row row{.name = query.name, .unit = "ns an event", .bare = one.main(), .engine = two.main()};
    row.aim = one.main() / kSpeedup;
    row.add_process(one, two);
    row.more = {{"speedup", one.main() / two.main()}};
    return row;
  }
  void print_scaling() {
    if (!arguments_.options.json) std::printf("\n");
    bench::Report report{"nexmark, parallelism 1 (bare) and 2", arguments_.options};
    Means means;
    for (const bench::Row& row : scaling_) {
      report.print(row);
      means.add(row);
    }
    bench::Row mean = means.row();
    mean.aim = *mean.bare / kSpeedup;
    mean.more = {{"speedup", *mean.bare / mean.engine}};
    report.print(mean);
  }

  const Arguments& arguments_;
  std::uint64_t events_;
  bench::Report report_{"nexmark, whole", arguments_.options};
  Means means_;
  std::vector<bench::Row> scaling_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = Arguments::parse(argc, argv);
  const std::uint64_t events = arguments.options.size(10'000'000, kKnownEvents);
  std::vector<Case> queries;
  for (const Case& query : kCases) {
    if (arguments.wants(query)) queries.push_back(query);
  }
  if (queries.empty()) bench::give_up("there is no query '" + arguments.query + "'");

  for (const Case& query : queries) require_known_table(query, arguments.emit);
  Net net{arguments, events};
  for (const Case& query : queries) net.measure(query);
  net.finish();
  if (!arguments.options.json) std::printf("\n");
  Whole whole{arguments, events};
  for (const Case& query : queries) whole.measure(query);
  whole.finish();
}
