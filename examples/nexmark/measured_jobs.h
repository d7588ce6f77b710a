// What measurements run besides the queries: the sources of a query alone, whose cost is taken off, and a count by key.
#pragma once

#include <cstdint>
#include <string_view>

#include "nexmark/queries.h"

namespace nexmark {

/// The events that the query reads, into nothing. False if there is no such query.
bool build_sources(const Setting& setting, std::string_view query);

/// Counts random keys below `keys`, one an event; every sixteenth count of a key is a row: the key and its count.
tidemark::Stream<DigestPart> keyed_count(const Setting& setting, std::int64_t keys);

/// The keys of keyed_count(), into nothing.
void build_keys(const Setting& setting, std::int64_t keys);

}  // namespace nexmark
