// What does a hot key cost, and what does a second stage take off?
//
// Clicks counted by user in windows of 10 s, in two subtasks with a core each. Users are drawn by Zipf's law with exponent 1.2,
// where one has a fifth of all clicks, and uniformly out of many, where a second stage is in vain. Bare is the window in one
// stage, engine the same in two: the time of the whole run, by the wall. There is no aim; the ratio says what it is worth.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "bench/measure.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
using namespace std::chrono_literals;

struct Click {
  std::int64_t user;
  std::int64_t at;
};

// By inversion over the cumulated weights: bench/zipf.h is for exponents below 1.
std::vector<std::uint32_t> zipf(std::uint64_t users, double exponent, std::size_t draws) {
  std::vector<double> until(users);
  double sum = 0;
  for (std::uint64_t rank = 0; rank < users; ++rank) until[rank] = sum += std::pow(static_cast<double>(rank + 1), -exponent);
  std::vector<std::uint32_t> drawn(draws);
  for (std::size_t i = 0; i < draws; ++i) {
    const double u = static_cast<double>(bench::mix(i) >> 11) * 0x1p-53 * sum;
    const auto rank = static_cast<std::uint64_t>(std::lower_bound(until.begin(), until.end(), u) - until.begin());
    drawn[i] = static_cast<std::uint32_t>(std::min(rank, users - 1) * 7'919'999 % users);
  }
  return drawn;
}

bench::Figures run(const std::vector<std::uint32_t>& users, std::uint64_t records, bool two_stage) {
  const char* const arguments[] = {"bench", "--parallelism", "2", "-D", "worker.threads=2"};
  Job job{"bench", std::size(arguments), arguments};
  const auto click = [&users](std::uint64_t n) { return Click{users[n % users.size()], static_cast<std::int64_t>(n / 100)}; };
  const auto clicks = job.from(generate<Click>(records, click).event_time(&Click::at)).uid("clicks");
  const auto windows = clicks.key_by(&Click::user).window(tumbling(10s));
  if (two_stage) {
    windows.two_stage().aggregate(count()).uid("count").to(discard());
  } else {
    windows.aggregate(count()).uid("count").to(discard());
  }
  const double begin = bench::wall_s();
  job.run_or_throw();
  return {(bench::wall_s() - begin) * 1e9 / static_cast<double>(records)};
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"window in two stages", options};
  const std::uint64_t records = options.size(40'000'000, 1'000'000);
  const std::pair<const char*, double> draws[] = {{"Zipf 1.2", 1.2}, {"uniform", 0}};
  for (const auto& [name, exponent] : draws) {
    const std::uint64_t users = options.size(1'000'000, 100'000);
    const std::string row_name = bench::many(users) + " users, " + name;
    if (!options.wants(row_name)) continue;
    const std::vector<std::uint32_t> drawn = zipf(users, exponent, records / 4);
    bench::Candidate one{[&] { return run(drawn, records, false); }};
    bench::Candidate two{[&] { return run(drawn, records, true); }};
    bench::alternate({&one, &two}, options.rounds(5), bench::Cores::kAll);
    bench::Row row{.name = row_name, .bare = one.main(), .engine = two.main()};
    row.add_process(one, two);
    report.print(row);
  }
}
