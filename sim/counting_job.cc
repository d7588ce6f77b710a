#include "sim/counting_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "tidemark/tidemark.h"

namespace tidemark {

// The simulator runs a job by itself instead of by Job::run().
struct detail::JobAccess {
  static const JobBuilder& builder(const Job& job) { return job.builder_; }
};

namespace {

struct Number {
  std::int64_t key = 0;
  std::int64_t number = 0;
};

struct Row {
  std::int64_t key = 0;
  std::int64_t count = 0;
  std::int64_t number = 0;
};

class Count final : public KeyedProcess<std::int64_t, Number, Row> {
 public:
  explicit Count(Declare& declare) : count_{declare, "count"} {}

  void process(const Number& record, Context& ctx, Out<Row>& out) override {
    const std::int64_t count = count_.get() + 1;
    count_.set(count);
    out.emit({ctx.key(), count, record.number});
  }

 private:
  ValueState<std::int64_t> count_;
};

// {"key":1,"count":2,"number":3}
std::optional<Row> parse_row(std::string_view line) {
  Row row;
  const auto take = [&line](std::string_view text) {
    if (!line.starts_with(text)) return false;
    line.remove_prefix(text.size());
    return true;
  };
  const auto number = [&line](std::int64_t& to) {
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), to);
    line.remove_prefix(static_cast<std::size_t>(end - line.data()));
    return error == std::errc{};
  };
  const bool parsed = take(R"({"key":)") && number(row.key) && take(R"(,"count":)") && number(row.count) &&
                      take(R"(,"number":)") && number(row.number) && line == "}";
  return parsed ? std::optional{row} : std::nullopt;
}

/// The committed rows, or what is wrong with their files.
Result<std::vector<Row>> read_rows(FileSystem& files, const std::string& directory) {
  std::vector<Row> rows;
  const auto entries = files.list(directory);
  if (!entries && entries.error().code() == ErrorCode::kNotFound) return rows;
  if (!entries) return std::unexpected{entries.error()};
  for (const DirectoryEntry& entry : *entries) {
    if (entry.name.starts_with('.')) continue;
    TIDEMARK_ASSIGN(content, read_file(files, join_path(directory, entry.name)));
    std::string_view rest{content};
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      const auto row = parse_row(rest.substr(0, end));
      if (!row || end == std::string_view::npos) {
        return fail(ErrorCode::kDataLoss, fmt::format("'{}' holds '{}'", entry.name, rest.substr(0, end)));
      }
      rows.push_back(*row);
      rest.remove_prefix(end + 1);
    }
  }
  return rows;
}

std::optional<std::string> find_wrong_row(const std::vector<Row>& rows, const CountingJob& job) {
  std::set<std::int64_t> numbers;
  std::set<std::pair<std::int64_t, std::int64_t>> counts;
  for (const Row& row : rows) {
    const auto number = static_cast<std::uint64_t>(row.number);
    if (number >= job.records || number % job.keys != static_cast<std::uint64_t>(row.key)) {
      return fmt::format("number {} of key {} was never read", row.number, row.key);
    }
    if (!numbers.insert(row.number).second) return fmt::format("number {} was counted twice", row.number);
    if (!counts.emplace(row.key, row.count).second) {
      return fmt::format("key {} has the count {} twice", row.key, row.count);
    }
  }
  return std::nullopt;
}

}  // namespace

SimulatedJob CountingJob::build() const {
  const char* argv[] = {name.c_str()};
  Job job{name, 1, argv};
  const auto make = [keys = keys](std::uint64_t n) {
    return Number{static_cast<std::int64_t>(n % keys), static_cast<std::int64_t>(n)};
  };
  const auto bad_luck = [at = throw_at, thrown = has_thrown](const Number& record) {
    const bool is_it = at != 0 && static_cast<std::uint64_t>(record.number) == at;
    if (is_it && !std::exchange(*thrown, true)) throw std::runtime_error{"bad luck"};
    return true;
  };
  job.from(generate<Number>(records, make).event_time(&Number::number))
      .uid("numbers")
      .filter(bad_luck)
      .key_by(&Number::key)
      .process<Count>()
      .uid("counts")
      .to(write_files(out, as_json()))
      .uid("files");

  const detail::JobBuilder& builder = detail::JobAccess::builder(job);
  if (builder.complaint()) throw *builder.complaint();
  LogicalPlan logical = builder.plan();
  logical.job = name;
  logical.parallelism = parallelism;
  return {value_or_throw(make_physical_plan(std::move(logical))), builder.factories()};
}

std::optional<std::string> CountingJob::check_so_far(FileSystem& files) const {
  const auto rows = read_rows(files, out);
  return rows ? find_wrong_row(*rows, *this) : rows.error().message();
}

std::optional<std::string> CountingJob::check_finished(FileSystem& files) const {
  const auto rows = read_rows(files, out);
  if (!rows) return rows.error().message();
  if (auto wrong = find_wrong_row(*rows, *this)) return wrong;
  // No number twice and none too many: as many as there should be are all of them.
  if (rows->size() != records) return fmt::format("{} of {} numbers were counted", rows->size(), records);
  std::map<std::int64_t, std::int64_t> highest, rows_of;
  for (const Row& row : *rows) {
    highest[row.key] = std::max(highest[row.key], row.count);
    ++rows_of[row.key];
  }
  for (const auto& [key, count] : highest) {
    if (count != rows_of[key]) return fmt::format("key {} was counted up to {} in {} rows", key, count, rows_of[key]);
  }
  for (const DirectoryEntry& entry : value_or_throw(files.list(out))) {
    if (entry.name.starts_with('.') && entry.name != ".part.owner") return fmt::format("'{}' is left over", entry.name);
  }
  return std::nullopt;
}

}  // namespace tidemark
