#include "sim/simulated_processes.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace tidemark {
namespace {

// One in so many does not end when it is asked to: it stands still, or what it does takes long.
constexpr std::uint64_t kDeafOneIn = 4;

}  // namespace

class SimulatedProcesses::Handle final : public StartedProcess {
 public:
  Handle(SimulatedEnv& env, std::shared_ptr<Child> child) : env_{env}, child_{std::move(child)} {}
  ~Handle() override {
    child_->owner = nullptr;
    child_->callbacks = {};
    child_->dies_at_ns = 0;
  }
  void stop(std::int64_t grace_ms) override {
    const bool is_deaf = grace_ms > 0 && env_.one_in(kDeafOneIn);
    const std::int64_t at_ns = env_.clock().steady_ns() + (is_deaf ? grace_ms * 1'000'000 : 0);
    child_->was_stopped = true;
    child_->dies_at_ns = std::min(child_->dies_at_ns.value_or(at_ns), at_ns);
  }

 private:
  SimulatedEnv& env_;
  const std::shared_ptr<Child> child_;
};

std::unique_ptr<StartedProcess> SimulatedProcesses::start(ProcessOrder order, Mailbox& owner, ProcessCallbacks callbacks) {
  auto child = std::make_shared<Child>();
  child->worker = start_(order);
  child->owner = &owner;
  child->callbacks = std::move(callbacks);
  children_.push_back(child);
  owner.post([child] {
    if (auto started = std::exchange(child->callbacks.on_started, nullptr)) started(1);
  });
  return std::make_unique<Handle>(env_, std::move(child));
}

SimulatedWorker& SimulatedProcesses::worker(std::size_t which) const {
  return *(*std::next(children_.begin(), static_cast<std::ptrdiff_t>(which)))->worker;
}

void SimulatedProcesses::kill(std::size_t which) {
  (*std::next(children_.begin(), static_cast<std::ptrdiff_t>(which)))->dies_at_ns = 0;
}

bool SimulatedProcesses::is_dying(const Child& child) const {
  return child.worker->has_ended() || (child.dies_at_ns && *child.dies_at_ns <= env_.clock().steady_ns());
}

bool SimulatedProcesses::reap() {
  const std::size_t before = children_.size();
  for (auto at = children_.begin(); at != children_.end();) {
    const std::shared_ptr<Child> child = *at;
    if (!is_dying(*child)) {
      ++at;
      continue;
    }
    at = children_.erase(at);
    bury(child);
  }
  return children_.size() != before;
}

void SimulatedProcesses::bury(const std::shared_ptr<Child>& child) {
  ProcessEnd end{.was_stopped = child->was_stopped, .how = "was ended by signal 9 (SIGKILL)"};
  if (child->worker->has_ended()) {
    const auto& error = child->worker->error();
    end = {.in_order = !error, .how = error ? "ended with status 1: " + error->message() : "ended with status 0"};
  }
  env_.trace().note(fmt::format("{} {}", child->worker->name(), end.how));
  child->worker.reset();
  if (child->owner == nullptr) return;
  child->owner->post([child, end = std::move(end)] {
    if (auto ended = std::exchange(child->callbacks.on_ended, nullptr)) ended(end);
  });
}

void SimulatedProcesses::kill_all() {
  for (const auto& child : std::exchange(children_, {})) {
    child->owner = nullptr;
    child->worker.reset();
  }
}

std::optional<std::int64_t> SimulatedProcesses::next_deadline_ns() const {
  std::optional<std::int64_t> result;
  for (const auto& child : children_) {
    if (child->dies_at_ns) result = std::min(result.value_or(*child->dies_at_ns), *child->dies_at_ns);
  }
  return result;
}

}  // namespace tidemark
