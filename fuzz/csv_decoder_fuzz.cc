// Lines of CSV: what is written reads back, through files, too; however a file is cut into splits and blocks, its
// records are the same. The first byte chooses delimiter and header.
#include "codec/csv_decoder.h"
#include "codec/test_records.h"
#include "fuzz/input.h"
#include "fuzz/split_reading.h"
#include "fuzz/target.h"
#include "tidemark/detail/codec/csv_encode.h"

namespace tidemark::fuzz {
namespace {

struct Row {
  std::int64_t id = 0;
  std::string_view name;
  std::optional<std::string> note;
  std::optional<double> ratio;
  float weight = 0;
  bool open = false;
  test::Color color = test::Color::kRed;
  test::Plain plain = test::Plain::kNone;
  Timestamp at;
  std::chrono::sys_days day;
  std::optional<std::chrono::seconds> lasting;
  std::vector<std::byte> bytes;
  std::uint8_t small = 0;
  bool operator==(const Row&) const = default;
};
struct Loose {
  std::optional<std::int64_t> a;
  std::optional<std::string_view> b;
  std::optional<bool> c;
  bool operator==(const Loose&) const = default;
};
struct Text {
  std::string text;
  bool operator==(const Text&) const = default;
};

template <class T>
std::string as_csv_line(const T& record, char delimiter) {
  std::string line;
  detail::append_csv(record, line, delimiter);
  return line;
}

bool settle(std::optional<DecodeError> error, std::string_view line) {
  if (!error) return true;
  TIDEMARK_CHECK(error->column >= 1 && error->column <= line.size() + 2,
                 "an error's column lies in the line or behind it");
  TIDEMARK_CHECK(!error->message.empty(), "an error says what is wrong");
  return false;
}

template <class T>
bool decode(std::string_view line, char delimiter, T& record, detail::Arena& text) {
  CsvDecoder decoder{detail::layout_of<T>(), delimiter};
  const bool decoded = settle(decoder.decode(line, &record, text), line);
  if (!decoded) static_cast<void>(as_csv_line(record, delimiter));  // unspecified, but valid
  return decoded;
}

template <class T>
void check_round_trip(const T& record, char delimiter) {
  const std::string line = as_csv_line(record, delimiter);
  detail::Arena text;
  T back{};
  TIDEMARK_CHECK(decode(line, delimiter, back, text), "what was written can be read");
  TIDEMARK_CHECK(back == record, "a record survives being written and read");
}

// A sink's file read by a source: a line that a person would call blank is a record, too.
template <class T>
void check_file(const std::vector<T>& records, const detail::FileSourceOptions& options) {
  std::string content;
  std::vector<std::string> expected;
  if (options.csv.header) {
    detail::append_csv_header<T>(content, options.csv.delimiter);
    content += '\n';
  }
  for (const T& record : records) {
    content += as_csv_line(record, options.csv.delimiter) + '\n';
    detail::append_json(record, expected.emplace_back());
  }
  const ReadRecords read = check_cuts<T>(content, options);
  TIDEMARK_CHECK(read.error.empty() && read.bad.empty() && read.records.size() == records.size(), "a file reads back");
  for (std::size_t i = 0; i < records.size(); ++i)
    TIDEMARK_CHECK(read.records[i].starts_with(expected[i] + " at "),
                   "a file's records survive being written and read");
}

// Lines end at line breaks, whatever stands around them.
template <class T>
bool fits_lines(const T& record, char delimiter) {
  return as_csv_line(record, delimiter).find_first_of("\r\n") == std::string::npos;
}

template <class T>
void check_type(std::string_view input, const detail::FileSourceOptions& options) {
  const char delimiter = options.csv.delimiter;
  std::vector<T> records;
  detail::Arena text;
  T record{};
  if (decode(input, delimiter, record, text)) records.push_back(record);
  Input in{input};
  while (!in.empty() && records.size() < 3) records.push_back(any_value<T>(in, Values::kReadableAsText));
  for (const T& each : records) check_round_trip(each, delimiter);
  std::erase_if(records, [&](const T& each) { return !fits_lines(each, delimiter); });
  check_file(records, options);
}

void check(std::string_view input) {
  static constexpr std::string_view kDelimiters = ",;\t| \x01";
  Input in{input};
  const auto choice = in.number<std::uint8_t>();
  const detail::FileSourceOptions options{
      .format = detail::LineFormat::kCsv,
      .csv = {.header = choice % 2 == 0, .delimiter = kDelimiters[choice / 2 % kDelimiters.size()]}};
  check_type<Row>(in.rest(), options);
  check_type<Loose>(in.rest(), options);
  check_type<Text>(in.rest(), options);
  check_cuts<Row>(in.rest(), options);
  check_cuts<Loose>(in.rest(), options);

  CsvDecoder decoder{detail::layout_of<Loose>(), options.csv.delimiter};
  static_cast<void>(settle(decoder.read_header(in.rest()), in.rest()));
}

const Registration kTarget{"csv_decoder", check};

}  // namespace
}  // namespace tidemark::fuzz
