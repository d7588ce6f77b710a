// What does a whole job cost: from NDJSON files to a keyed sliding count to files?
//
// The program by hand decodes with the same decoder, counts in the standard library's hash tables, and writes the same bytes.
// CPU of the whole run; nothing is taken off. No aim is set but that of memory.
#include <filesystem>
#include <map>
#include <unordered_map>

#include "bench/measure.h"
#include "codec/json_decoder.h"
#include "nexmark/generator.h"
#include "nexmark/json_lines.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

struct Bid {
  std::int64_t auction;
  std::int64_t bidder;
  std::int64_t price;
  Timestamp date_time;
};

struct Row {
  Timestamp start;
  Timestamp end;
  std::int64_t key;
  std::int64_t value;
};

std::uint64_t make_input(const std::string& path, std::uint64_t events) {
  std::ofstream file{path};
  const nexmark::Generator generator{{}};
  char buffer[nexmark::Generator::kTextBytes];
  std::string line;
  std::uint64_t bids = 0;
  for (std::uint64_t n = 0; n < events; ++n) {
    if (nexmark::Generator::kind(n) != nexmark::Kind::kBid) continue;
    line.clear();
    nexmark::append_json_line(line, generator.bid(n, buffer));
    file << line;
    ++bids;
  }
  return bids;
}

void engine(const std::string& input, const std::string& output) {
  const char* args[] = {"bench"};
  Job job{"sliding-count", 1, args};
  job.from(read_files<Bid>(input).event_time(&Bid::date_time, out_of_order_by(4s)))
      .uid("bids")
      .key_by(&Bid::auction)
      .window(sliding(10s, 2s))
      .aggregate(count())
      .uid("count")
      .to(write_files(output, as_json()))
      .uid("out");
  job.run_or_throw();
}

void bare(const std::string& input, const std::string& output) {
  JsonDecoder decoder{detail::layout_of<Bid>()};
  std::map<std::int64_t, std::unordered_map<std::int64_t, std::int64_t>> slices;
  std::ofstream out{output};
  std::string rows;
  const auto fire = [&](std::int64_t end) {
    std::unordered_map<std::int64_t, std::int64_t> merged;
    for (std::int64_t slice = end - 10'000; slice < end; slice += 2'000) {
      const auto found = slices.find(slice);
      if (found == slices.end()) continue;
      for (const auto& [key, count] : found->second) merged[key] += count;
    }
    for (const auto& [key, count] : merged) {
      detail::append_json(Row{Timestamp{end - 10'000}, Timestamp{end}, key, count}, rows);
      rows += '\n';
    }
    out << rows;
    rows.clear();
    slices.erase(end - 10'000);
  };
  std::ifstream file{input};
  std::string line;
  detail::Arena text;
  std::int64_t newest = INT64_MIN;
  std::int64_t next_end = INT64_MAX;
  while (std::getline(file, line)) {
    Bid bid{};
    if (decoder.decode(line, &bid, text)) std::abort();
    const std::int64_t slice = bid.date_time.ms() / 2'000 * 2'000;
    ++slices[slice][bid.auction];
    next_end = std::min(next_end, slice + 2'000);
    newest = std::max(newest, bid.date_time.ms());
    for (; next_end - 1 <= newest - 4'001; next_end += 2'000) fire(next_end);
  }
  while (!slices.empty()) {
    fire(next_end);
    next_end += 2'000;
  }
}

std::uintmax_t bytes_of(const fs::path& folder) {
  std::uintmax_t sum = 0;
  for (const auto& entry : fs::directory_iterator{folder}) {
    if (entry.path().filename().string().front() != '.') sum += entry.file_size();
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"NDJSON to files", options};
  const fs::path folder = fs::temp_directory_path() / "tidemark-bench-ndjson";
  fs::remove_all(folder);
  fs::create_directories(folder);
  const std::string input = folder / "bids.ndjson";
  const auto bids = static_cast<double>(make_input(input, options.size(2'000'000, 50'000)));
  bench::Candidate by_hand{[&] {
    fs::remove_all(folder / "bare");
    fs::create_directories(folder / "bare");
    const double begin_s = bench::process_cpu_s();
    bare(input, folder / "bare" / "rows.json");
    return bench::Figures{(bench::process_cpu_s() - begin_s) * 1e9 / bids};
  }};
  bench::Candidate by_engine{[&] {
    fs::remove_all(folder / "engine");
    const double begin_s = bench::process_cpu_s();
    engine(input, folder / "engine");
    return bench::Figures{(bench::process_cpu_s() - begin_s) * 1e9 / bids};
  }};
  bench::alternate({&by_hand, &by_engine}, options.rounds(5), bench::Cores::kAll);
  if (bytes_of(folder / "engine") != bytes_of(folder / "bare")) bench::give_up("the two wrote different amounts");
  fs::remove_all(folder);
  bench::Row row;
  row.name = "sliding count of bids by auction";
  row.bare = by_hand.main();
  row.engine = by_engine.main();
  row.add_process(by_hand, by_engine);
  report.print(row);
}
