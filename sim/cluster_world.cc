#include "sim/cluster_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/version.h"
#include "control/worker_order.h"
#include "sim/wrong.h"
#include "tidemark/detail/base/check.h"

namespace tidemark {
namespace {

constexpr const char* kManagerHost = "jm";
constexpr const char* kManagerAddress = "jm:6123";
constexpr const char* kManagerFolder = "/jm";

constexpr std::int64_t kMs = 1'000'000;
constexpr std::uint64_t kMoodLasts = 128;  // steps, about
// Longer than a silence may last, so that some are missed and others are not.
constexpr std::int64_t kMostAwayNs = 40'000 * kMs;
constexpr std::int64_t kMostDownNs = 4'000 * kMs;
constexpr std::uint64_t kSilentOneIn = 4;  // deaths of a TaskManager
// What a worker is given for its state says how many slots it has.
constexpr std::uint64_t kBytesASlot = 1u << 20;

std::string order_text(const ProcessOrder& order) {
  for (const auto& [name, value] : order.environment) {
    if (name == kWorkerOrderVariable) return value;
  }
  throw Wrong{"a worker is started without an order"};
}

void consider(std::optional<std::int64_t>& earliest, std::optional<std::int64_t> ns) {
  if (ns) earliest = std::min(earliest.value_or(*ns), *ns);
}

}  // namespace

ClusterWorld::ClusterWorld(SimulatedEnv& env, std::shared_ptr<SimulatedPrograms> programs, const std::vector<std::uint32_t>& slots)
    : env_{env}, programs_{std::move(programs)}, network_{env.clock(), env.random()}, hosts_{kManagerHost} {
  env_.share_among_processes();
  for (std::size_t i = 0; i < slots.size(); ++i) {
    auto agent = std::make_unique<Agent>();
    agent->host = fmt::format("tm-{}", i + 1);
    agent->slots = slots[i];
    hosts_.push_back(agent->host);
    agents_.push_back(std::move(agent));
  }
  start_manager();
  for (std::size_t i = 0; i < agents_.size(); ++i) start_agent(i);
}

ClusterWorld::~ClusterWorld() {
  for (std::size_t i = 0; i < agents_.size(); ++i) bury_agent(i);
  bury_manager();
}

// Processes.

void ClusterWorld::start_manager() {
  if (manager_.self != nullptr) return;
  env_.trace().note("THE JOBMANAGER STARTS");
  manager_.pool = std::make_unique<SimulatedPool>(env_.clock(), env_.random(), env_.pace());
  manager_.transport = network_.join(kManagerHost, {.name = "jobmanager", .library = std::string{library_version()}});
  auto opened = JobManager::open(env_.env(*manager_.pool), env_.random(), *manager_.transport,
                                 {.folder = kManagerFolder, .address = kManagerAddress}, programs_);
  if (opened) {
    manager_.self = *std::move(opened);
    ++managers_;
  } else if (!env_.dead()) {
    env_.trace().note("  it can't: " + opened.error().message());
  }
  if (env_.dead()) {
    settle({.kind = Kind::kManager});
  } else if (!opened) {
    kill_manager();
  }
}

void ClusterWorld::start_agent(std::size_t which) {
  Agent& agent = *agents_[which];
  if (agent.self != nullptr) return;
  env_.trace().note(fmt::format("TASKMANAGER {} STARTS", agent.host));
  agent.pool = std::make_unique<SimulatedPool>(env_.clock(), env_.random(), env_.pace());
  agent.transport = network_.join(agent.host, {.name = "taskmanager " + agent.host, .library = std::string{library_version()}});
  agent.workers = std::make_unique<SimulatedProcesses>(env_, [this, &agent](const ProcessOrder& order) { return start_worker(agent, order); });
  auto opened = TaskManager::open(env_.env(*agent.pool), *agent.transport, *agent.workers,
                                  {.job_manager = kManagerAddress,
                                   .id = agent.host,
                                   .host = agent.host,
                                   .data_host = agent.host,
                                   .folder = "/" + agent.host,
                                   .cores = 1,
                                   .slots = agent.slots,
                                   .memory_bytes = agent.slots * kBytesASlot});
  if (opened) {
    agent.self = *std::move(opened);
  } else if (!env_.dead()) {
    env_.trace().note("  it can't: " + opened.error().message());
  }
  if (env_.dead()) {
    settle({.kind = Kind::kAgent, .agent = which});
  } else if (!opened) {
    kill_agent(which);
  }
}

std::unique_ptr<SimulatedWorker> ClusterWorld::start_worker(const Agent& agent, const ProcessOrder& order) {
  WorkerOrder worker = expect(parse_worker_order(order_text(order)), "the order of a worker");
  const ProgramArguments arguments = ProgramArguments::parse({order.words.begin() + 1, order.words.end()});
  env_.trace().note("  a process of " + worker.name);
  return std::make_unique<SimulatedWorker>(env_, network_, agent.host, std::move(worker), *programs_, arguments);
}

void ClusterWorld::bury_manager() {
  const SimulatedEnv::Burial burial{env_};
  manager_.self.reset();
  manager_.transport.reset();
  manager_.pool.reset();
}

// Its workers die with it.
void ClusterWorld::bury_agent(std::size_t which) {
  Agent& agent = *agents_[which];
  if (agent.workers != nullptr) agent.workers->kill_all();
  const SimulatedEnv::Burial burial{env_};
  agent.self.reset();
  agent.workers.reset();
  agent.transport.reset();
  agent.pool.reset();
}

void ClusterWorld::kill_manager() {
  bury_manager();
  start_later([this] { start_manager(); });
}

void ClusterWorld::kill_agent(std::size_t which) {
  bury_agent(which);
  start_later([this, which] { start_agent(which); });
}

void ClusterWorld::start_later(Event start) { after(is_healed_ ? 0 : draw_ns(kMostDownNs), std::move(start)); }

void ClusterWorld::ask(const std::function<void(JobManager&)>& question) {
  if (manager_.self == nullptr || manager_.mood.stalled_until_ns > env_.clock().steady_ns()) return;
  question(*manager_.self);
  settle({.kind = Kind::kManager});
}

std::size_t ClusterWorld::workers() const {
  std::size_t sum = 0;
  for (const auto& agent : agents_) sum += agent->workers == nullptr ? 0 : agent->workers->size();
  return sum;
}

std::uint32_t ClusterWorld::slots() const {
  std::uint32_t sum = 0;
  for (const auto& agent : agents_) sum += agent->slots;
  return sum;
}

// Steps.

bool ClusterWorld::step() {
  const auto max_ns = static_cast<std::uint64_t>(env_.pace().max_step_ns);
  env_.clock().advance_ns(static_cast<std::int64_t>(env_.random().next() % max_ns));
  if (env_.one_in(env_.pace().leap_one_in)) leap();
  gather_actors();
  change_moods();
  return run_due_events() || step_somebody() || leap();
}

void ClusterWorld::gather_actors() {
  actors_.clear();
  const auto add = [&](Actor actor, std::size_t works, Kind kind) {
    for (actor.kind = kind, actor.index = 0; actor.index < works; ++actor.index) actors_.push_back(actor);
  };
  add({}, 1, Kind::kNetwork);
  if (manager_.self != nullptr) {
    add({}, 1, Kind::kManager);
    add({}, manager_.pool->size(), Kind::kManagerWork);
  }
  for (std::size_t i = 0; i < agents_.size(); ++i) {
    if (agents_[i]->self == nullptr) continue;
    add({.agent = i}, 1, Kind::kAgent);
    add({.agent = i}, agents_[i]->pool->size(), Kind::kAgentWork);
    for (std::size_t j = 0; j < agents_[i]->workers->size(); ++j) {
      const SimulatedWorker& worker = agents_[i]->workers->worker(j);
      add({.agent = i, .worker = j}, 1, Kind::kWorker);
      add({.agent = i, .worker = j}, worker.tasks(), Kind::kTask);
      add({.agent = i, .worker = j}, worker.works(), Kind::kWorkerWork);
    }
  }
}

Mood* ClusterWorld::mood_of(const Actor& actor) {
  switch (actor.kind) {
    case Kind::kNetwork:
      return nullptr;
    case Kind::kManager:
    case Kind::kManagerWork:
      return &manager_.mood;
    case Kind::kAgent:
    case Kind::kAgentWork:
      return &agents_[actor.agent]->mood;
    case Kind::kWorker:
    case Kind::kTask:
    case Kind::kWorkerWork:
      return &agents_[actor.agent]->workers->worker(actor.worker).mood();
  }
  return nullptr;
}

void ClusterWorld::change_moods() {
  if (!env_.one_in(kMoodLasts)) return;
  if (Mood* const mood = mood_of(actors_[env_.random().next() % actors_.size()])) {
    mood->laziness = draw_laziness(env_.random(), env_.pace().max_laziness);
  }
}

// By lot first, where the lazy ones often pass; then whoever can.
bool ClusterWorld::step_somebody() {
  const std::size_t count = actors_.size();
  for (std::size_t lots = count; lots > 0; --lots) {
    const Actor& actor = actors_[env_.random().next() % count];
    const Mood* const mood = mood_of(actor);
    const bool passes = mood != nullptr && mood->laziness > 1 && !env_.one_in(std::min(mood->laziness, env_.pace().max_laziness));
    if (!passes && step(actor)) return true;
  }
  const std::size_t first = env_.random().next() % count;
  for (std::size_t i = 0; i < count; ++i) {
    if (step(actors_[(first + i) % count])) return true;
  }
  return false;
}

bool ClusterWorld::step(const Actor& actor) {
  const Mood* const mood = mood_of(actor);
  if (mood != nullptr && mood->stalled_until_ns > env_.clock().steady_ns()) return false;
  const bool progress = act(actor);
  return settle(actor) || progress;
}

bool ClusterWorld::act(const Actor& actor) {
  const auto tell = [&](std::string_view who, const auto& step) {
    env_.trace().begin(detail::hash_bytes(who), [&] { return std::string{who}; });
    const bool progress = step();
    env_.trace().end(progress);
    return progress;
  };
  const auto work = [](SimulatedPool& pool, std::size_t index) {
    if (index >= pool.size() || !pool.ready(index)) return false;
    pool.step(index);
    return true;
  };
  if (actor.kind == Kind::kNetwork) return network_.step();
  if (actor.kind == Kind::kManager) return tell(kManagerHost, [&] { return manager_.self->step() != Progress::kBlocked; });
  if (actor.kind == Kind::kManagerWork) return tell("background work of jm", [&] { return work(*manager_.pool, actor.index); });
  Agent& agent = *agents_[actor.agent];
  if (actor.kind == Kind::kAgent) return tell(agent.host, [&] { return agent.self->step() != Progress::kBlocked; });
  if (actor.kind == Kind::kAgentWork) return work(*agent.pool, actor.index);
  SimulatedWorker& worker = agent.workers->worker(actor.worker);
  if (actor.kind == Kind::kWorker) return tell(worker.name(), [&] { return worker.step(); });
  return actor.kind == Kind::kTask ? worker.step_task(actor.index) : worker.step_work(actor.index);
}

// Whoever has acted may have died of it, or ended others: true if somebody is gone.
bool ClusterWorld::settle(const Actor& actor) {
  if (!env_.dead()) return reap();
  if (env_.machine_died()) {
    fail_power();
    return true;
  }
  env_.revive();
  switch (actor.kind) {
    case Kind::kNetwork:
      break;
    case Kind::kManager:
    case Kind::kManagerWork:
      kill_manager();
      break;
    case Kind::kAgent:
    case Kind::kAgentWork:
      kill_agent(actor.agent);
      break;
    case Kind::kWorker:
    case Kind::kTask:
    case Kind::kWorkerWork:
      agents_[actor.agent]->workers->kill(actor.worker);
      reap();
      break;
  }
  return true;
}

bool ClusterWorld::reap() {
  bool progress = false;
  for (const auto& agent : agents_) progress = (agent->workers != nullptr && agent->workers->reap()) || progress;
  check_slots();
  return progress;
}

void ClusterWorld::check_slots() const {
  for (const auto& agent : agents_) {
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; agent->workers != nullptr && i < agent->workers->size(); ++i) bytes += agent->workers->worker(i).memory_bytes();
    if (bytes <= agent->slots * kBytesASlot) continue;
    throw Wrong{fmt::format("{} has {} slots, and its workers have {}", agent->host, agent->slots, bytes / kBytesASlot)};
  }
}

