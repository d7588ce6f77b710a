#include "api/control_socket.h"

#include <gtest/gtest.h>

#include <atomic>

#include "env/posix_env.h"

namespace tidemark {
namespace {

struct NoTasks final : ExecutionFactory {
  std::unique_ptr<Execution> make(ExecutionListener&) override { throw Error{ErrorCode::kInternal, "nobody starts this job"}; }
};

TEST(ControlSocketTest, LooksHowFastTasksGoThoughNobodyAsks) {
  PosixEnv posix{1};
  const PhysicalPlan plan;
  NoTasks tasks;
  JobMaster master{posix.env(), plan, nullptr, tasks, {}};
  std::atomic<int> looks{0};
  const auto vertices = [&] {
    ++looks;
    looks.notify_all();
    return std::vector<VertexMetrics>{};
  };
  const ControlSocket socket{{.folder = {}, .metrics = NetworkAddress{.host = "127.0.0.1", .port = 0}}, "orders", master, posix.env(),
                             ControlSocket::Paths::kOfThisMachine, vertices};
  for (int seen = 0; seen < 2; seen = looks) looks.wait(seen);
}

}  // namespace
}  // namespace tidemark
