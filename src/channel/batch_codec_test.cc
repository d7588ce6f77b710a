#include "tidemark/detail/channel/batch_codec.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/schema.h"

namespace tidemark {
namespace {

using detail::ByteReader;
using detail::ByteWriter;
using detail::TypedBatch;

struct Plain {
  std::int64_t id = 0;
  double price = 0;
  bool open = false;
  friend bool operator==(const Plain&, const Plain&) = default;
};
struct WithViews {
  std::int64_t id = 0;
  std::string_view name;
  std::optional<std::string_view> city;
  friend bool operator==(const WithViews&, const WithViews&) = default;
};
struct Owning {
  std::string name;
  std::vector<std::int64_t> numbers;
  std::map<std::string, double> prices;
  friend bool operator==(const Owning&, const Owning&) = default;
};
struct OwningWithViews {
  std::vector<std::string_view> names;
  friend bool operator==(const OwningWithViews&, const OwningWithViews&) = default;
};
/// Says only a part of what it has.
class Hiding {
 public:
  explicit Hiding(std::int64_t id = 0) : id_{id}, self_{this} {}
  std::int64_t id() const { return id_; }
  const Hiding* self() const { return self_; }

 private:
  std::int64_t id_;
  const Hiding* self_;

 public:
  static constexpr auto state_schema = schema(member("id", &Hiding::id_));
};
/// An aggregate may do so, too.
struct NamesSome {
  std::int64_t id = 0;
  const char* at = nullptr;
  static constexpr auto state_schema = schema(member("id", &NamesSome::id));
};
struct WithPointer {
  const char* at = nullptr;
};

static_assert(detail::is_plain_record<Plain>());
static_assert(detail::is_plain_record<WithViews>());
static_assert(!detail::is_plain_record<Owning>());
static_assert(!detail::is_plain_record<NamesSome>());
static_assert(!detail::is_plain_record<WithPointer>());

constexpr std::size_t kOnePart = std::size_t{1} << 30;

/// Record i at the time 10 * i, with the hash 7 * i.
template <class T>
void fill(TypedBatch<T>& batch, const std::vector<T>& records, bool with_hashes) {
  for (std::size_t i = 0; i < records.size(); ++i) {
    batch.append(records[i], static_cast<std::int64_t>(i * 10));
    batch.hashes()[i] = i * 7;
  }
  batch.set_has_hashes(with_hashes);
}

template <class T>
std::vector<std::string> parts_of(const TypedBatch<T>& batch, std::size_t enough) {
  std::vector<std::string> parts;
  std::uint32_t begin = 0;
  while (begin < batch.size()) {
    ByteWriter out;
    const std::uint32_t end = detail::TypedBatchCodec<T>::instance().encode(batch, begin, enough, out);
    EXPECT_GT(end, begin);
    begin = end;
    parts.push_back(out.take());
  }
  return parts;
}

template <class T>
bool decode(const std::string& bytes, TypedBatch<T>& to) {
  ByteReader in{bytes};
  return detail::TypedBatchCodec<T>::instance().decode(in, to);
}

template <class T>
void expect_refused(const std::string& bytes) {
  TypedBatch<T> batch;
  EXPECT_FALSE(decode(bytes, batch)) << bytes.size();
  EXPECT_TRUE(batch.empty());
}

template <class T>
void expect_same(const std::vector<T>& records) {
  for (const bool with_hashes : {false, true}) {
    for (const std::size_t enough : {std::size_t{1}, std::size_t{100}, kOnePart}) {
      TypedBatch<T> batch;
      fill(batch, records, with_hashes);
      std::uint32_t at = 0;
      for (const std::string& bytes : parts_of(batch, enough)) {
        TypedBatch<T> back;
        ASSERT_TRUE(decode(bytes, back));
        for (std::uint32_t i = 0; i < back.size(); ++i, ++at) {
          EXPECT_EQ(back.values()[i], records[at]);
          EXPECT_EQ(back.timestamps()[i], at * 10);
          EXPECT_EQ(back.has_hashes(), with_hashes);
          if (with_hashes) {
            EXPECT_EQ(back.hashes()[i], at * 7);
          }
        }
        for (std::size_t size = 0; size < bytes.size(); ++size) expect_refused<T>(bytes.substr(0, size));
        expect_refused<T>(bytes + "x");
      }
      EXPECT_EQ(at, records.size());
    }
  }
}

TEST(BatchCodec, RecordsComeBackAsTheyWereInPartsOfAnySize) {
  expect_same<Plain>({{1, 2.5, true}, {-1, 0, false}, {3, 4, true}});
  expect_same<WithViews>({{1, "a name", std::nullopt}, {2, "", "a city"}, {3, "x", ""}});
  expect_same<Owning>({{"a", {1, 2}, {{"x", 1}}}, {}, {std::string(200, 'x'), {}, {}}});
  expect_same<OwningWithViews>({{{"a", "bc"}}, {}});
}

TEST(BatchCodec, APartIsAboutAsLargeAsItMayBe) {
  TypedBatch<WithViews> batch;
  const std::string name(990, 'x');
  fill(batch, std::vector<WithViews>(100, WithViews{.id = 1, .name = name, .city = {}}), false);
  const auto parts = parts_of(batch, 10'000);
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    EXPECT_GT(parts[i].size(), 9'000u);
    EXPECT_LT(parts[i].size(), 12'000u);
  }
  EXPECT_EQ(parts_of(batch, kOnePart).size(), 1u);
}

TEST(BatchCodec, TextPointsIntoTheBytesThatItWasReadFrom) {
  TypedBatch<WithViews> batch;
  fill<WithViews>(batch, {{1, "a name", "a city"}}, false);
  const std::string bytes = parts_of(batch, kOnePart).front();
  TypedBatch<WithViews> back;
  ASSERT_TRUE(decode(bytes, back));
  EXPECT_TRUE(back.borrowed_text().contains(back.values()[0].name.data()));
  EXPECT_TRUE(back.borrowed_text().contains(back.values()[0].city->data()));
  EXPECT_EQ(back.borrowed_text().begin, bytes.data());
}

TEST(BatchCodec, ABatchOfNoRecordsIsOne) {
  TypedBatch<Plain> back;
  EXPECT_TRUE(decode(std::string(5, '\0'), back));
  EXPECT_TRUE(back.empty());
}

TEST(BatchCodec, MoreRecordsThanTheBatchHoldsAreRefused) {
  TypedBatch<Plain> batch;
  fill<Plain>(batch, {{1, 1, true}, {2, 2, true}}, false);
  TypedBatch<Plain> small{1};
  EXPECT_FALSE(decode(parts_of(batch, kOnePart).front(), small));
}

TEST(BatchCodec, AClassGoesByItsSchema) {
  ASSERT_NE(detail::batch_codec<Hiding>(), nullptr);
  TypedBatch<Hiding> batch;
  fill<Hiding>(batch, {Hiding{4}}, false);
  TypedBatch<Hiding> back;
  ASSERT_TRUE(decode(parts_of(batch, kOnePart).front(), back));
  EXPECT_EQ(back.values()[0].id(), 4);
  EXPECT_NE(back.values()[0].self(), nullptr) << "as its constructor made it";
}

TEST(BatchCodec, WhatNobodyKnowsStaysInItsProcess) { EXPECT_EQ(detail::batch_codec<WithPointer>(), nullptr); }

}  // namespace
}  // namespace tidemark
