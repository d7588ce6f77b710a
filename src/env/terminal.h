// The terminal that a person may be looking at. Any thread.
#pragma once

namespace tidemark {

/// Columns of the terminal behind stderr; 0 if stderr is none.
int stderr_columns() noexcept;

}  // namespace tidemark
