// Where the system wants files that nobody needs after a process's end.
#pragma once

#include <string>

namespace tidemark {

/// $TMPDIR, or /tmp. The same in all processes of a user, as a rule.
std::string temporary_folder();

}  // namespace tidemark
