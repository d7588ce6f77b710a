#include "snapshot/checkpoint_pointer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "snapshot/checkpoint_samples.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark {
namespace {

using testing::HasSubstr;

const std::string kPath = "/state/orders/CURRENT";

CheckpointPointer sample() {
  return {"orders",
          7,
          {{40, 6, CheckpointKind::kPeriodic}, {41, 7, CheckpointKind::kFinal}, {42, 7, CheckpointKind::kStop}, {43, 7, CheckpointKind::kStopSavepoint, "/sp/savepoint-orders-1"}},
          {{"/sp/savepoint-orders-0", "00ab", 6}, {"/backup", "00ac", 7}}};
}

std::string sealed(const std::string& line) { return line + fmt::format("xxh3 {:016x}\n", detail::hash_bytes(line)); }

TEST(CheckpointPointer, ComesBackAsItWasWritten) {
  EXPECT_EQ(decode_pointer(encode_pointer(sample()), kPath), sample());
  const CheckpointPointer resumed{"orders", 2, {}, {}, RestoredSnapshot{"/sp/savepoint-orders-1", 2}};
  EXPECT_EQ(decode_pointer(encode_pointer(resumed), kPath), resumed);
  const CheckpointPointer empty{"orders", 1, {}};
  EXPECT_EQ(decode_pointer(encode_pointer(empty), kPath), empty);
  const CheckpointPointer unused{.job = "orders", .attempt = 1, .is_unused = true};
  EXPECT_EQ(decode_pointer(encode_pointer(unused), kPath), unused);
}

TEST(CheckpointPointer, IsTextThatAPersonCanRead) {
  EXPECT_THAT(
      encode_pointer({"orders", 7, {{42, 7, CheckpointKind::kStop}}}),
      HasSubstr(R"({"attempt":7,"checkpoints":[{"attempt":7,"id":42,"kind":"stop"}],"job":"orders","version":1})"));
}

TEST(CheckpointPointer, EveryDamageIsAnErrorThatNamesTheFile) {
  for_each_damage(encode_pointer(sample()), [](std::string_view damaged) {
    const auto decoded = decode_pointer(damaged, kPath);
    ASSERT_FALSE(decoded) << damaged;
    EXPECT_EQ(decoded.error().code(), ErrorCode::kDataLoss);
    EXPECT_THAT(decoded.error().message(), HasSubstr(kPath));
  });
}

TEST(CheckpointPointer, ANewerVersionIsRefusedAsSuchWhateverElseItSays) {
  const auto decoded = decode_pointer(sealed("{\"shape\":\"other\",\"version\":2}\n"), kPath);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code(), ErrorCode::kUnsupportedVersion);
}

TEST(CheckpointPointer, WrongShapesAreRefusedEvenUnderARightChecksum) {
  for (const char* json : {"", "[]", "{}", "not json", R"({"version":1})", R"({"version":"1"})",
                           R"({"attempt":-1,"checkpoints":[],"job":"a","version":1})",
                           R"({"attempt":1,"checkpoints":[],"job":"a","unused":1,"version":1})",
                           R"({"attempt":4294967296,"checkpoints":[],"job":"a","version":1})",
                           R"({"attempt":1,"checkpoints":[7],"job":"a","version":1})",
                           R"({"attempt":1,"checkpoints":[{"id":1,"attempt":1,"kind":"other"}],"job":"a","version":1})",
                           R"({"attempt":1,"checkpoints":[{"id":1,"attempt":1,"kind":"savepoint"}],"job":"a","version":1})",
                           R"({"attempt":1,"checkpoints":[{"id":1,"attempt":1,"kind":"stop","path":"/a"}],"job":"a","version":1})",
                           R"({"attempt":1,"checkpoints":[],"claims":[{"path":"/a"}],"job":"a","version":1})",
                           R"({"attempt":1,"checkpoints":[],"claims":7,"job":"a","version":1})",
                           R"({"attempt":1,"checkpoints":[],"job":"a","restored":7,"version":1})",
                           R"({"attempt":1,"checkpoints":[],"job":"a","restored":{"path":"/a"},"version":1})",
                           R"({"attempt":1,"checkpoints":{},"job":"a","version":1})"}) {
    const auto decoded = decode_pointer(sealed(std::string{json} + "\n"), kPath);
    ASSERT_FALSE(decoded) << json;
    EXPECT_EQ(decoded.error().code(), ErrorCode::kDataLoss);
  }
}

}  // namespace
}  // namespace tidemark
