// What does it cost to make a record of a line of NDJSON or CSV?
//
// First the decoder alone, over lines in memory; then a job from files to nothing. The loops by hand read the same files in
// blocks and use the same libraries: simdjson's on-demand parser, member after member in their order, and fast_float. They
// trust their input: no check of names, ranges, duplicates or quotes beyond what the library makes. The aim: at most
// twice the loop and 4 ns, and what copying the texts once costs. One core; the reading of the files is part of the job.
#include <fast_float/fast_float.h>
#include <fcntl.h>
#include <simdjson.h>

#include <charconv>
#include <filesystem>

#include "bench/measure.h"
#include "codec/csv_decoder.h"
#include "codec/json_decoder.h"
#include "nexmark/generator.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
namespace fs = std::filesystem;

struct Bid {
  std::int64_t auction;
  std::int64_t bidder;
  double price;
  std::string_view channel;
  std::string_view url;
  Timestamp date_time;
  std::string_view extra;
};

std::int64_t weigh(const Bid& bid) {
  return bid.auction + bid.bidder + static_cast<std::int64_t>(bid.price) + bid.date_time.ms() +
         static_cast<std::int64_t>(bid.channel.size() + bid.url.size() + bid.extra.size());
}

struct Input {
  std::string text;
  std::vector<std::string_view> lines = {};
  std::size_t bytes_of_texts = 0;

  Input(std::uint64_t records, bool json) {
    const nexmark::Generator generator{{}};
    char buffer[nexmark::Generator::kTextBytes];
    char line[1024];
    for (std::uint64_t n = 0, made = 0; made < records; ++n) {
      if (nexmark::Generator::kind(n) != nexmark::Kind::kBid) continue;
      const nexmark::Bid bid = generator.bid(n, buffer);
      const char* form = json ? "{\"auction\":%jd,\"bidder\":%jd,\"price\":%jd.%02jd,\"channel\":\"%.*s\",\"url\":\"%.*s\",\"date_time\":%jd,\"extra\":\"%.*s\"}\n"
                              : "%jd,%jd,%jd.%02jd,%.*s,%.*s,%jd,%.*s\n";
      text += json || made > 0 ? "" : "auction,bidder,price,channel,url,date_time,extra\n";
      const auto size = [](std::string_view s) { return static_cast<int>(s.size()); };
      std::snprintf(line, sizeof line, form, bid.auction, bid.bidder, bid.price / 100, bid.price % 100, size(bid.channel), bid.channel.data(),
                    size(bid.url), bid.url.data(), bid.date_time, size(bid.extra), bid.extra.data());
      text += line;
      bytes_of_texts += bid.channel.size() + bid.url.size() + bid.extra.size();
      ++made;
    }
    text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    for (std::size_t at = json ? 0 : text.find('\n') + 1; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      lines.push_back(std::string_view{text}.substr(at, end - at));
      at = end + 1;
    }
  }
};

class BareJson {
 public:
  /// Behind `line` lie SIMDJSON_PADDING bytes that may be read.
  Bid operator()(std::string_view line) {
    auto document = parser_.iterate(line.data(), line.size(), line.size() + simdjson::SIMDJSON_PADDING);
    auto object = document.get_object();
    Bid bid;
    bid.auction = object.find_field("auction").get_int64();
    bid.bidder = object.find_field("bidder").get_int64();
    bid.price = object.find_field("price").get_double();
    bid.channel = object.find_field("channel").get_string();
    bid.url = object.find_field("url").get_string();
    bid.date_time = Timestamp{object.find_field("date_time").get_int64()};
    bid.extra = object.find_field("extra").get_string();
    return bid;
  }

 private:
  simdjson::ondemand::parser parser_;
};

class BareCsv {
 public:
  Bid operator()(std::string_view line) {
    at_ = line.data();
    end_ = at_ + line.size();
    Bid bid;
    bid.auction = integer();
    bid.bidder = integer();
    const std::string_view price = column();
    fast_float::from_chars(price.data(), price.data() + price.size(), bid.price);
    bid.channel = column();
    bid.url = column();
    bid.date_time = Timestamp{integer()};
    bid.extra = column();
    return bid;
  }

 private:
  std::string_view column() {
    const char* begin = at_;
    const void* comma = std::memchr(begin, ',', static_cast<std::size_t>(end_ - begin));
    const char* end = comma == nullptr ? end_ : static_cast<const char*>(comma);
    at_ = end + 1;
    return {begin, static_cast<std::size_t>(end - begin)};
  }
  std::int64_t integer() {
    const std::string_view digits = column();
    std::int64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  }
  const char* at_ = nullptr;
  const char* end_ = nullptr;
};

