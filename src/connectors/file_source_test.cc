#include "tidemark/files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connectors/operator_driver.h"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using detail::Keeper;
using detail::SourceOperator;
using detail::SplitRecord;
using detail::World;
using detail::write_file;

std::string text_of(const TextLine& line) { return std::string{line.text}; }

/// A source with one reader, driven by hand.
template <class T, class Kept>
class SourceRun {
 public:
  SourceRun(World& world, const SourceDescription<T>& source, std::function<Kept(const T&)> make,
            std::vector<OperatorSnapshot> from = {})
      : context_{detail::make_context(world)},
        enumerator_context_{context_},
        records{std::move(make)},
        enumerator_{source.make_enumerator(requests_)},
        reader_{source.make_reader(requests_)} {
    for (const OperatorSnapshot& snapshot : from) {
      for (const auto& state : snapshot.list_states) context_.restore.list_states.push_back(state);
    }
    context_.restored = !from.empty();
    enumerator_context_.restore = context_.restore;
    enumerator_->out().add_receiver(*reader_);
    reader_->out().add_receiver(records);
    reader_->bad_records().add_receiver(bad);
    enumerator_->open(enumerator_context_);
    reader_->open(context_);
  }

  /// One poll of each; false at the end.
  bool step() {
    if (!enumerator_finished_) enumerator_finished_ = enumerator_->poll() == SourceOperator::Poll::kFinished;
    return reader_->poll() != SourceOperator::Poll::kFinished;
  }
  void run() {
    while (step()) {
    }
    EXPECT_TRUE(enumerator_finished_ || enumerator_->poll() == SourceOperator::Poll::kFinished);
  }
  std::vector<OperatorSnapshot> snapshot() {
    return {detail::take_snapshot(*enumerator_, 1), detail::take_snapshot(*reader_, 1)};
  }
  detail::SourceReaderOperator<T>& reader() { return *reader_; }
  detail::PendingInput pending() {
    detail::PendingInput all = enumerator_->pending();
    return all += reader_->pending();
  }

 private:
  std::shared_ptr<detail::SplitRequests> requests_ = std::make_shared<detail::SplitRequests>();
  detail::OperatorContext context_;
  detail::OperatorContext enumerator_context_;
  bool enumerator_finished_ = false;

 public:
  Keeper<T, Kept> records;
  Keeper<BadRecord> bad;

 private:
  std::unique_ptr<detail::SplitEnumeratorOperator> enumerator_;
  std::unique_ptr<detail::SourceReaderOperator<T>> reader_;
};

using LineRun = SourceRun<TextLine, std::string>;

std::vector<std::string> read_all(World& world, const SourceDescription<TextLine>& source) {
  LineRun run{world, source, text_of};
  run.run();
  return run.records.kept;
}

/// The message of the Error that `call` throws.
template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.message();
  }
  return "no error";
}

SourceDescription<TextLine> small_blocks(const std::string& pattern, std::uint64_t split_bytes, std::size_t block_bytes) {
  detail::FileSourceOptions options;
  options.pattern = pattern;
  options.format = detail::LineFormat::kText;
  options.split_bytes = split_bytes;
  options.block_bytes = block_bytes;
  return SourceDescription<TextLine>{
      std::make_shared<detail::FileSourceImplementation<TextLine>>(options, nullptr, detail::SourceTiming{})};
}

TEST(FileSourceTest, EverySplitAndBlockSizeGivesEachLineOnce) {
  World world;
  write_file(world.files, "/in/a.txt", "one\n\nthree is longer\r\nx\nlast without end");
  write_file(world.files, "/in/b.txt", "\nb2\nb3\n");
  const std::vector<std::string> expected = {"one", "", "three is longer", "x", "last without end", "", "b2", "b3"};
  for (std::uint64_t split = 1; split <= 45; ++split) {
    for (std::size_t block = 1; block <= 45; ++block) {
      EXPECT_EQ(read_all(world, small_blocks("/in/*.txt", split, block)), expected) << split << " " << block;
    }
  }
}

