#include "control/described_value.h"

#include <fmt/format.h>

#include "codec/evolution.h"
#include "codec/schema.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark::detail {
namespace {

constexpr std::string_view kMagic = "TMDV0001";

}  // namespace

std::unexpected<Error> damaged_value() { return fail(ErrorCode::kDataLoss, "it is damaged, or not of Tidemark"); }

// Magic, hash of what follows, schema, value.
std::string describe_value(const Type& type, std::string_view value) {
  ByteWriter body;
  encode(schema_json(type), body);
  body.put_bytes(value);
  ByteWriter out;
  out.put_bytes(kMagic);
  out.put_u64(hash_bytes(body.view()));
  out.put_bytes(body.view());
  return out.take();
}

Result<std::string> described_as(const Type& wanted, std::string_view described) {
  if (!described.starts_with(kMagic)) return damaged_value();
  ByteReader in{described.substr(kMagic.size())};
  const std::uint64_t hash = in.get_u64();
  if (!in.ok() || hash_bytes(in.rest()) != hash) return damaged_value();
  std::string schema;
  decode(in, schema);
  if (!in.ok()) return damaged_value();
  TIDEMARK_ASSIGN(type, parse_schema(schema));
  const Evolution evolution = evolve(type, wanted);
  if (evolution.kind == Evolution::Kind::kRefused) {
    return fail(ErrorCode::kUnsupportedVersion,
                fmt::format("another version of Tidemark has written it in a way that this one can't read ({})", evolution.refusals.front()));
  }
  if (evolution.conversion.same) return std::string{in.rest()};
  ByteWriter converted;
  if (!convert_value(evolution.conversion, in.rest(), converted)) return damaged_value();
  return converted.take();
}

}  // namespace tidemark::detail
