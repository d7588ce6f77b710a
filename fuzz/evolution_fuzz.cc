// Evolution: two schemas and the bytes of a value, one behind the other with a newline between. Whatever they are,
// there is a refusal, an error, or a value of the declared type.
#include "codec/evolution.h"
#include "codec/schema.h"
#include "fuzz/target.h"
#include "tidemark/detail/base/check.h"

namespace tidemark::fuzz {
namespace {

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

void check_same(const Type& type) {
  TIDEMARK_CHECK(evolve(type, type).conversion.same, "a type's values stay as they are in it");
}

void check(std::string_view input) {
  const auto saved = parse_schema(take_line(input));
  const auto declared = parse_schema(take_line(input));
  if (!saved || !declared) return;
  const Evolution how = evolve(*saved, *declared);
  TIDEMARK_CHECK((how.kind == Evolution::Kind::kRefused) == !how.refusals.empty(), "a refusal has its reasons");
  TIDEMARK_CHECK(how.kind != Evolution::Kind::kMigrates || !how.steps.empty(), "a migration has its steps");
  evolve_key(*saved, *declared);
  if (how.kind == Evolution::Kind::kRefused) return;
  const Evolution again = evolve(*declared, *declared);
  if (again.kind != Evolution::Kind::kRefused) check_same(*declared);
  detail::ByteWriter value;
  if (!convert_value(how.conversion, input, value)) return;
  detail::ByteWriter copy;
  TIDEMARK_CHECK(again.kind == Evolution::Kind::kRefused || convert_value(again.conversion, value.view(), copy),
                 "what a conversion makes is a value of the declared type");
}

const Registration kTarget{"evolution", check};

}  // namespace
}  // namespace tidemark::fuzz
