#include "snapshot/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "snapshot/checkpoint_samples.h"
#include "tidemark/detail/base/bytes.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

using testing::HasSubstr;

const std::string kPath = "/state/orders/chk-41-7/_metadata";

std::string encoded() { return value_or_throw(encode_metadata(sample_metadata())); }

/// With the prelude's checksum made right again.
std::string resealed(std::string bytes) {
  const std::uint64_t checksum = detail::hash_bytes(bytes.data(), 24);
  std::memcpy(bytes.data() + 24, &checksum, sizeof checksum);
  return bytes;
}

std::string with_section(std::uint32_t type, std::uint32_t flags) {
  detail::ByteWriter section;
  section.put_u32(type);
  section.put_u32(flags);
  section.put_u64(3);
  section.put_bytes("new");
  section.put_u64(detail::hash_bytes(section.view()));
  std::string bytes = encoded() + section.take();
  ++bytes[12];
  const std::uint64_t size = bytes.size();
  std::memcpy(bytes.data() + 16, &size, sizeof size);
  return resealed(bytes);
}

TEST(Metadata, ComesBackAsItWasWritten) {
  EXPECT_EQ(decode_metadata(encoded(), kPath), sample_metadata());
  CheckpointMetadata with_files = sample_metadata();
  with_files.operators[1].subtasks[1].keyed_files = {{"count-1.snap", 1234, 0xfeed, {32, 64}},
                                                     {"/old/x.snap", 0, 0, {0, 0}}};
  EXPECT_EQ(decode_metadata(value_or_throw(encode_metadata(with_files)), kPath), with_files);
  EXPECT_EQ(decode_metadata(value_or_throw(encode_metadata(CheckpointMetadata{})), kPath), CheckpointMetadata{});
}

CheckpointMetadata with_store() {
  CheckpointMetadata metadata = sample_metadata();
  metadata.operators[1].subtasks[1].store = {
      .format = "rocksdb-1",
      .key_groups = {32, 64},
      .files = {{"000012.sst", {"../shared/7-41-count-1-000012.sst.snap", 1234, 0xfeed, {32, 64}}},
                {"MANIFEST-000004.99", {"../shared/7-40-count-1-MANIFEST-000004.99.snap", 99, 1, {32, 64}}}}};
  return metadata;
}

TEST(Metadata, TheFilesOfAStoreComeBackInACriticalSectionOfTheirOwn) {
  const std::string bytes = value_or_throw(encode_metadata(with_store()));
  EXPECT_EQ(decode_metadata(bytes, kPath), with_store());
  CheckpointMetadata empty = with_store();
  empty.operators[1].subtasks[1].store.files.clear();
  EXPECT_EQ(decode_metadata(value_or_throw(encode_metadata(empty)), kPath), empty);
  // Type 6, critical: who does not know it refuses the checkpoint.
  const std::string without = encoded();
  EXPECT_EQ(bytes.substr(32, without.size() - 32), without.substr(32));
  EXPECT_EQ(bytes.substr(without.size(), 8), std::string("\6\0\0\0\1\0\0\0", 8));
}

TEST(Metadata, AStoreThatNoSubtaskHasOrWhoseFileNameLeadsElsewhereIsDamage) {
  const auto broken = [](auto&& change) {
    CheckpointMetadata metadata = with_store();
    change(metadata.operators[1].subtasks[1].store);
    const auto decoded = decode_metadata(value_or_throw(encode_metadata(metadata)), kPath);
    return !decoded && decoded.error().code() == ErrorCode::kDataLoss;
  };
  for (const std::string name : {"", ".", "..", "../x", "a/b", "a b"}) {
    EXPECT_TRUE(broken([&](StoreFiles& store) { store.files[0].name = name; })) << name;
  }
  EXPECT_TRUE(broken([](StoreFiles& store) { store.key_groups = {9, 3}; }));
  CheckpointMetadata twice = with_store();
  twice.operators[1].subtasks.push_back(twice.operators[1].subtasks[1]);
  EXPECT_FALSE(decode_metadata(value_or_throw(encode_metadata(twice)), kPath));
}

TEST(Metadata, OperatorStateOfEveryKindComesBack) {
  CheckpointMetadata metadata = sample_metadata();
  for (const auto kind : {StateDescriptor::Kind::kSplitList, StateDescriptor::Kind::kUnionList, StateDescriptor::Kind::kBroadcast}) {
    metadata.operators[0].states.push_back({std::string{to_string(kind)}, kind, "", "", R"("string")"});
  }
  metadata.operators[0].subtasks[0].list_states.push_back({"rules", Redistribution::kBroadcast, R"("string")", {"a", "b"}});
  EXPECT_EQ(decode_metadata(value_or_throw(encode_metadata(metadata)), kPath), metadata);
}

