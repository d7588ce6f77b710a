// The program `tidemark`.
#include <csignal>
#include <cstdio>

#include "cli/command_line.h"
#include "env/posix_env.h"

namespace {

void print_line(std::FILE* stream, std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stream);
  std::fputc('\n', stream);
  std::fflush(stream);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGCHLD, SIG_DFL);  // whoever started this may ignore it, and then nobody learns how a job's --plan ended
  std::signal(SIGPIPE, SIG_IGN);  // a job that ends while it is asked is an error to tell, not the end of this program
  tidemark::PosixEnv posix{1};
  tidemark::Cli cli{.env = posix.env(),
                    .out = [](std::string_view line) { print_line(stdout, line); },
                    .err = [](std::string_view line) { print_line(stderr, line); },
                    .chosen = {}};
  return static_cast<int>(tidemark::run_command_line(cli, argc, argv));
}
