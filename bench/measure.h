// What the programs of this folder share: options, runs in processes of their own, figures, and rows as text and as JSON.
//
// A program asks one question. It runs its candidates in turn, each in a forked process (so that each has a peak of memory
// of its own), several rounds, and compares medians. Machines are noisy: only what stands in one row can be compared.
#pragma once

#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

inline double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}
inline double thread_cpu_s() { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }
inline double process_cpu_s() { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }
inline double wall_s() { return seconds_of(CLOCK_MONOTONIC); }

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Keeps the compiler from dropping what computed `value`.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

[[noreturn]] inline void give_up(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

/// Of every program: --quick, --json and --only TEXT.
struct Options {
  bool quick = false;  ///< little work, one round: to see that the programs run
  bool json = false;   ///< an object a row instead of a table
  std::string only;    ///< rows whose name contains it

  static Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
      const std::string arg = argv[i];
      if (arg == "--quick") {
        options.quick = true;
      } else if (arg == "--json") {
        options.json = true;
      } else if (arg == "--only" && i + 1 < argc) {
        options.only = argv[++i];
      } else {
        give_up("unknown argument '" + arg + "': --quick, --json and --only TEXT are known");
      }
    }
    return options;
  }
  bool wants(const std::string& row) const { return row.find(only) != std::string::npos; }
  int rounds(int usual) const { return quick ? 1 : usual; }
  /// Of records, keys and the like.
  std::uint64_t size(std::uint64_t usual, std::uint64_t when_quick) const { return quick ? when_quick : usual; }
};

/// Notes the time of a clock when record `first` passes and when `last` does: what lies between is the steady part of a
/// run, without its start, its end, and the filling of its tables.
class Meter {
 public:
  Meter(std::uint64_t first, std::uint64_t last, double (*clock)() = process_cpu_s)
      : next_{first}, first_{first}, last_{last}, clock_{clock} {}
  void pass(std::uint64_t n) {
    if (n == next_) [[unlikely]] note();
  }
  double ns_a_record() const { return (end_s_ - begin_s_) * 1e9 / static_cast<double>(last_ - first_); }

 private:
  [[gnu::noinline]] void note() {
    (next_ == first_ ? begin_s_ : end_s_) = clock_();
    next_ = last_;
  }
  std::uint64_t next_;
  std::uint64_t first_;
  std::uint64_t last_;
  double (*clock_)();
  double begin_s_ = 0;
  double end_s_ = 0;
};

/// What one run of a candidate came to.
struct Figures {
  double main = 0;                ///< what the row compares
  std::array<double, 18> more{};  ///< of the program's own meaning
  double cpu_s = 0;               ///< of the whole process
  double peak_mb = 0;             ///< that the run took beyond what it began with
};

struct Candidate {
  std::function<Figures()> run;  ///< fills `main` and `more`
  std::vector<Figures> rounds = {};

  template <class Of>
  double median_of(Of&& of) const {
    std::vector<double> values;
    for (const Figures& figures : rounds) values.push_back(of(figures));
    return bench::median(std::move(values));
  }
  double main() const { return median_of([](const Figures& f) { return f.main; }); }
  double more(std::size_t i) const { return median_of([i](const Figures& f) { return f.more[i]; }); }
  double cpu_s() const { return median_of([](const Figures& f) { return f.cpu_s; }); }
  double peak_mb() const { return median_of([](const Figures& f) { return f.peak_mb; }); }
};

inline double resident_mb() {
  std::ifstream statm{"/proc/self/statm"};
  double pages = 0;
  statm >> pages >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

enum class Cores { kOne, kAll };

/// Runs `f` in a process of its own, which has begun with what this one has in memory.
inline Figures in_process(const std::function<Figures()>& f, Cores cores) {
  struct Answer {
    Figures figures;
    double inherited_mb;
  } answer;
  int ends[2];
  if (pipe(ends) != 0) give_up("no pipe");
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) give_up("no process");
  if (child == 0) {
    close(ends[0]);
    if (cores == Cores::kOne) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(sched_getcpu(), &one);
      sched_setaffinity(0, sizeof one, &one);
    }
    try {
      answer.inherited_mb = resident_mb();
      answer.figures = f();
    } catch (const std::exception& e) {
      give_up(e.what());
    }
    const bool sent = write(ends[1], &answer, sizeof answer) == static_cast<ssize_t>(sizeof answer);
    _exit(sent ? 0 : 1);
  }
  close(ends[1]);
  const bool came = read(ends[0], &answer, sizeof answer) == static_cast<ssize_t>(sizeof answer);
  close(ends[0]);
  rusage usage{};
  int status = 0;
  wait4(child, &status, 0, &usage);
  if (!came || status != 0) give_up("a candidate failed");
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  answer.figures.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  answer.figures.peak_mb = static_cast<double>(usage.ru_maxrss) * 1024 / 1e6 - answer.inherited_mb;
  return answer.figures;
}