// Time.

void ClusterWorld::after(std::int64_t ns, Event event) { events_.emplace(env_.clock().steady_ns() + ns, std::move(event)); }

bool ClusterWorld::run_due_events() {
  if (events_.empty() || events_.begin()->first > env_.clock().steady_ns()) return false;
  events_.extract(events_.begin()).mapped()();
  return true;
}

bool ClusterWorld::leap() {
  const auto deadline = next_deadline_ns();
  if (!deadline) return false;
  const std::int64_t ns = std::max<std::int64_t>(*deadline - env_.clock().steady_ns(), 0);
  env_.trace().note(static_cast<std::uint64_t>(ns), [&] { return fmt::format("{} us pass", ns / 1000); });
  env_.clock().advance_ns(ns);
  reap();
  return true;
}

std::optional<std::int64_t> ClusterWorld::next_deadline_ns() const {
  std::optional<std::int64_t> result = network_.next_due_ns();
  const auto of_one = [&](const Mood& mood, const auto& deadlines) {
    if (mood.stalled_until_ns > env_.clock().steady_ns()) return consider(result, mood.stalled_until_ns);
    deadlines();
  };
  if (!events_.empty()) consider(result, events_.begin()->first);
  if (manager_.self != nullptr) {
    of_one(manager_.mood, [&] {
      consider(result, manager_.self->next_deadline_ns());
      consider(result, manager_.pool->next_ready_ns());
    });
  }
  for (const auto& agent : agents_) {
    if (agent->self == nullptr) continue;
    consider(result, agent->workers->next_deadline_ns());
    of_one(agent->mood, [&] {
      consider(result, agent->self->next_deadline_ns());
      consider(result, agent->pool->next_ready_ns());
    });
    for (std::size_t i = 0; i < agent->workers->size(); ++i) {
      SimulatedWorker& worker = agent->workers->worker(i);
      of_one(worker.mood(), [&] { consider(result, worker.next_deadline_ns()); });
    }
  }
  return result;
}

