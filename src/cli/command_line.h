// From the words of a command line to the exit status of `tidemark`.
#pragma once

#include "cli/command.h"

namespace tidemark {

/// Parses the line, runs the command that it names, prints what went wrong.
ExitStatus run_command_line(Cli& cli, int argc, const char* const* argv);

}  // namespace tidemark
