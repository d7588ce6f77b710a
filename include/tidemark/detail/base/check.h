// Checks of invariants: on in release builds, too. A broken one prints file, line and message and aborts.
#pragma once

namespace tidemark::detail {

[[noreturn, gnu::cold]] void check_failed(const char* file, int line, const char* condition, const char* message) noexcept;

}  // namespace tidemark::detail

/// A fault of Tidemark itself, never of its user or of the world: those get an Error.
#define TIDEMARK_CHECK(condition, message)                                                     \
  (static_cast<bool>(condition) ? void(0)                                                      \
                                : ::tidemark::detail::check_failed(__FILE__, __LINE__, #condition, message))