TEST(Metadata, ThatTheSourcesWereDrainedComesBackAndNothingStandsThereOtherwise) {
  CheckpointMetadata metadata = sample_metadata();
  metadata.drained = true;
  const std::string bytes = value_or_throw(encode_metadata(metadata));
  EXPECT_EQ(decode_metadata(bytes, kPath), metadata);
  EXPECT_EQ(bytes.size(), encoded().size() + 24) << "an empty section";
}

TEST(Metadata, StatesWithATimeToLiveComeBackAsSuch) {
  CheckpointMetadata metadata = sample_metadata();
  for (const auto kind : {StateDescriptor::Kind::kValue, StateDescriptor::Kind::kList, StateDescriptor::Kind::kMap}) {
    metadata.operators[0].states.push_back({std::string{to_string(kind)}, kind, "", "", R"("string")", true});
  }
  EXPECT_EQ(decode_metadata(value_or_throw(encode_metadata(metadata)), kPath), metadata);
  metadata.operators[0].states.push_back({"timers", StateDescriptor::Kind::kTimers, "", "", "", true});
  const auto decoded = decode_metadata(value_or_throw(encode_metadata(metadata)), kPath);
  ASSERT_FALSE(decoded);
  EXPECT_THAT(decoded.error().message(), HasSubstr("a kind of state with the number 132"));
}

TEST(Metadata, EnumeratorsOfANewerVersionAreRefusedAsSuch) {
  CheckpointMetadata metadata = sample_metadata();
  metadata.operators[0].subtasks[0].list_states[0].redistribution = static_cast<Redistribution>(3);
  auto decoded = decode_metadata(value_or_throw(encode_metadata(metadata)), kPath);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_THAT(decoded.error().message(), HasSubstr("a kind of redistribution with the number 3"));
  metadata = sample_metadata();
  metadata.operators[1].states[0].kind = static_cast<StateDescriptor::Kind>(99);
  decoded = decode_metadata(value_or_throw(encode_metadata(metadata)), kPath);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code(), ErrorCode::kUnsupportedVersion);
}

TEST(Metadata, EveryDamageIsAnErrorThatNamesTheFile) {
  for_each_damage(encoded(), [](std::string_view damaged) {
    const auto decoded = decode_metadata(damaged, kPath);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code(), ErrorCode::kDataLoss);
    EXPECT_THAT(decoded.error().message(), HasSubstr(kPath));
  });
}

TEST(Metadata, ANewerVersionIsRefusedAsSuch) {
  std::string bytes = encoded();
  bytes[8] = 2;
  const auto decoded = decode_metadata(resealed(bytes), kPath);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_THAT(decoded.error().message(), HasSubstr("version 2"));
}

TEST(Metadata, AnUnknownSectionIsSkippedUnlessItIsCritical) {
  EXPECT_EQ(decode_metadata(with_section(77, 0), kPath), sample_metadata());
  const auto critical = decode_metadata(with_section(77, 1), kPath);
  ASSERT_FALSE(critical);
  EXPECT_EQ(critical.error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_THAT(critical.error().message(), HasSubstr("type 77"));
}

TEST(Metadata, TheSectionOfTheCheckpointStandsThereOnce) {
  std::string bytes = encoded();
  std::uint64_t payload = 0;
  std::memcpy(&payload, bytes.data() + 32 + 8, sizeof payload);
  bytes += bytes.substr(32, 24 + payload);
  ++bytes[12];
  const std::uint64_t size = bytes.size();
  std::memcpy(bytes.data() + 16, &size, sizeof size);
  const auto decoded = decode_metadata(resealed(bytes), kPath);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code(), ErrorCode::kDataLoss);
  EXPECT_THAT(decoded.error().message(), HasSubstr("there twice"));
}

TEST(Metadata, ContradictionsAreRefusedEvenUnderARightChecksum) {
  CheckpointMetadata metadata = sample_metadata();
  metadata.operators[1].subtasks[0].watermarks[0].key_groups = {60, 65};
  EXPECT_EQ(decode_metadata(value_or_throw(encode_metadata(metadata)), kPath).error().code(), ErrorCode::kDataLoss);
  metadata = sample_metadata();
  metadata.operators[1].parallelism = 65;
  EXPECT_EQ(decode_metadata(value_or_throw(encode_metadata(metadata)), kPath).error().code(), ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace tidemark