// Faults.

// Mostly workers, as there are most of those. Of a machine that goes with its TaskManager nobody hears, now and then.
void ClusterWorld::kill_somebody() {
  const std::uint64_t drawn = env_.random().next() % 8;
  if (drawn == 0 && manager_.self != nullptr) {
    env_.trace().note("THE JOBMANAGER IS KILLED");
    return kill_manager();
  }
  const std::size_t which = env_.random().next() % agents_.size();
  Agent& agent = *agents_[which];
  if (agent.self == nullptr) return;
  if (drawn < 3) {
    env_.trace().note(fmt::format("TASKMANAGER {} IS KILLED", agent.host));
    if (env_.one_in(kSilentOneIn)) isolate(agent.host, draw_ns(kMostAwayNs));
    return kill_agent(which);
  }
  if (agent.workers->size() == 0) return;
  const std::size_t worker = env_.random().next() % agent.workers->size();
  env_.trace().note(fmt::format("{} IS KILLED", agent.workers->worker(worker).name()));
  agent.workers->kill(worker);
  reap();
}

void ClusterWorld::fail_power() {
  env_.die(Death::kMachine);
  for (std::size_t i = 0; i < agents_.size(); ++i) kill_agent(i);
  kill_manager();
  env_.revive();
}

void ClusterWorld::cut_somebody_off() {
  const std::string& from = draw_host();
  const std::string& to = draw_host();
  if (from == to) return;
  const bool is_one_way = env_.one_in(2);
  const std::int64_t ns = draw_ns(kMostAwayNs);
  env_.trace().note(fmt::format("{} IS CUT OFF FROM {}{} FOR {} MS", to, from, is_one_way ? ", ONE WAY," : "", ns / kMs));
  cut(from, to, ns);
  if (!is_one_way) cut(to, from, ns);
}