TEST(FileSourceTest, WhatIsReadAndWhatIsPendingIsTheInputAtEveryPollAndAfterARestore) {
  World world;
  write_file(world.files, "/in/a.txt", "1\n22\n333\n4444\n55555\n");
  write_file(world.files, "/in/b.txt", "6\n7\n8");
  constexpr std::uint64_t kAll = 20 + 5;
  for (const std::uint64_t split : {4u, 7u, 100u}) {
    LineRun first{world, small_blocks("/in/*.txt", split, 6), text_of};
    for (int poll = 0; first.step(); ++poll) {
      const std::uint64_t pending = *first.pending().bytes;
      if (split > kAll) {
        EXPECT_EQ(pending, kAll - first.reader().bytes_read()) << "no line goes beyond its split";
      }
      LineRun second{world, small_blocks("/in/*.txt", split, 6), text_of, first.snapshot()};
      EXPECT_EQ(*second.pending().bytes, pending) << "split " << split << ", poll " << poll;
      second.run();
      EXPECT_EQ(*second.pending().bytes, 0u);
    }
    EXPECT_EQ(*first.pending().bytes, 0u);
    EXPECT_FALSE(first.pending().records) << "nobody has counted the lines";
  }
}

TEST(FileSourceTest, ReadsFilesInTheOrderOfTheirPaths) {
  World world;
  for (const char* path : {"/in/b/1", "/in/a/2", "/in/a/10", "/in/c"}) write_file(world.files, path, path);
  write_file(world.files, "/in/.hidden", "no");
  EXPECT_EQ(read_all(world, read_lines("/in/**")), (std::vector<std::string>{"/in/a/10", "/in/a/2", "/in/b/1", "/in/c"}));
}

TEST(FileSourceTest, EmptyFilesAndMarksOfByteOrderAreNoLines) {
  World world;
  write_file(world.files, "/in/a", "");
  write_file(world.files, "/in/b", "\xEF\xBB\xBFx\n\xEF\xBB\xBFy\n");
  EXPECT_EQ(read_all(world, read_lines("/in/*")), (std::vector<std::string>{"x", "\xEF\xBB\xBFy"}));
}

TEST(FileSourceTest, ContinuesAfterARestoreAtEveryPoll) {
  World world;
  write_file(world.files, "/in/a.txt", "1\n22\n333\n4444\n55555\n");
  write_file(world.files, "/in/b.txt", "6\n7\n8");
  const std::vector<std::string> expected = {"1", "22", "333", "4444", "55555", "6", "7", "8"};
  for (std::uint64_t split = 1; split <= 22; ++split) {
    const auto source = small_blocks("/in/*.txt", split, 6);
    for (int polls = 0;; ++polls) {
      LineRun first{world, source, text_of};
      bool ended = false;
      for (int i = 0; i < polls && !ended; ++i) ended = !first.step();
      LineRun second{world, source, text_of, first.snapshot()};
      second.run();
      auto all = first.records.kept;
      all.insert(all.end(), second.records.kept.begin(), second.records.kept.end());
      EXPECT_EQ(all, expected) << split << " " << polls;
      if (ended) break;
    }
  }
}

TEST(FileSourceTest, ARestoredJobReadsTheFilesOfItsStart) {
  World world;
  write_file(world.files, "/in/b", "1\n2\n");
  const auto source = small_blocks("/in/*", 2, 64);
  LineRun first{world, source, text_of};
  first.step();
  write_file(world.files, "/in/a", "new\n");
  write_file(world.files, "/in/b", "1\n2\nnew\n");
  LineRun second{world, source, text_of, first.snapshot()};
  second.run();
  auto all = first.records.kept;
  all.insert(all.end(), second.records.kept.begin(), second.records.kept.end());
  EXPECT_EQ(all, (std::vector<std::string>{"1", "2"}));
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) bytes.push_back(static_cast<char>(std::stoi(std::string{hex.substr(i, 2)}, nullptr, 16)));
  return bytes;
}

const std::vector<std::string> kPackedLines = {"1", "22", "333", "4444", "55555", "6", "7", "8"};
// Of two members, and of two frames.
const std::string kGzip = from_hex(
    "1f8b080000000000020333e43232e2323636e60200235670a2090000001f8b080000000000020333313131e13205012e332e732e0b0082f37d8710000000");
const std::string kZstd =
    from_hex("28b52ffd0458490000310a32320a3333330af5477b6828b52ffd0458810000343434340a35353535350a360a370a3845b8f66e");

