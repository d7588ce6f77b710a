// Every command of `tidemark`, in the order of its help. A command's own file defines its function.
#pragma once

#include "cli/command.h"

namespace tidemark {

void add_run_command(CLI::App& app, Cli& cli);
void add_list_command(CLI::App& app, Cli& cli);
void add_savepoint_command(CLI::App& app, Cli& cli);
void add_stop_command(CLI::App& app, Cli& cli);
void add_cancel_command(CLI::App& app, Cli& cli);
void add_upgrade_command(CLI::App& app, Cli& cli);
void add_checkpoint_command(CLI::App& app, Cli& cli);
void add_info_command(CLI::App& app, Cli& cli);
void add_check_command(CLI::App& app, Cli& cli);
void add_diff_command(CLI::App& app, Cli& cli);
void add_local_command(CLI::App& app, Cli& cli);
void add_jobmanager_command(CLI::App& app, Cli& cli);
void add_taskmanager_command(CLI::App& app, Cli& cli);
void add_new_command(CLI::App& app, Cli& cli);
void add_completion_command(CLI::App& app, Cli& cli);

}  // namespace tidemark
