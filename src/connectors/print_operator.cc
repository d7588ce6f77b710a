#include "tidemark/detail/connectors/print_operator.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "tidemark/error.h"

namespace tidemark::detail {

void print_lines(std::string_view lines) {
  const bool written = std::fwrite(lines.data(), 1, lines.size(), stdout) == lines.size() && std::fflush(stdout) == 0;
  if (written) return;
  const int error = errno;
  throw Error{ErrorCode::kIo, fmt::format("cannot print to the standard output: {}; check where it leads",
                                          std::generic_category().message(error))};
}

}  // namespace tidemark::detail