TEST(PackedFiles, AreReadAsWhatTheyHoldAndOnAfterARestoreAtEveryPoll) {
  World world;
  write_file(world.files, "/in/a.gz", kGzip);
  write_file(world.files, "/in/b.ZST", kZstd);
  write_file(world.files, "/in/c.txt", "plain\n");
  std::vector<std::string> expected = kPackedLines;
  expected.insert(expected.end(), kPackedLines.begin(), kPackedLines.end());
  expected.push_back("plain");
  for (const std::uint64_t split : {1, 1000}) {
    for (const std::size_t block : {1, 6, 1000}) {
      const auto source = small_blocks("/in/*", split, block);
      for (int polls = 0;; ++polls) {
        LineRun first{world, source, text_of};
        bool ended = false;
        for (int i = 0; i < polls && !ended; ++i) ended = !first.step();
        LineRun second{world, source, text_of, first.snapshot()};
        second.run();
        auto all = first.records.kept;
        all.insert(all.end(), second.records.kept.begin(), second.records.kept.end());
        ASSERT_EQ(all, expected) << split << " " << block << " " << polls;
        if (ended) break;
      }
    }
  }
}

TEST(PackedFiles, DamageIsAnErrorWithFileAndPlace) {
  World world;
  for (const std::string& whole : {kGzip, kZstd}) {
    const std::string path = whole == kGzip ? "/in/x.gz" : "/in/x.zst";
    write_file(world.files, path, whole.substr(0, whole.size() - 3));
    std::string message = error_of([&] { read_all(world, read_lines(path)); });
    EXPECT_NE(message.find("'" + path + "' can't be unpacked"), std::string::npos) << message;
    EXPECT_NE(message.find("it ends in the middle"), std::string::npos) << message;
    write_file(world.files, path, "{\"no\":\"archive\"}\n");
    message = error_of([&] { read_all(world, read_lines(path)); });
    EXPECT_NE(message.find("at byte 0 of the file, 0 bytes of its content"), std::string::npos) << message;
    write_file(world.files, path, whole + "?");
    message = error_of([&] { read_all(world, read_lines(path)); });
    EXPECT_NE(message.find("can't be unpacked"), std::string::npos) << message;
  }
}

TEST(PackedFiles, ANameThatDoesNotSaySoIsNamedWithWhatToDo) {
  World world;
  write_file(world.files, "/in/x", kGzip);
  const std::string message = error_of([&] { read_all(world, read_lines("/in/x")); });
  EXPECT_NE(message.find(".compressed(Compression::kGzip)"), std::string::npos) << message;
  EXPECT_EQ(read_all(world, read_lines("/in/x").compressed(Compression::kGzip)), kPackedLines);
}

TEST(PackedFiles, ErrorsInThemNameTheLine) {
  World world;
  write_file(world.files, "/in/x.gz", kGzip);
  struct Row {
    std::int64_t n;
  };
  SourceRun<Row, std::int64_t> run{world, read_files<Row>("/in/*").format(as_csv({.header = false})), [](const Row& row) { return row.n; }};
  run.run();
  EXPECT_EQ(run.records.kept, (std::vector<std::int64_t>{1, 22, 333, 4444, 55555, 6, 7, 8}));
  SourceRun<Row, std::int64_t> json{world, read_files<Row>("/in/*"), [](const Row& row) { return row.n; }};
  EXPECT_TRUE(error_of([&] { json.run(); }).starts_with("/in/x.gz:1:"));
}

/// Of a source that never ends: until it has read what is there.
template <class Run>
void read_what_is_there(World& world, Run& run) {
  for (int i = 0; i < 20; ++i) {
    run.step();
    world.settle();
  }
}

TEST(WatchedFolder, EachFileIsReadOnceWheneverItAppears) {
  const auto source = read_lines("/in/*").watch(1s);
  for (int restore_at = 0; restore_at < 4; ++restore_at) {
    World world;
    std::vector<std::string> lines;
    auto run = std::make_unique<LineRun>(world, source, text_of);
    const auto go_on = [&](int stage) {
      read_what_is_there(world, *run);
      lines.insert(lines.end(), run->records.kept.begin(), run->records.kept.end());
      run->records.kept.clear();
      if (stage == restore_at) run = std::make_unique<LineRun>(world, source, text_of, run->snapshot());
      world.clock.now_ns += 1'000'000'000;
    };
    go_on(0);
    write_file(world.files, "/in/b", "b\n");
    write_file(world.files, "/in/empty", "");
    go_on(1);
    write_file(world.files, "/in/a", "a\n");
    write_file(world.files, "/in/empty", "not any more\n");
    go_on(2);
    ASSERT_TRUE(world.files.remove("/in/b"));
    go_on(3);
    go_on(4);
    EXPECT_EQ(lines, (std::vector<std::string>{"b", "a", "not any more"})) << restore_at;
    write_file(world.files, "/in/b", "b again\n");
    go_on(5);
    EXPECT_EQ(lines.back(), "b again");
  }
}

