#include "snapshot/checkpoint_pointer.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::pair<CheckpointKind, std::string_view>, 4> kKindNames{{
    {CheckpointKind::kPeriodic, "periodic"},
    {CheckpointKind::kFinal, "final"},
    {CheckpointKind::kStop, "stop"},
    {CheckpointKind::kStopSavepoint, "savepoint"},
}};

std::string_view name_of(CheckpointKind kind) {
  for (const auto& [value, name] : kKindNames) {
    if (value == kind) return name;
  }
  return {};
}

std::optional<CheckpointKind> kind_named(const Json* json) {
  if (json == nullptr || !json->is_string()) return std::nullopt;
  for (const auto& [value, name] : kKindNames) {
    if (json->get_ref<const std::string&>() == name) return value;
  }
  return std::nullopt;
}

std::string checksum_line(std::string_view first_line) {
  return fmt::format("xxh3 {:016x}\n", detail::hash_bytes(first_line));
}

const Json* member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> number(const Json* json, std::uint64_t largest) {
  if (json == nullptr || !json->is_number_unsigned()) return std::nullopt;
  const auto v = json->get<std::uint64_t>();
  return v <= largest ? std::optional{v} : std::nullopt;
}

std::optional<RetainedCheckpoint> read_checkpoint(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  const auto id = number(member(json, "id"), ~std::uint64_t{0});
  const auto attempt = number(member(json, "attempt"), ~AttemptId{0});
  const auto kind = kind_named(member(json, "kind"));
  if (!id || !attempt || !kind) return std::nullopt;
  RetainedCheckpoint checkpoint{*id, static_cast<AttemptId>(*attempt), *kind, {}};
  const Json* path = member(json, "path");
  if ((path != nullptr) != is_savepoint(*kind)) return std::nullopt;
  if (path == nullptr) return checkpoint;
  if (!path->is_string() || path->get_ref<const std::string&>().empty()) return std::nullopt;
  checkpoint.path = path->get<std::string>();
  return checkpoint;
}

std::optional<ClaimedSnapshot> read_claimed(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  const Json* path = member(json, "path");
  const Json* token = member(json, "token");
  const auto since = number(member(json, "since"), ~AttemptId{0});
  if (path == nullptr || !path->is_string() || token == nullptr || !token->is_string() || !since) return std::nullopt;
  return ClaimedSnapshot{path->get<std::string>(), token->get<std::string>(), static_cast<AttemptId>(*since)};
}

std::optional<RestoredSnapshot> read_restored(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  const Json* path = member(json, "path");
  const auto since = number(member(json, "since"), ~AttemptId{0});
  if (path == nullptr || !path->is_string() || !since) return std::nullopt;
  return RestoredSnapshot{path->get<std::string>(), static_cast<AttemptId>(*since)};
}

std::optional<CheckpointPointer> read_version_1(const Json& json) {
  const Json* job = member(json, "job");
  const auto attempt = number(member(json, "attempt"), ~AttemptId{0});
  const Json* checkpoints = member(json, "checkpoints");
  if (job == nullptr || !job->is_string() || !attempt || checkpoints == nullptr || !checkpoints->is_array())
    return std::nullopt;
  CheckpointPointer pointer;
  pointer.job = job->get<std::string>();
  pointer.attempt = static_cast<AttemptId>(*attempt);
  for (const Json& item : *checkpoints) {
    const auto checkpoint = read_checkpoint(item);
    if (!checkpoint) return std::nullopt;
    pointer.checkpoints.push_back(*checkpoint);
  }
  if (const Json* restored = member(json, "restored"); restored != nullptr) {
    pointer.restored = read_restored(*restored);
    if (!pointer.restored) return std::nullopt;
  }
  if (const Json* unused = member(json, "unused"); unused != nullptr) {
    if (!unused->is_boolean()) return std::nullopt;
    pointer.is_unused = unused->get<bool>();
  }
  const Json* claims = member(json, "claims");
  if (claims == nullptr) return pointer;
  if (!claims->is_array()) return std::nullopt;
  for (const Json& item : *claims) {
    auto claimed = read_claimed(item);
    if (!claimed) return std::nullopt;
    pointer.claims.push_back(*std::move(claimed));
  }
  return pointer;
}

}  // namespace

std::string encode_pointer(const CheckpointPointer& pointer) {
  Json checkpoints = Json::array();
  for (const RetainedCheckpoint& checkpoint : pointer.checkpoints) {
    Json item{{"id", checkpoint.id}, {"attempt", checkpoint.attempt}, {"kind", name_of(checkpoint.kind)}};
    if (!checkpoint.path.empty()) item["path"] = checkpoint.path;
    checkpoints.push_back(std::move(item));
  }
  Json json{{"version", kPointerVersion},
                  {"job", pointer.job},
                  {"attempt", pointer.attempt},
                  {"checkpoints", std::move(checkpoints)}};
  if (pointer.restored) json["restored"] = {{"path", pointer.restored->path}, {"since", pointer.restored->since}};
  if (pointer.is_unused) json["unused"] = true;
  for (const ClaimedSnapshot& claimed : pointer.claims) {
    json["claims"].push_back({{"path", claimed.path}, {"token", claimed.token}, {"since", claimed.since}});
  }
  std::string text = json.dump() + '\n';
  text += checksum_line(text);
  return text;
}

Result<CheckpointPointer> decode_pointer(std::string_view bytes, const std::string& path) {
  const auto damaged = [&](std::string_view what) {
    return fail(
        ErrorCode::kDataLoss,
        fmt::format(
            "'{}' is damaged: {}; the checkpoints beside it may be intact: name one with --resume=PATH and another "
            "--checkpoint-dir to go on from it",
            path, what));
  };
  // The two lines and the version stay the same in later versions.
  const std::size_t first_line = bytes.find('\n') + 1;
  if (first_line == 0 || bytes.substr(first_line) != checksum_line(bytes.substr(0, first_line))) {
    return damaged("its checksum does not match");
  }
  const Json json = Json::parse(bytes.substr(0, first_line), nullptr, false);
  const auto version = json.is_object() ? number(member(json, "version"), ~std::uint32_t{0}) : std::nullopt;
  if (!version) return damaged("it does not name its version");
  if (*version != kPointerVersion) {
    return fail(
        ErrorCode::kUnsupportedVersion,
        fmt::format(
            "'{}' was written by a newer Tidemark: it has version {}, and this one reads up to version {}; use that "
            "newer Tidemark or another --checkpoint-dir",
            path, *version, kPointerVersion));
  }
  auto pointer = read_version_1(json);
  if (!pointer) return damaged("a field is missing or of the wrong kind");
  return *std::move(pointer);
}

}  // namespace tidemark
