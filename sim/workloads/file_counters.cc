// The counters of keyed_counters.h, with records from files: lines of many lengths in splits of a few bytes, some of them blank
// or no record.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "connectors/file_split.h"
#include "connectors/list_state.h"
#include "sim/workloads/checkpoint_contents.h"
#include "sim/workloads/keyed_counters.h"
#include "sim/workloads/workloads.h"
#include "tidemark/detail/connectors/assigned_splits.h"

namespace tidemark {
namespace {

constexpr const char* kDirectory = kSimulatedInputDir;
constexpr std::size_t kFiles = 3;

struct Line {
  std::int64_t key = 0;
  std::int64_t number = 0;
  std::string_view padding;
};

/// Where a record begins.
struct Place {
  std::string path;
  std::uint64_t offset = 0;
};

/// What a checkpoint says is still to be read of a file: the records that begin in [begin, end).
struct Unread {
  std::string path;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

class FileCounters final : public KeyedCounters {
 public:
  explicit FileCounters(const WorkloadOptions& options) : KeyedCounters{options} { write_lines(); }

  std::string name() const override { return "file-counters"; }

  void prepare(FileSystem& files) const override {
    value_or_throw(make_durable_directories(files, kDirectory));
    for (std::size_t file = 0; file < kFiles; ++file) value_or_throw(replace_file(files, path_of(file), contents_[file]));
  }

 private:
  static std::string path_of(std::size_t file) { return fmt::format("{}/numbers-{}.ndjson", kDirectory, file); }

  void write_lines() {
    Dice dice{options().seed};
    for (const Number& record : *input()) {
      const auto file = static_cast<std::size_t>(dice.below(kFiles));
      std::string& content = contents_[file];
      if (dice.one_in(10)) content += dice.one_in(2) ? "\n" : "{\"key\": none}\n";
      places_.push_back({path_of(file), content.size()});
      const auto padding = static_cast<std::size_t>(dice.below(dice.one_in(10) ? 500 : 50));
      content += fmt::format("{{\"key\":{},\"number\":{},\"padding\":\"{}\"}}\n", record.key, record.number, std::string(padding, '.'));
    }
    for (std::string& content : contents_) {
      if (!content.empty() && dice.one_in(2)) content.pop_back();
    }
  }

  Stream<Number> numbers(Job& job) const override {
    const std::uint64_t split_bytes = std::uint64_t{50} << options().seed % 5;
    const auto lines = read_files<Line>(fmt::format("{}/*", kDirectory))
                           .event_time(&Line::number)
                           .split_size(split_bytes)
                           .on_error(skip());
    return job.from(lines)
        .uid(kSource)
        .map([](const Line& line) { return Number{line.key, line.number}; });
  }

  Result<std::vector<bool>> read_before(const CheckpointMetadata& checkpoint) const override {
    std::vector<Unread> unread;
    bool listed = false;
    TIDEMARK_TRY(read_items(checkpoint, kSource, "enumerator",
                            [&](std::string_view bytes) { return take_rest(bytes, unread, listed); }));
    TIDEMARK_TRY(read_items(checkpoint, kSource, "splits",
                            [&](std::string_view bytes) { return take_split(bytes, unread); }));
    std::vector<bool> read;
    for (const Place& place : places_) {
      read.push_back(listed && std::ranges::none_of(unread, [&](const Unread& u) {
        return u.path == place.path && u.begin <= place.offset && place.offset < u.end;
      }));
    }
    return read;
  }

  /// What no reader has been given. Until the files are listed that is everything.
  static bool take_rest(std::string_view bytes, std::vector<Unread>& unread, bool& listed) {
    EnumeratorState state;
    detail::UnassignedFiles rest;
    if (!detail::decode_item(bytes, state)) return false;
    listed = !state.unassigned.empty();
    if (!listed) return true;
    if (!detail::decode_versioned(state.unassigned, rest)) return false;
    for (const detail::UnassignedFile& file : rest.files) unread.push_back({file.path, file.begin, file.size});
    return true;
  }

  static bool take_split(std::string_view bytes, std::vector<Unread>& unread) {
    detail::SplitState state;
    detail::FileSplit split;
    if (!detail::decode_item(bytes, state) || !detail::decode_versioned(state.split, split)) return false;
    const auto begin = state.position.empty() ? std::optional{split.begin} : number_in(state.position);
    if (!begin) return false;
    unread.push_back({split.path, *begin, split.end});
    return true;
  }

  std::string contents_[kFiles];
  std::vector<Place> places_;  // of the n-th record
};

}  // namespace

std::unique_ptr<Workload> make_file_counters(const WorkloadOptions& options) { return std::make_unique<FileCounters>(options); }

}  // namespace tidemark
