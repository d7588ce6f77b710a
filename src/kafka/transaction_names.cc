#include "kafka/transaction_names.h"

#include <fmt/format.h>

#include <charconv>

namespace tidemark::detail {

std::string TransactionNames::transactional_id(std::uint32_t subtask) const { return fmt::format("{}-{}", prefix_, subtask); }

std::string TransactionNames::marker_group(std::uint32_t subtask, std::string_view run) const { return fmt::format("{}-{}-{}", prefix_, subtask, run); }

std::optional<std::uint32_t> TransactionNames::subtask_of_group(std::string_view group) const {
  const std::string before = prefix_ + "-";
  if (!group.starts_with(before)) return std::nullopt;
  const std::string_view rest = group.substr(before.size());
  std::uint32_t subtask = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), subtask);
  if (error != std::errc{} || end == rest.data() + rest.size() || *end != '-') return std::nullopt;
  return subtask;
}

}  // namespace tidemark::detail