void ClusterWorld::cut(const std::string& from, const std::string& to, std::int64_t ns) {
  const std::pair way{from, to};
  ++cuts_[way];
  network_.cut(from, to);
  after(ns, [this, way] {
    if (--cuts_[way] == 0) network_.mend(way.first, way.second);
  });
}

void ClusterWorld::isolate(const std::string& host, std::int64_t ns) {
  for (const std::string& other : hosts_) {
    if (other == host) continue;
    cut(host, other, ns);
    cut(other, host, ns);
  }
}

void ClusterWorld::break_connections() {
  const std::string& one = draw_host();
  const std::string& other = draw_host();
  env_.trace().note(fmt::format("CONNECTIONS BETWEEN {} AND {} BREAK", one, other));
  network_.reset(one, other);
}

void ClusterWorld::freeze_somebody() {
  const std::string& host = draw_host();
  const std::int64_t ns = draw_ns(kMostAwayNs);
  env_.trace().note(fmt::format("{} STANDS STILL FOR {} MS", host, ns / kMs));
  ++freezes_[host];
  network_.freeze(host);
  after(ns, [this, host] {
    if (--freezes_[host] == 0) network_.thaw(host);
  });
  const std::int64_t until_ns = env_.clock().steady_ns() + ns;
  if (host == kManagerHost) {
    manager_.mood.stalled_until_ns = until_ns;
    return;
  }
  Agent& agent = agent_of(host);
  agent.mood.stalled_until_ns = until_ns;
  for (std::size_t i = 0; agent.workers != nullptr && i < agent.workers->size(); ++i) agent.workers->worker(i).mood().stalled_until_ns = until_ns;
}