inline void alternate(std::vector<Candidate*> candidates, int rounds, Cores cores = Cores::kOne) {
  for (int round = 0; round < rounds; ++round) {
    for (Candidate* candidate : candidates) candidate->rounds.push_back(in_process(candidate->run, cores));
  }
}

/// A line of the result.
struct Row {
  std::string name;
  std::string unit = "ns a record";
  std::optional<double> bare;
  double engine = 0;
  std::optional<double> aim;  ///< the most that `engine` may be
  std::optional<double> bare_cpu_s, engine_cpu_s;
  std::optional<double> bare_peak_mb, engine_peak_mb;  ///< with both there is an aim: 1.5 times the loop's plus 40 MB
  std::vector<std::pair<std::string, double>> more = {};

  void add_process(const Candidate& of_bare, const Candidate& of_engine) {
    bare_cpu_s = of_bare.cpu_s();
    engine_cpu_s = of_engine.cpu_s();
    bare_peak_mb = of_bare.peak_mb();
    engine_peak_mb = of_engine.peak_mb();
  }
};

/// Prints rows as they come: a table in Markdown, or JSON.
class Report {
 public:
  Report(std::string program, const Options& options) : program_{std::move(program)}, json_{options.json} {}

  void print(const Row& row) {
    const std::optional<double> peak_aim = row.bare_peak_mb ? std::optional{1.5 * *row.bare_peak_mb + 40} : std::nullopt;
    if (json_) {
      print_json(row, peak_aim);
    } else {
      print_text(row, peak_aim);
    }
    std::fflush(stdout);
  }

 private:
  static const char* verdict(const std::optional<double>& value, const std::optional<double>& aim) {
    return !value || !aim ? "" : *value <= *aim ? "met" : "MISSED";
  }
  static std::string text(const std::optional<double>& value) {
    if (!value) return "";
    char out[32];
    std::snprintf(out, sizeof out, std::abs(*value) >= 100 ? "%.0f" : std::abs(*value) >= 0.1 ? "%.1f" : "%.3f", *value);
    return out;
  }
  static std::optional<double> ratio(const Row& row) {
    if (!row.bare || *row.bare <= 0) return std::nullopt;
    return row.engine / *row.bare;
  }

  void print_text(const Row& row, const std::optional<double>& peak_aim) {
    if (first_) {
      std::printf("| %s | unit | bare | engine | ratio | aim | | CPU s: bare | engine | peak MB: bare | engine | aim | | |\n", program_.c_str());
      std::printf("|---|---|--:|--:|--:|--:|---|--:|--:|--:|--:|--:|---|---|\n");
      first_ = false;
    }
    std::string more;
    for (const auto& [name, value] : row.more) more += (more.empty() ? "" : ", ") + name + " " + text(value);
    std::printf("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", row.name.c_str(), row.unit.c_str(),
                text(row.bare).c_str(), text(row.engine).c_str(), text(ratio(row)).c_str(), text(row.aim).c_str(),
                verdict(row.engine, row.aim), text(row.bare_cpu_s).c_str(), text(row.engine_cpu_s).c_str(),
                text(row.bare_peak_mb).c_str(), text(row.engine_peak_mb).c_str(), text(peak_aim).c_str(),
                verdict(row.engine_peak_mb, peak_aim), more.c_str());
  }