template <class Decode>
bench::Figures decode_lines(const Input& input, int turns, Decode&& decode) {
  std::int64_t sum = 0;
  for (const std::string_view line : input.lines) sum += weigh(decode(line));
  const double begin = bench::thread_cpu_s();
  for (int turn = 0; turn < turns; ++turn) {
    for (const std::string_view line : input.lines) sum += weigh(decode(line));
  }
  bench::keep(sum);
  return {(bench::thread_cpu_s() - begin) * 1e9 / static_cast<double>(input.lines.size()) / turns};
}

template <class Decoder>
bench::Figures decoder_alone(const Input& input, int turns) {
  Decoder decoder{detail::layout_of<Bid>()};
  detail::Arena text;
  return decode_lines(input, turns, [&](std::string_view line) {
    Bid bid{};
    if (decoder.decode(line, &bid, text)) bench::give_up("a line that the decoder refuses");
    return bid;
  });
}

// Blocks of a file, cut into lines; what remains of a line goes before the next block.
template <class Bare>
bench::Figures bare_file(const std::string& path, std::uint64_t records, bool header) {
  constexpr std::size_t kBlock = 1 << 20;
  const double begin_s = bench::process_cpu_s();
  const int file = open(path.c_str(), O_RDONLY);
  std::vector<char> block(2 * kBlock + simdjson::SIMDJSON_PADDING);
  Bare decode;
  std::int64_t sum = 0;
  std::size_t left = 0;
  for (ssize_t got; (got = read(file, block.data() + left, kBlock)) > 0;) {
    const char* at = block.data();
    const char* end = at + left + static_cast<std::size_t>(got);
    while (const void* newline = std::memchr(at, '\n', static_cast<std::size_t>(end - at))) {
      const char* line_end = static_cast<const char*>(newline);
      if (!std::exchange(header, false)) sum += weigh(decode({at, static_cast<std::size_t>(line_end - at)}));
      at = line_end + 1;
    }
    left = static_cast<std::size_t>(end - at);
    std::memmove(block.data(), at, left);
  }
  close(file);
  bench::keep(sum);
  return {(bench::process_cpu_s() - begin_s) * 1e9 / static_cast<double>(records)};
}

bench::Figures job(const std::string& path, std::uint64_t records, bool json) {
  const double begin_s = bench::process_cpu_s();
  Job job{"bench", bench::kOneThread.size(), bench::kOneThread.data()};
  auto files = read_files<Bid>(path).event_time(&Bid::date_time);
  if (!json) files.format(as_csv());
  job.from(files).uid("bids").to(discard());
  job.run_or_throw();
  return {(bench::process_cpu_s() - begin_s) * 1e9 / static_cast<double>(records)};
}

// Copying the texts of a record once, out of the cache as behind a decoder, to memory that is written from front to back.
double copy_ns(const Input& input) {
  const std::size_t bytes = input.bytes_of_texts / input.lines.size();
  std::vector<char> to(1 << 16);
  std::size_t at = 0;
  const double begin = bench::thread_cpu_s();
  for (std::size_t i = 0; i < input.lines.size(); ++i) {
    const std::string_view line = input.lines[i % 256];
    if (at + bytes > to.size()) at = 0;
    std::memcpy(to.data() + at, line.data(), std::min(bytes, line.size()));
    at += bytes;
    bench::keep(to);
  }
  return (bench::thread_cpu_s() - begin) * 1e9 / static_cast<double>(input.lines.size());
}

template <class Bare, class Decoder>
void compare(bench::Report& report, const bench::Options& options, const std::string& format, bool json) {
  const std::uint64_t records = options.size(2'000'000, 50'000);
  const Input input{records, json};
  const double copy = copy_ns(input);
  const auto print = [&](const std::string& name, bench::Candidate bare, bench::Candidate engine) {
    if (!options.wants(name)) return;
    bench::alternate({&bare, &engine}, options.rounds(5));
    bench::Row row;
    row.name = name;
    row.bare = bare.main();
    row.engine = engine.main();
    row.aim = 2 * bare.main() + 4 + copy;
    row.add_process(bare, engine);
    const double bytes = static_cast<double>(input.text.size()) / static_cast<double>(records);
    row.more = {{"bytes a line", bytes}, {"MB/s", bytes / engine.main() * 1e3}, {"copying the texts", copy}};
    report.print(row);
  };
  const int turns = options.quick ? 1 : 2;
  print(format + ", decoder alone", {[&] { return decode_lines(input, turns, Bare{}); }}, {[&] { return decoder_alone<Decoder>(input, turns); }});

  const std::string path = fs::temp_directory_path() / ("tidemark-bench-decode." + format);
  std::ofstream{path} << input.text;
  print(format + ", file to nothing", {[&] { return bare_file<Bare>(path, records, !json); }}, {[&] { return job(path, records, json); }});
  fs::remove(path);
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = bench::Options::parse(argc, argv);
  bench::Report report{"decoding", options};
  compare<BareJson, JsonDecoder>(report, options, "NDJSON", true);
  compare<BareCsv, CsvDecoder>(report, options, "CSV", false);
}