void ClusterWorld::stall_somebody() {
  gather_actors();
  if (Mood* const mood = mood_of(actors_[env_.random().next() % actors_.size()])) {
    mood->stalled_until_ns = env_.clock().steady_ns() + draw_ns(env_.pace().max_stall_ns);
  }
}

void ClusterWorld::delay_bytes(std::int64_t most_ns) {
  for (const std::string& from : hosts_) {
    for (const std::string& to : hosts_) {
      if (from != to) network_.set_delay(from, to, most_ns == 0 ? 0 : draw_ns(most_ns));
    }
  }
}

void ClusterWorld::heal() {
  is_healed_ = true;
  delay_bytes(0);
  manager_.mood = {};
  for (const auto& agent : agents_) {
    agent->mood = {};
    for (std::size_t i = 0; agent->workers != nullptr && i < agent->workers->size(); ++i) agent->workers->worker(i).mood() = {};
  }
  for (auto& [due_ns, event] : std::exchange(events_, {})) event();
}

const std::string& ClusterWorld::draw_host() { return hosts_[env_.random().next() % hosts_.size()]; }

ClusterWorld::Agent& ClusterWorld::agent_of(const std::string& host) {
  return **std::ranges::find_if(agents_, [&](const auto& agent) { return agent->host == host; });
}

std::int64_t ClusterWorld::draw_ns(std::int64_t most_ns) {
  const auto bits = static_cast<std::uint64_t>(std::bit_width(static_cast<std::uint64_t>(most_ns)));
  const std::uint64_t most = std::uint64_t{1} << (env_.random().next() % (bits + 1));
  return std::min<std::int64_t>(static_cast<std::int64_t>(env_.random().next() % most), most_ns);
}

}  // namespace tidemark
