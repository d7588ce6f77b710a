// How long from starting a job's process to its first result on its standard output? A job of one file, a keyed window and
// a print sink; the bare program that prints one line is the reference for starting a process at all.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "tidemark/tidemark.h"

namespace {

using namespace tidemark;
using namespace std::chrono_literals;

struct Event {
  std::int64_t key;
  Timestamp time;
};

int job(const char* input) {
  const char* args[] = {"cold-start"};
  Job job{"cold-start", 1, args};
  job.from(read_files<Event>(input).event_time(&Event::time))
      .uid("events")
      .key_by(&Event::key)
      .window(tumbling(1s))
      .aggregate(count())
      .uid("count")
      .to(print());
  return job.run();
}

// Milliseconds from fork to the first byte.
double first_byte_ms(const char* program, const char* mode, const char* input) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(126);
    execl(program, program, mode, input, nullptr);
    _exit(127);
  }
  close(ends[1]);
  char byte;
  const bool came = read(ends[0], &byte, 1) == 1;
  const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  char rest[4096];
  while (read(ends[0], rest, sizeof rest) > 0) {
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!came || status != 0) {
    std::fprintf(stderr, "the child printed nothing or failed\n");
    std::exit(1);
  }
  return ms;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "job") == 0) return job(argv[2]);
  if (argc == 3 && std::strcmp(argv[1], "bare") == 0) return std::puts("result") < 0;

  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string input = std::filesystem::temp_directory_path() / "tidemark-bench-cold-start.ndjson";
  std::ofstream file{input};
  for (int i = 0; i < 10'000; ++i) file << R"({"key":)" << i % 10 << R"(,"time":)" << 1'000'000 + i << "}\n";
  file.close();

  std::vector<double> bare;
  std::vector<double> engine;
  for (int round = 0; round < 21; ++round) {
    bare.push_back(first_byte_ms(self.c_str(), "bare", input.c_str()));
    engine.push_back(first_byte_ms(self.c_str(), "job", input.c_str()));
  }
  std::filesystem::remove(input);
  using bench::median;
  std::printf("%-44s %8s %8s %8s\n", "ms from start to first result (medians)", "bare", "engine", "aim");
  std::printf("%-44s %8.1f %8.1f %8.1f  %s\n", "a window over a small file", median(bare), median(engine), 100.0,
              median(engine) <= 100 ? "met" : "MISSED");
}
