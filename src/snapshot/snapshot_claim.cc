#include "snapshot/snapshot_claim.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tidemark/detail/base/hash.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLargestClaim = 1u << 16;
constexpr std::uint32_t kVersion = 1;

std::string claim_path(const std::string& folder) { return join_path(folder, kClaimName); }

std::string checksum_line(std::string_view first_line) {
  return fmt::format("xxh3 {:016x}\n", detail::hash_bytes(first_line));
}

std::string encode(const SnapshotClaim& claim) {
  const Json json{{"version", kVersion}, {"job", claim.job}, {"folder", claim.folder}, {"token", claim.token}};
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
  text += checksum_line(text);
  return text;
}

std::optional<std::string> text_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

Result<SnapshotClaim> decode(std::string_view bytes, const std::string& path) {
  const auto damaged = [&](std::string_view what) {
    return fail(ErrorCode::kDataLoss,
                fmt::format("'{}', which says who has claimed the snapshot, is damaged: {}; if no job uses the "
                            "snapshot, remove that file",
                            path, what));
  };
  const std::size_t first_line = bytes.find('\n') + 1;
  if (first_line == 0 || bytes.substr(first_line) != checksum_line(bytes.substr(0, first_line))) {
    return damaged("its checksum does not match");
  }
  const Json json = Json::parse(bytes.substr(0, first_line), nullptr, false);
  if (!json.is_object()) return damaged("it is no JSON object");
  if (const auto version = json.find("version"); version == json.end() || *version != kVersion) {
    return fail(ErrorCode::kUnsupportedVersion,
                fmt::format("'{}' was written by a newer Tidemark; use that one", path));
  }
  const auto job = text_of(json, "job");
  const auto folder = text_of(json, "folder");
  const auto token = text_of(json, "token");
  if (!job || !folder || !token) return damaged("a field is missing or of the wrong kind");
  return SnapshotClaim{*job, *folder, *token};
}

}  // namespace

Result<std::optional<SnapshotClaim>> read_claim(FileSystem& files, const std::string& folder) {
  const std::string path = claim_path(folder);
  const auto bytes = read_file(files, path, kLargestClaim);
  if (!bytes && bytes.error().code() == ErrorCode::kNotFound) return std::nullopt;
  if (!bytes) return std::unexpected{bytes.error()};
  TIDEMARK_ASSIGN(claim, decode(*bytes, path));
  return std::optional{std::move(claim)};
}

Result<> refuse_if_claimed(FileSystem& files, const std::string& folder, std::string_view token) {
  TIDEMARK_ASSIGN(claim, read_claim(files, folder));
  if (!claim || claim->token == token) return {};
  TIDEMARK_PROBE("claim: another job has it");
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("'{}' belongs to job '{}' with its checkpoints in '{}', which has claimed it and may delete it "
                          "at any time: resume from another savepoint or checkpoint, or copy this one and remove the "
                          "file '{}' from the copy",
                          folder, claim->job, claim->folder, kClaimName));
}

Result<std::unique_ptr<FileLock>> lock_claim(FileSystem& files, const std::string& folder) {
  auto lock = files.lock(claim_path(folder) + ".lock");
  if (!lock && lock.error().code() == ErrorCode::kFailedPrecondition) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("another process claims or deletes '{}' just now: {}", folder, lock.error().message()));
  }
  return lock;
}

Result<> write_claim(FileSystem& files, const std::string& folder, const SnapshotClaim& claim) {
  // Also where it is there already: whoever wrote it may have died before it was durable.
  TIDEMARK_PROBE("claim: a snapshot is claimed");
  return replace_file(files, claim_path(folder), encode(claim));
}

Result<> remove_claim(FileSystem& files, const std::string& folder) {
  TIDEMARK_PROBE("claim: a claim is given up");
  const auto removed = files.remove(claim_path(folder));
  if (!removed && removed.error().code() != ErrorCode::kNotFound) return removed;
  return files.sync_directory(folder);
}

}  // namespace tidemark
