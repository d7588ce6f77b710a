// Small jobs whose instructions are counted, as times are noise: bench/count_instructions runs each with two numbers of records
// under callgrind, and what the further records took is held against bench/instructions.txt.
//
//   bench_kernels NAME RECORDS [FILE]      runs one; ndjson reads FILE
//   bench_kernels write RECORDS FILE       writes that file
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "bench/measure.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
using namespace std::chrono_literals;

struct Click {
  std::int64_t user = 0;
  std::int64_t amount = 0;
  Timestamp at;
};

constexpr std::int64_t kUsers = 1'000;

// A thousand a second of event time.
Click click(std::uint64_t n) {
  return {bench::uniform(n, kUsers), static_cast<std::int64_t>(bench::mix(n) % 1000), Timestamp{static_cast<std::int64_t>(n)}};
}

Stream<Click> clicks(Job& job, std::uint64_t records, const char* uid = "clicks") {
  return job.from(generate<Click>(records, click).event_time(&Click::at)).uid(uid);
}

struct Sum : KeyedProcess<std::int64_t, Click, std::int64_t> {
  ValueState<std::int64_t> sum_;
  explicit Sum(Declare& declare) : sum_{declare, "sum"} {}
  void process(const Click& click, Context&, Out<std::int64_t>&) override {
    sum_.mutate([&](std::int64_t& sum) { sum += click.amount; });
  }
};

struct Paid {
  std::int64_t user = 0;
  std::int64_t amount = 0;
};

struct Kernel {
  std::string_view name;
  void (*build)(Job&, std::uint64_t records, const std::string& file);
};

constexpr Kernel kKernels[] = {
    {"map_filter",
     [](Job& job, std::uint64_t records, const std::string&) {
       clicks(job, records)
           .map([](const Click& c) { return Paid{c.user, c.amount * 908 / 1000}; })
           .filter([](const Paid& p) { return p.amount % 3 == 0; })
           .to(discard());
     }},
    {"keyed_sum",
     [](Job& job, std::uint64_t records, const std::string&) {
       clicks(job, records).key_by(&Click::user).process<Sum>().uid("sum").to(discard());
     }},
    {"sliding_count",
     [](Job& job, std::uint64_t records, const std::string&) {
       clicks(job, records).key_by(&Click::user).window(sliding(10s, 2s)).aggregate(count()).uid("count").to(discard());
     }},
    {"sessions",
     [](Job& job, std::uint64_t records, const std::string&) {
       clicks(job, records).key_by(&Click::user).window(session(1s)).aggregate(count()).uid("sessions").to(discard());
     }},
    {"interval_join",
     [](Job& job, std::uint64_t records, const std::string&) {
       clicks(job, records)
           .key_by(&Click::user)
           .join(clicks(job, records, "others").key_by(&Click::user))
           .between(-500ms, 500ms)
           .inner([](const Click& a, const Click& b) { return Paid{a.user, a.amount + b.amount}; })
           .uid("join")
           .to(discard());
     }},
    {"ndjson",
     [](Job& job, std::uint64_t, const std::string& file) {
       job.from(read_files<Click>(file).event_time(&Click::at)).uid("clicks").to(discard());
     }},
};

void write_clicks(const std::string& path, std::uint64_t records) {
  std::ofstream file{path};
  for (std::uint64_t n = 0; n < records; ++n) {
    const Click c = click(n);
    file << R"({"user":)" << c.user << R"(,"amount":)" << c.amount << R"(,"at":)" << c.at.ms() << "}\n";
  }
  if (!file.flush()) bench::give_up("can't write " + path);
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t records = 0;
  if (argc >= 3) std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), records);
  if (records == 0) bench::give_up("bench_kernels NAME RECORDS [FILE]");
  const std::string_view name = argv[1];
  const std::string file = argc > 3 ? argv[3] : "";
  if (name == "write") {
    write_clicks(file, records);
    return 0;
  }
  for (const Kernel& kernel : kKernels) {
    if (kernel.name != name) continue;
    Job job{"bench", bench::kOneThread.size(), bench::kOneThread.data()};
    kernel.build(job, records, file);
    job.run_or_throw();
    return 0;
  }
  bench::give_up("there is no kernel '" + std::string{name} + "'");
}