TEST(WatchedFolder, AFileOfTheNameAndSizeOfOneThatWasThereIsReadItself) {
  World world;
  LineRun run{world, read_lines("/in/*").watch(1s), text_of};
  for (const std::string_view line : {"old\n", "new\n"}) {
    write_file(world.files, "/in/a", line);
    read_what_is_there(world, run);
    ASSERT_TRUE(world.files.remove("/in/a"));
    world.clock.now_ns += 1'000'000'000;
    read_what_is_there(world, run);
    world.clock.now_ns += 1'000'000'000;
  }
  EXPECT_EQ(run.records.kept, (std::vector<std::string>{"old", "new"}));
}

TEST(WatchedFolder, AFolderThatIsAwayAtOneLookIsNotReadAgain) {
  World world;
  LineRun run{world, read_lines("/mount/in/*").watch(1s), text_of};
  write_file(world.files, "/mount/in/a", "a\n");
  read_what_is_there(world, run);
  const auto move_and_look = [&](const char* from, const char* to) {
    ASSERT_TRUE(world.files.rename(from, to));
    world.clock.now_ns += 1'000'000'000;
    read_what_is_there(world, run);
  };
  move_and_look("/mount/in", "/mount/away");
  move_and_look("/mount/away", "/mount/in");
  EXPECT_EQ(run.records.kept, (std::vector<std::string>{"a"}));
}

TEST(WatchedFolder, AFileThatWasAwayBeforeItsTurnIsReadOnceAndAsItIsThen) {
  World world;
  detail::OperatorContext context = detail::make_context(world);
  detail::FileSourceOptions options;
  options.pattern = "/in/*";
  options.watch_every = 1s;
  const auto splits = detail::file_split_enumerator(options)(context);
  const auto look = [&] {
    const auto search = splits->search();
    search->run();
    splits->adopt(*search);
  };
  write_file(world.files, "/in/a", "a\n");
  look();
  ASSERT_TRUE(world.files.remove("/in/a"));
  look();
  write_file(world.files, "/in/a", "longer\n");
  look();
  ASSERT_TRUE(splits->next());
  EXPECT_FALSE(splits->next());
  const std::string left = splits->snapshot();
  look();
  EXPECT_EQ(splits->snapshot(), left);
}

TEST(WatchedFolder, AReaderIsIdleWhileThereIsNothingAndNotWhileItReads) {
  World world;
  const auto source = read_lines("/in/*").watch(1s).event_time([](const TextLine& line) { return std::stoll(std::string{line.text}); });
  LineRun run{world, source, text_of};
  EXPECT_FALSE(run.reader().idle());
  read_what_is_there(world, run);
  EXPECT_TRUE(run.reader().idle());
  write_file(world.files, "/in/a", "7\n");
  world.clock.now_ns += 1'000'000'000;
  run.step();
  world.settle();
  ASSERT_TRUE(run.step());
  EXPECT_FALSE(run.reader().idle());
  EXPECT_EQ(run.records.kept, (std::vector<std::string>{"7"}));
  read_what_is_there(world, run);
  EXPECT_TRUE(run.reader().idle());
  EXPECT_EQ(run.reader().watermark(), Timestamp{6});
}

TEST(WatchedFolder, ACheckpointOfARunThatDidNotWatchIsRefused) {
  World world;
  write_file(world.files, "/in/a", "a\n");
  LineRun once{world, read_lines("/in/*"), text_of};
  once.step();
  EXPECT_NE(error_of([&] { LineRun{world, read_lines("/in/*").watch(1s), text_of, once.snapshot()}; }).find("another uid"), std::string::npos);
}

struct Bid {
  std::int64_t auction;
  std::int64_t price;
  std::string_view url;
  Timestamp date_time;
};
struct KeptBid {
  std::int64_t auction;
  std::string url;
  friend bool operator==(const KeptBid&, const KeptBid&) = default;
};
KeptBid keep(const Bid& bid) { return {bid.auction, std::string{bid.url}}; }
using BidRun = SourceRun<Bid, KeptBid>;

