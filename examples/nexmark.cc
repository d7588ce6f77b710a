// Runs a query of Nexmark and prints the digest of its answer.
//
//   nexmark --query q5 --events 1000000
//
//   q5 rows=9 digest=a244a4daddd47b4e events_per_s=2345678 cpu_s=0.51 peak_rss_mb=34
//
// keyed_count is a count by key with as many keys as --keys says; source-q5 runs the sources of q5 into nothing, for who measures.
//
// The queries are in nexmark/*_queries.cc. The events are made by numbers, so any run with the same --events, --seed, --tps and
// --jitter has the same answer, at any parallelism and through any number of restarts.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>

#include "nexmark/measured_jobs.h"
#include "nexmark/queries.h"

using namespace tidemark;
using namespace std::chrono_literals;

namespace {

double seconds_of(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; }

int refuse(const std::string& what) {
  std::fprintf(stderr, "nexmark: %s\n", what.c_str());
  return 2;
}

void print_result(const std::string& query, const nexmark::DigestPart& digest, double events_per_s) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%s rows=%lld digest=%016llx events_per_s=%.0f cpu_s=%.2f peak_rss_mb=%ld\n", query.c_str(), static_cast<long long>(digest.rows),
              static_cast<unsigned long long>(digest.sum), events_per_s, seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime),
              usage.ru_maxrss / 1024);
}

/// Adds the query to the job, its rows into `parts` unless the sink is a black hole. False if there is no such query.
template <class Parts>
bool build(const nexmark::Setting& setting, const std::string& query, std::int64_t keys, const std::string& sink, const Parts& parts) {
  if (query == "source-keyed_count") {
    nexmark::build_keys(setting, keys);
    return true;
  }
  if (query.starts_with("source-")) return nexmark::build_sources(setting, query.substr(7));
  const nexmark::Query of_name = nexmark::find_query(query);
  if (of_name == nullptr && query != "keyed_count") return false;
  const Stream<nexmark::DigestPart> rows = of_name == nullptr ? nexmark::keyed_count(setting, keys) : of_name(setting);
  if (sink == "blackhole") {
    rows.to(discard());
  } else {
    nexmark::total(rows).to(parts).uid("parts");
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Job job{"nexmark", argc, argv};
  const auto query = job.arg("query", "q0", "q0 q1 q2 q3 q4 q5 q7 q8 q9 q11 q15 q16 q17 q18 q19 q20 keyed_count, or source- and one of these");
  const auto events = job.arg("events", 1'000'000, "how many events");
  const auto seed = job.arg("seed", 1, "of the generator");
  const auto tps = job.arg("tps", 100'000, "events a second of event time");
  const auto jitter = job.arg("jitter", 0, "how many milliseconds an event may lie before its place, up to 3999");
  const auto keys = job.arg("keys", 1'000'000, "of keyed_count");
  const auto sink = job.arg("sink", "digest", "digest; light: a sum that costs little; or blackhole to count nothing");
  const auto emit = job.arg("emit", "final", "final, or 2s for changes of tables every two seconds");
  const auto texts = job.arg("texts", "lazy", "lazy: only those that the query reads are made; whole: all");

  if (events < 0 || tps < 1 || jitter < 0 || jitter > 3999) return refuse("--events is at least 0, --tps at least 1, --jitter from 0 to 3999");
  if (keys < 1) return refuse("--keys is at least 1");
  if (sink != "digest" && sink != "light" && sink != "blackhole") return refuse("--sink is digest, light or blackhole");
  if (emit != "final" && emit != "2s") return refuse("--emit is final or 2s");
  if (texts != "lazy" && texts != "whole") return refuse("--texts is lazy or whole");

  const nexmark::GeneratorOptions options{static_cast<std::uint64_t>(seed), static_cast<std::uint64_t>(tps), static_cast<std::uint64_t>(jitter)};
  const nexmark::Setting setting{job, nexmark::Generator{options}, static_cast<std::uint64_t>(events), texts == "whole", emit == "2s" ? every(2s) : at_end()};
  if (sink == "light") nexmark::row_sum = nexmark::RowSum::kLight;
  const auto parts = collect<nexmark::DigestPart>();
  if (!build(setting, query, keys, sink, parts)) return refuse("there is no query '" + query + "'; --help lists them");

  const auto start = std::chrono::steady_clock::now();
  const int status = job.run();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  nexmark::DigestPart digest;
  for (const nexmark::DigestPart& part : parts.get()) {
    digest.rows += part.rows;
    digest.sum += part.sum;
  }
  if (status == 0) print_result(query, digest, static_cast<double>(events) / took.count());
  return status;
}
