// The commands of the program `tidemark`: what each works with, and how each joins the command line.
//
// A command's file defines add_<name>_command(), which describes its options and sets Cli::chosen where the line names it.
// Threads: one. Ownership: a Cli outlives the App that its commands were added to.
#pragma once

#include <functional>
#include <string_view>

#include "base/result.h"
#include "env/env.h"

namespace CLI {
class App;
}

namespace tidemark {

/// Exit statuses of the program. A command may give them a closer meaning, which its help then says.
enum class ExitStatus : int {
  kDone = 0,    ///< what was asked for is done
  kFailed = 1,  ///< it is not; the reason stands on stderr
  kUsage = 2,   ///< the command line is wrong, or nothing could be found out
};

/// The world of a command.
struct Cli {
  Env env;
  std::function<void(std::string_view)> out;  ///< a line for stdout
  std::function<void(std::string_view)> err;  ///< a line for stderr
  /// What the line asks for, set while it is parsed. An error is printed and ends the program with kFailed.
  std::move_only_function<Result<ExitStatus>()> chosen;
};

}  // namespace tidemark