constexpr const char* kBids =
    R"({"auction":1,"price":10,"url":"a","date_time":1000})"
    "\n"
    R"({"auction":2,"price":"ten","url":"b","date_time":3000})"
    "\n \n"
    R"({"auction":3,"price":30,"url":"c\u0041","date_time":2000})"
    "\n"
    "oops\n";

FileSource<Bid> bids() { return read_files<Bid>("/in/*.ndjson").event_time(&Bid::date_time, out_of_order_by(500ms)); }

TEST(FileSourceTest, FailsWithFileLineAndColumn) {
  World world;
  write_file(world.files, "/in/x.ndjson", kBids);
  BidRun run{world, bids(), keep};
  const std::string message = error_of([&] { run.run(); });
  EXPECT_TRUE(message.starts_with("/in/x.ndjson:2:22: \"price\"")) << message;
  EXPECT_NE(message.find("on_error(skip())"), std::string::npos) << message;
}

TEST(FileSourceTest, SkipsAndCountsWhatIsNoRecord) {
  World world;
  write_file(world.files, "/in/x.ndjson", kBids);
  BidRun run{world, bids().on_error(skip()), keep};
  run.run();
  EXPECT_EQ(run.records.kept, (std::vector<KeptBid>{{1, "a"}, {3, "cA"}}));
  EXPECT_EQ(run.reader().skipped(), 2u);
}

TEST(FileSourceTest, KeepsWhatIsNoRecordInASideOutput) {
  for (const std::uint64_t split : {1, 7, 60, 1000}) {
    World world;
    write_file(world.files, "/in/x.ndjson", kBids);
    const SourceDescription<Bid> source = bids().on_error(side_output("bad")).split_size(split);
    EXPECT_EQ(source.bad_records_output(), "bad");
    BidRun run{world, source, keep};
    run.run();
    EXPECT_EQ(run.records.kept.size(), 2u);
    ASSERT_EQ(run.bad.kept.size(), 2u);
    EXPECT_EQ(run.bad.kept[0].file, "/in/x.ndjson");
    EXPECT_EQ(run.bad.kept[0].line, 2u);
    EXPECT_EQ(run.bad.kept[0].column, 22u);
    EXPECT_EQ(run.bad.kept[1].line, 5u);
    EXPECT_EQ(run.bad.kept[1].text, "oops");
    EXPECT_EQ(run.reader().skipped(), 0u);
  }
}

TEST(FileSourceTest, TheWatermarkFollowsTheNewestRecordAndEndsAtInfinity) {
  World world;
  write_file(world.files, "/in/x.ndjson", R"({"auction":1,"price":1,"url":"","date_time":3000})");
  BidRun run{world, bids(), keep};
  EXPECT_EQ(run.reader().watermark(), Timestamp::min());
  ASSERT_TRUE(run.step());
  ASSERT_EQ(run.records.kept.size(), 1u);
  EXPECT_EQ(run.records.timestamps[0], 3000);
  run.run();
  EXPECT_EQ(run.reader().watermark(), Timestamp::max());
}

TEST(FileSourceTest, ARestoredSplitKeepsItsWatermark) {
  World world;
  write_file(world.files, "/in/x.ndjson", R"({"auction":1,"price":1,"url":"","date_time":3000})"
                                          "\n" R"({"auction":2,"price":1,"url":"","date_time":1000})");
  detail::FileSourceOptions options;
  options.pattern = "/in/*";
  options.block_bytes = 60;
  const SourceDescription<Bid> source{std::make_shared<detail::FileSourceImplementation<Bid>>(
      options, detail::make_event_times<Bid>(&Bid::date_time), detail::SourceTiming{.out_of_orderness = 500ms})};
  BidRun first{world, source, keep};
  first.step();
  ASSERT_EQ(first.records.kept.size(), 1u);
  EXPECT_EQ(first.reader().watermark(), Timestamp{2499});
  BidRun second{world, source, keep, first.snapshot()};
  ASSERT_TRUE(second.step());
  EXPECT_EQ(second.records.kept.size(), 1u);
  EXPECT_EQ(second.reader().watermark(), Timestamp{2499});
}

