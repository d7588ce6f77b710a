#include "cli/master_process.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "cli/daemon.h"
#include "env/network_address.h"
#include "env/open_files_limit.h"
#include "env/user_files.h"

namespace tidemark {
namespace {

constexpr int kPoolThreads = 8;  // what blocks of all jobs: pointers, metadata, what is deleted

std::string or_else(const std::string& given, const std::string& otherwise) { return given.empty() ? otherwise : given; }

Result<std::string> rpc_address(const MasterArguments& arguments, const ClusterOptions& config, const std::string& default_bind) {
  if (!arguments.bind.empty()) {
    if (const auto parsed = parse_network_address(arguments.bind); !parsed) return std::unexpected{parsed.error().within("--bind")};
    return arguments.bind;
  }
  const ClusterOptions::JobManager& from = config.job_manager;
  if (from.bind_host.empty() && from.host.empty() && from.port == 0) return default_bind;
  return to_string(NetworkAddress{.host = or_else(from.bind_host, or_else(from.host, "127.0.0.1")), .port = from.port == 0 ? kJobManagerPort : from.port});
}

// "host:port", or the port alone.
Result<NetworkAddress> rest_address(const MasterArguments& arguments, const ClusterOptions& config) {
  const NetworkAddress configured{.host = or_else(config.rest.bind_host, "127.0.0.1"),
                                  .port = config.rest.port == 0 ? kRestPort : config.rest.port};
  if (arguments.rest.empty()) return configured;
  std::uint16_t port = 0;
  const char* const end = arguments.rest.data() + arguments.rest.size();
  if (const auto [to, error] = std::from_chars(arguments.rest.data(), end, port); error == std::errc{} && to == end) {
    return NetworkAddress{.host = configured.host, .port = port};
  }
  auto parsed = parse_network_address(arguments.rest);
  if (!parsed) return std::unexpected{parsed.error().within("--rest")};
  if (parsed->is_unix()) return fail(ErrorCode::kInvalidArgument, "--rest: an address is HOST:PORT");
  return parsed;
}

}  // namespace

void add_master_options(CLI::App& command, MasterArguments& arguments, const std::string& default_dir, const std::string& default_bind) {
  command.add_option("--dir", arguments.dir,
                     fmt::format("Folder of its jobs, which it goes on with when it is started there again [./{}]", default_dir));
  command.add_option("--bind", arguments.bind, fmt::format("Where it listens for TaskManagers and workers, HOST:PORT [{}]", default_bind));
  command.add_option("--rest", arguments.rest, "Where REST listens, HOST:PORT [127.0.0.1:8081]");
  command.add_option("--config", arguments.config,
                     "YAML file with these options in Flink's keys, and options for jobs that do not set them; the command line has the last word");
}

Result<MasterSettings> master_settings(const MasterArguments& arguments, const ClusterOptions& config, const std::string& default_dir,
                                       const std::string& default_bind) {
  MasterSettings settings;
  settings.job_manager.folder = or_else(arguments.dir, or_else(config.job_manager.folder, default_dir));
  TIDEMARK_ASSIGN(bind, rpc_address(arguments, config, default_bind));
  settings.job_manager.address = std::move(bind);
  for (const auto& [key, value] : config.jobs) settings.job_manager.job_options.insert_or_assign(key, value);
  if (config.job_manager.slot_timeout > Duration{0}) settings.job_manager.slot_request_timeout_ms = config.job_manager.slot_timeout.count();
  TIDEMARK_ASSIGN(rest, rest_address(arguments, config));
  settings.rest.host = rest.host;
  settings.rest.port = rest.port;
  settings.rest.certificate = config.rest_tls.certificate;
  settings.rest.key = config.rest_tls.key;
  TIDEMARK_ASSIGN(tls, internal_tls(config));
  settings.job_manager.tls = std::move(tls);
  TIDEMARK_ASSIGN(heartbeat, heartbeat_of(config));
  settings.job_manager.heartbeat = heartbeat;
  if (const char* const token = std::getenv(kTokenVariable)) settings.rest.token = token;
  ::unsetenv(kTokenVariable);  // programs that are planned and workers have no business with it
  return settings;
}

std::vector<std::string> warnings_of(const MasterSettings& settings) {
  std::vector<std::string> warnings;
  const auto bind = parse_network_address(settings.job_manager.address);
  if (bind && !bind->is_unix() && !is_loopback(bind->host) && !settings.job_manager.tls) {
    warnings.push_back(
        fmt::format("whoever reaches {} can take part in this cluster: see to it that only its machines do", settings.job_manager.address));
  }
  const RestSettings& rest = settings.rest;
  if (!is_loopback(rest.host) && !rest.token.empty() && rest.certificate.empty()) {
    warnings.push_back(fmt::format("requests to {}:{} are not encrypted: whoever can read the network between has the token, and with it the cluster; "
                                   "name a certificate, security.ssl.rest.certificate",
                                   rest.host, rest.port));
  }
  return warnings;
}

MasterProcess::MasterProcess() : posix_{kPoolThreads} {}
MasterProcess::~MasterProcess() = default;

Result<std::unique_ptr<MasterProcess>> MasterProcess::start(MasterSettings settings) {
  raise_open_files_limit();
  for (const std::string& warning : warnings_of(settings)) log_warning(warning);
  std::unique_ptr<MasterProcess> process{new MasterProcess};
  if (!settings.rest.certificate.empty()) process->scheme_ = "https";
  const std::string folder = settings.job_manager.folder;
  TIDEMARK_ASSIGN(job_manager, JobManagerThread::start(process->posix_.env(), process->secrets_, std::move(settings.job_manager)));
  process->job_manager_ = std::move(job_manager);
  TIDEMARK_TRY(process->posix_.env().files->make_directories(join_path(folder, "checkpoints")));
  for (const std::string_view part : {"jobs", "executables", "plans", "checkpoints"}) {
    if (!keep_for_user(join_path(folder, part))) log_warning(fmt::format("other users may be able to look into '{}/{}'", folder, part));
  }
  TIDEMARK_ASSIGN(rest, RestServer::start(process->job_manager_->control(), std::move(settings.rest)));
  process->rest_ = std::move(rest);
  return process;
}

std::string MasterProcess::rest_address() const { return fmt::format("{}://{}", scheme_, to_string(rest_->address())); }

}  // namespace tidemark
