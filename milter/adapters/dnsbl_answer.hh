// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/resolver.hh"
#include "milter/policy/dnsbl_match.hh"

namespace sluice {

/// The answer of a resolver as the rules take it; null is unknown.
DnsblAnswer dnsblAnswerOf(const AddressAnswer* answer);

} // namespace sluice