TEST(FileSourceTest, EventTimesMayBeNumbersAndTimePoints) {
  struct Event {
    std::chrono::sys_time<std::chrono::microseconds> at;
    std::int64_t ms;
  };
  World world;
  write_file(world.files, "/in/x", R"({"at":-1,"ms":7})");
  for (const bool number : {false, true}) {
    auto builder = read_files<Event>("/in/x");
    if (number) builder.event_time(&Event::ms);
    if (!number) builder.event_time([](const Event& event) { return event.at; });
    SourceRun<Event, std::int64_t> run{world, builder, [](const Event& event) { return event.ms; }};
    run.run();
    EXPECT_EQ(run.records.timestamps, std::vector<std::int64_t>{number ? 7 : -1});
  }
}

TEST(FileSourceTest, AThrowingEventTimeNamesTheLine) {
  World world;
  write_file(world.files, "/in/x", "a\n\nb\n");
  const auto source = read_lines("/in/x").event_time([](const TextLine& line) -> std::int64_t {
    if (line.text == "b") throw std::runtime_error{"no time in it"};
    return 0;
  });
  LineRun run{world, source, text_of};
  try {
    run.run();
    FAIL();
  } catch (const detail::TaskFailure& failure) {
    EXPECT_NE(failure.error().message().find("/in/x:3: no time in it"), std::string::npos) << failure.what();
  }
}

struct Row {
  std::string_view name;
  std::optional<std::int64_t> amount;
};
struct KeptRow {
  std::string name;
  std::int64_t amount;
  friend bool operator==(const KeptRow&, const KeptRow&) = default;
};
KeptRow keep_row(const Row& row) { return {std::string{row.name}, row.amount.value_or(-1)}; }
using RowRun = SourceRun<Row, KeptRow>;

TEST(FileSourceTest, CsvColumnsGoByTheHeaderInEverySplit) {
  World world;
  write_file(world.files, "/in/a.csv", "\xEF\xBB\xBF" "amount,ignored,name\r\n1,x,\"a,b\"\r\n\r\n,y,c\r\n3,z,d");
  for (std::uint64_t split = 1; split <= 60; ++split) {
    RowRun run{world, read_files<Row>("/in/a.csv").format(as_csv()).split_size(split), keep_row};
    run.run();
    EXPECT_EQ(run.records.kept, (std::vector<KeptRow>{{"a,b", 1}, {"c", -1}, {"d", 3}})) << split;
  }
}

TEST(FileSourceTest, CsvWithoutHeaderTakesFieldsInTheirOrder) {
  World world;
  write_file(world.files, "/in/a.csv", "a;1\nb;2\n");
  RowRun run{world, read_files<Row>("/in/a.csv").format(as_csv({.header = false, .delimiter = ';'})), keep_row};
  run.run();
  EXPECT_EQ(run.records.kept, (std::vector<KeptRow>{{"a", 1}, {"b", 2}}));
}

TEST(FileSourceTest, ALineOfTabsIsARecordWhereTabsDelimit) {
  struct Optionals {
    std::optional<std::int64_t> a, b;
  };
  World world;
  write_file(world.files, "/in/a.tsv", "1\t2\n\t\n\n3\t\n");
  SourceRun<Optionals, std::int64_t> run{
      world, read_files<Optionals>("/in/a.tsv").format(as_csv({.header = false, .delimiter = '\t'})),
      [](const Optionals& row) { return row.a.value_or(-1); }};
  run.run();
  EXPECT_EQ(run.records.kept, (std::vector<std::int64_t>{1, -1, 3}));
}

TEST(FileSourceTest, AHeaderWithoutAFieldIsRefusedWithWhatToDo) {
  World world;
  write_file(world.files, "/in/a.csv", "a,1\n");
  RowRun run{world, read_files<Row>("/in/a.csv").format(as_csv()).on_error(skip()), keep_row};
  const std::string message = error_of([&] { run.run(); });
  EXPECT_TRUE(message.starts_with("/in/a.csv:1:")) << message;
  EXPECT_NE(message.find("as_csv({.header = false})"), std::string::npos) << message;
}

TEST(FileSourceTest, AQuotedColumnEndsOnItsLine) {
  World world;
  write_file(world.files, "/in/a.csv", "name,amount\n\"two\nlines\",1\n");
  RowRun run{world, read_files<Row>("/in/a.csv").format(as_csv()), keep_row};
  const std::string message = error_of([&] { run.run(); });
  EXPECT_TRUE(message.starts_with("/in/a.csv:2:")) << message;
}

