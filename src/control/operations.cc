#include "control/operations.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control/failure_cause.h"
#include "control/http_answer.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLongestId = 128;
constexpr std::size_t kMostConcluded = 1000;

bool is_id(std::string_view id) {
  return id.size() <= kLongestId &&
         id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == std::string_view::npos;
}

}  // namespace

Operations::Begun Operations::begin(const Scope& scope, std::string id, std::string asked) {
  if (!is_id(id)) return {.answer = refuse(400, "a triggerId has 1 to 128 letters, digits, - and _"), .id = {}};
  const bool is_ours = id.empty();
  const std::lock_guard guard{mutex_};
  while (id.empty() || (is_ours && all_.contains(Key{scope, id}))) id = fmt::format("{:016x}{:016x}", random_.next(), random_.next());
  const auto [at, added] = all_.try_emplace(Key{scope, id}, Operation{asked, std::nullopt, false});
  const bool is_same = at->second.asked == asked;
  return {.answer = answer_begun(id, is_same), .id = is_same ? id : std::string{}, .is_new = added};
}

void Operations::conclude(const Scope& scope, const std::string& id, std::string operation) {
  const std::lock_guard guard{mutex_};
  const auto found = all_.find(Key{scope, id});
  if (found == all_.end() || found->second.outcome) return;
  found->second.outcome = std::move(operation);
  concluded_.emplace_back(scope, id);
  if (concluded_.size() <= kMostConcluded) return;
  all_.erase(concluded_.front());
  concluded_.pop_front();
}

HttpResponse Operations::poll(const Scope& scope, const std::string& id) {
  const std::lock_guard guard{mutex_};
  const auto found = all_.find(Key{scope, id});
  if (found == all_.end()) return refuse(404, fmt::format("nothing was asked for under the id '{}'", id));
  Operation& operation = found->second;
  if (!operation.outcome) return answer_with(200, Json{{"status", {{"id", "IN_PROGRESS"}}}});
  operation.fetched = true;
  return answer_concluded(*operation.outcome);
}

bool Operations::all_fetched() const {
  const std::lock_guard guard{mutex_};
  for (const auto& [key, operation] : all_) {
    if (operation.outcome && !operation.fetched) return false;
  }
  return true;
}

HttpResponse answer_begun(const std::string& id, bool is_same) {
  return is_same ? answer_with(202, Json{{"request-id", id}}) : refuse(409, fmt::format("'{}' names another request", id));
}

HttpResponse answer_concluded(std::string_view operation) {
  return {200, fmt::format(R"({{"status":{{"id":"COMPLETED"}},"operation":{}}})", operation)};
}

std::string failed_operation(std::string_view name, std::string_view why) {
  return answer_with(200, Json{{std::string{name}, failure_cause<Json>(why)}}).body;
}

}  // namespace tidemark
