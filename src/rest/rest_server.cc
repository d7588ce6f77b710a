#include "rest/rest_server.h"

#include <utility>

#include "control/http_service.h"
#include "rest/cluster_endpoints.h"

namespace tidemark {

class RestServer::Impl {
 public:
  explicit Impl(ClusterControl& cluster) : endpoints_{cluster} {}
  ~Impl() { endpoints_.end_waits(); }

  Result<> listen(const RestSettings& settings) {
    TIDEMARK_ASSIGN(service,
                    HttpService::start({.host = settings.host,
                                        .port = settings.port,
                                        .token = settings.token,
                                        .certificate = settings.certificate,
                                        .key = settings.key,
                                        .largest_upload = settings.largest_upload},
                                       {.handle = [this](const HttpRequest& request) { return endpoints_.handle(request); },
                                        .changes = ClusterEndpoints::changes,
                                        .takes_upload = [](const std::string& path) { return ClusterEndpoints::takes_upload(path); },
                                        .begin_upload = [this](const std::string& field, const std::string& name) {
                                          return endpoints_.begin_upload(field, name);
                                        }}));
    service_ = std::move(service);
    return {};
  }

  const NetworkAddress& address() const { return service_->address(); }

 private:
  ClusterEndpoints endpoints_;
  std::unique_ptr<HttpService> service_;
};

RestServer::RestServer(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}

RestServer::~RestServer() = default;

const NetworkAddress& RestServer::address() const { return impl_->address(); }

Result<std::unique_ptr<RestServer>> RestServer::start(ClusterControl& cluster, RestSettings settings) {
  auto impl = std::make_unique<Impl>(cluster);
  TIDEMARK_TRY(impl->listen(settings));
  return std::unique_ptr<RestServer>{new RestServer{std::move(impl)}};
}

}  // namespace tidemark
