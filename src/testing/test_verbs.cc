#include "tidemark/detail/testing/test_verbs.h"

#include <fmt/format.h>

namespace tidemark::detail {
namespace {

std::string place(const std::source_location& where) {
  const std::string_view file{where.file_name()};
  return fmt::format("{}:{}", file.substr(file.find_last_of('/') + 1), where.line());
}

}  // namespace

void TestVerbs::check(const RowComparison& comparison, const std::source_location& where) {
  const std::string difference = difference_of(comparison);
  if (!difference.empty()) throw TestFailure{fmt::format("{}: {}", place(where), difference)};
}

void TestVerbs::expect_failure(std::string_view text, const std::function<void()>& call, std::source_location where) {
  try {
    call();
    rest();
  } catch (const Error& error) {
    if (error.message().find(text) != std::string::npos) return;
    throw TestFailure{fmt::format("{}: the job failed otherwise\n  expected: {}\n  got:      {}", place(where), text, error.message())};
  }
  throw TestFailure{fmt::format("{}: the job did not fail\n  expected: {}", place(where), text)};
}

}  // namespace tidemark::detail