  void print_json(const Row& row, const std::optional<double>& peak_aim) const {
    const auto number = [](const char* name, const std::optional<double>& value) {
      if (value) {
        std::printf(",\"%s\":%.6g", name, *value);
      } else {
        std::printf(",\"%s\":null", name);
      }
    };
    const auto held = [](const char* name, const char* verdict) {
      std::printf(",\"%s\":%s", name, *verdict == 0 ? "null" : *verdict == 'm' ? "true" : "false");
    };
    std::printf("{\"program\":\"%s\",\"row\":\"%s\",\"unit\":\"%s\"", program_.c_str(), row.name.c_str(), row.unit.c_str());
    number("bare", row.bare);
    number("engine", row.engine);
    number("ratio", ratio(row));
    number("aim", row.aim);
    held("met", verdict(row.engine, row.aim));
    number("bare_cpu_s", row.bare_cpu_s);
    number("engine_cpu_s", row.engine_cpu_s);
    number("bare_peak_mb", row.bare_peak_mb);
    number("engine_peak_mb", row.engine_peak_mb);
    number("peak_aim_mb", peak_aim);
    held("peak_met", verdict(row.engine_peak_mb, peak_aim));
    std::printf(",\"more\":{");
    for (std::size_t i = 0; i < row.more.size(); ++i) {
      std::printf("%s\"%s\":%.6g", i == 0 ? "" : ",", row.more[i].first.c_str(), row.more[i].second);
    }
    std::printf("}}\n");
  }

  std::string program_;
  bool json_;
  bool first_ = true;
};

/// The four runs of a question about one operator: what the source alone costs is taken off on both sides.
struct Comparison {
  Candidate bare_source, bare, engine_source, engine;

  void run(int rounds, Cores cores = Cores::kOne) { alternate({&bare_source, &bare, &engine_source, &engine}, rounds, cores); }

  /// The aim is twice the loop's cost and 4 ns, and what is allowed besides.
  Row row(std::string name, double allowance_ns) const {
    Row row;
    row.name = std::move(name);
    row.bare = std::max(bare.main() - bare_source.main(), 0.0);
    row.engine = engine.main() - engine_source.main();
    row.aim = 2 * *row.bare + 4 + allowance_ns;
    row.add_process(bare, engine);
    row.more = {{"bare source", bare_source.main()}, {"engine source", engine_source.main()}};
    return row;
  }
};

/// Of CPU, for an exchange between two tasks.
inline constexpr double kExchangeNs = 8;

/// Calls each(values, n) for the records make(0), make(1), ... in blocks, as a loop by hand would fill its cache.
template <class T, class Make, class Each>
void in_blocks(std::uint64_t records, Make&& make, Each&& each) {
  constexpr std::uint64_t kBlock = 1024;
  static T block[kBlock];
  for (std::uint64_t first = 0; first < records; first += kBlock) {
    const std::uint64_t n = std::min(kBlock, records - first);
    for (std::uint64_t i = 0; i < n; ++i) block[i] = make(first + i);
    each(static_cast<const T*>(block), static_cast<std::size_t>(n));
  }
}

/// "20 M", "100 k": how rows name their number of keys.
inline std::string many(std::uint64_t n) { return n >= 1'000'000 ? std::to_string(n / 1'000'000) + " M" : std::to_string(n / 1000) + " k"; }

/// A number that looks random: the same for the same n.
inline std::uint64_t mix(std::uint64_t n) {
  n = (n ^ n >> 30) * 0xBF58476D1CE4E5B9u;
  n = (n ^ n >> 27) * 0x94D049BB133111EBu;
  return n ^ n >> 31;
}
/// Bytes that nothing compresses: the same for the same n.
inline constexpr std::size_t kRandomTextBytes = 1000;
inline std::string random_text(std::int64_t n) {
  std::string text(kRandomTextBytes, ' ');
  for (std::size_t i = 0; i < kRandomTextBytes; i += 8) {
    const std::uint64_t word = mix(static_cast<std::uint64_t>(n) << 8 | i / 8);
    std::memcpy(text.data() + i, &word, 8);
  }
  return text;
}
/// One of 0 .. keys - 1.
inline std::int64_t uniform(std::uint64_t n, std::uint64_t keys) {
  return static_cast<std::int64_t>(static_cast<unsigned __int128>(mix(n)) * keys >> 64);
}

/// A job whose tasks share one thread.
inline constexpr std::array<const char*, 3> kOneThread{"bench", "-D", "worker.threads=1"};

}  // namespace bench
