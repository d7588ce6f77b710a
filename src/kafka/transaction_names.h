// What the transactions of a sink are called in the cluster: a subtask has a transactional id, which all of its attempts share, so that a later one
// fences an earlier; and each attempt of it a consumer group for its marker. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::detail {

class TransactionNames {
 public:
  explicit TransactionNames(std::string prefix) : prefix_{std::move(prefix)} {}

  std::string transactional_id(std::uint32_t subtask) const;
  /// `run`: what no other attempt of the subtask, of no run of the job, is called.
  std::string marker_group(std::uint32_t subtask, std::string_view run) const;
  /// Whose marker a consumer group is; nothing for a group that is not the sink's.
  std::optional<std::uint32_t> subtask_of_group(std::string_view group) const;

 private:
  std::string prefix_;
};

}  // namespace tidemark::detail
