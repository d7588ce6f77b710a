// This program started anew with other arguments, and how long it takes to its first byte of output.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "bench/measure.h"

namespace bench {

struct FirstByte {
  double ms = 0;
  std::string line;  ///< up to the first line's end
};

enum class Then {
  kAwait,  ///< the process ends by itself, with success
  kKill,   ///< it is killed once it has written a line
};

/// This program, started anew with `args`. What it writes to its standard output is read here.
class Restarted {
 public:
  explicit Restarted(const std::vector<std::string>& args) {
    std::vector<char*> argv{const_cast<char*>("/proc/self/exe")};
    for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
    argv.push_back(nullptr);
    int ends[2];
    if (pipe(ends) != 0) give_up("no pipe");
    std::fflush(nullptr);
    child_ = fork();
    if (child_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      close(ends[0]);
      close(ends[1]);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(ends[1]);
    output_ = ends[0];
  }
  Restarted(const Restarted&) = delete;
  Restarted& operator=(const Restarted&) = delete;
  ~Restarted() { close(output_); }

  /// False at the end of the output.
  bool read_byte(char& byte) { return read(output_, &byte, 1) == 1; }
  void kill() { ::kill(child_, SIGKILL); }
  /// What waitpid() says; reads the rest of the output first.
  int wait() {
    char rest[4096];
    while (read(output_, rest, sizeof rest) > 0) {
    }
    int status = 0;
    waitpid(child_, &status, 0);
    return status;
  }

 private:
  pid_t child_ = -1;
  int output_ = -1;
};

inline FirstByte first_byte(const std::vector<std::string>& args, Then then = Then::kAwait) {
  const double begin_s = wall_s();
  Restarted process{args};
  FirstByte first;
  char byte = 0;
  const bool came = process.read_byte(byte);
  first.ms = (wall_s() - begin_s) * 1e3;
  for (bool more = came; more && byte != '\n'; more = process.read_byte(byte)) first.line += byte;
  if (then == Then::kKill) process.kill();
  const int status = process.wait();
  if (!came || (then == Then::kAwait && status != 0)) give_up("a process that was started printed nothing or failed");
  return first;
}

}  // namespace bench