TEST(FileSourceTest, AFileThatShrinksFailsWithBothSizes) {
  World world;
  write_file(world.files, "/in/a", "1\n2\n3\n4\n");
  LineRun run{world, small_blocks("/in/a", 2, 2), text_of};
  run.step();
  write_file(world.files, "/in/a", "1\n2");
  const std::string message = error_of([&] { run.run(); });
  EXPECT_TRUE(message.starts_with("'/in/a' has 3 bytes, but had 8 when the job found it")) << message;
}

TEST(FileSourceTest, AFileThatVanishesFailsWithItsName) {
  World world;
  write_file(world.files, "/in/a", "1\n2\n");
  write_file(world.files, "/in/b", "1\n2\n");
  LineRun run{world, read_lines("/in/*"), text_of};
  run.step();
  ASSERT_TRUE(world.files.remove("/in/b"));
  const std::string message = error_of([&] { run.run(); });
  EXPECT_NE(message.find("/in/b"), std::string::npos) << message;
  EXPECT_NE(message.find("had 4 bytes when the job found it"), std::string::npos) << message;
}

TEST(FileSourceTest, APatternWithoutFilesIsAnError) {
  World world;
  write_file(world.files, "/in/folder/a", "1\n");
  EXPECT_NE(error_of([&] { read_all(world, read_lines("/in/*.csv")); }).find("'/in/*.csv'"), std::string::npos);
  EXPECT_NE(error_of([&] { read_all(world, read_lines("/in/*")); }).find("write '/in/*/*'"), std::string::npos);
  EXPECT_TRUE(SourceDescription<TextLine>{read_lines("")}.problem());
}

TEST(FileSourceTest, ALineBeyondTheLimitIsAnError) {
  World world;
  write_file(world.files, "/in/a", "short\n" + std::string(100, 'x') + "\n");
  detail::FileSourceOptions options;
  options.pattern = "/in/a";
  options.format = detail::LineFormat::kText;
  options.block_bytes = 8;
  options.max_line_bytes = 50;
  const SourceDescription<TextLine> source{
      std::make_shared<detail::FileSourceImplementation<TextLine>>(options, nullptr, detail::SourceTiming{})};
  const std::string message = error_of([&] { read_all(world, source); });
  EXPECT_TRUE(message.starts_with("/in/a:2: the line is longer than 50 bytes")) << message;
}

TEST(FileSourceTest, SplitsOfSeveralReadersCoverTheInputOnce) {
  World world;
  std::string content;
  std::vector<std::string> expected;
  for (int i = 0; i < 500; ++i) {
    expected.push_back(std::to_string(i));
    content += expected.back() + "\n";
  }
  write_file(world.files, "/in/a", content);
  const SourceDescription<TextLine> source = read_lines("/in/a").split_size(100);
  auto requests = std::make_shared<detail::SplitRequests>();
  const auto enumerator = source.make_enumerator(requests);
  Keeper<SplitRecord> splits;
  enumerator->out().add_receiver(splits);
  detail::OperatorContext enumerator_context = detail::make_context(world);
  enumerator->open(enumerator_context);

  Keeper<TextLine, std::string> lines{text_of};
  std::vector<detail::OperatorContext> contexts;
  std::vector<std::unique_ptr<detail::SourceReaderOperator<TextLine>>> readers;
  for (std::uint32_t i = 0; i < 3; ++i) contexts.push_back(detail::make_context(world, i, 3));
  for (std::uint32_t i = 0; i < 3; ++i) {
    readers.push_back(source.make_reader(requests));
    readers[i]->out().add_receiver(lines);
    readers[i]->open(contexts[i]);
  }
  std::size_t delivered = 0;
  std::size_t finished = 0;
  while (finished < readers.size()) {
    enumerator->poll();
    for (; delivered < splits.kept.size(); ++delivered) {
      detail::give<SplitRecord>(*readers[splits.kept[delivered].reader], {splits.kept[delivered]});
    }
    finished = 0;
    for (const auto& reader : readers) finished += reader->poll() == SourceOperator::Poll::kFinished;
  }
  EXPECT_EQ(enumerator->poll(), SourceOperator::Poll::kFinished);
  std::ranges::sort(lines.kept);
  std::ranges::sort(expected);
  EXPECT_EQ(lines.kept, expected);
}

}  // namespace
}  // namespace tidemark
