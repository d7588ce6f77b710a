// What sources and sinks keep in checkpoints as bytes, where values of users' types stand among them: connectors write and read
// it, and a verdict (graph/verdict.h) looks for the types in it. Plain data, in the versioned binary encoding.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "tidemark/time.h"

namespace tidemark {

/// A type of the user's, of values that a source or a sink keeps as bytes.
struct KeptType {
  std::string name;    ///< "split", "position" or "committable"; of a source in two stages "first/split"
  std::string schema;  ///< canonical JSON
  friend bool operator==(const KeptType&, const KeptType&) = default;
};

namespace detail {

inline constexpr std::string_view kKeptSplit = "split";
inline constexpr std::string_view kKeptPosition = "position";
inline constexpr std::string_view kKeptCommittable = "committable";

/// A value of a user's type with its schema, so that it can be converted when the type has changed.
struct DescribedValue {
  static constexpr std::uint8_t kVersion = 1;
  std::uint8_t version = kVersion;
  std::string schema;
  std::string item;
};

/// The list of a source's enumerator, of one EnumeratorState.
inline constexpr std::string_view kEnumeratorList = "enumerator";
struct EnumeratorState {
  std::string unassigned;  ///< as the source's own enumerator writes it
};
/// In what the enumerator of a user's source writes: the splits that no reader has.
inline constexpr std::string_view kUnassignedSplits = "unassigned";

/// The list of a source's readers.
inline constexpr std::string_view kSplitsList = "splits";
struct SplitState {
  std::string split;
  std::string position;  ///< empty: its beginning
  Timestamp watermark;
};

/// Of a source in two stages: what the enumerator of each writes. A split begins with the letter of its stage.
struct HybridState {
  static constexpr std::uint8_t kVersion = 1;
  std::uint8_t version = kVersion;
  std::uint8_t stage = 0;
  std::string first;
  std::string then;
};
inline constexpr std::array<char, 2> kStageLetters = {'1', '2'};
/// Before the names of its KeptTypes.
inline constexpr std::array<std::string_view, 2> kStageNames = {"first/", "then/"};

}  // namespace detail
}  // namespace tidemark
