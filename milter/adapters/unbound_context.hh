// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/adapters/resolver_unbound.hh"

#include <unbound.h>

#include <cstddef>
#include <memory>
#include <string_view>

namespace sluice {

struct UnboundContextDelete {
    void operator()(ub_ctx* context) const;
};

/// A libunbound context. ub_resolve_async() may be called by any thread, ub_process() and
/// ub_cancel() by one.
using UnboundContext = std::unique_ptr<ub_ctx, UnboundContextDelete>;

/// A context set up for DNS lists, its thread running. `questions` is how many it has to be able to
/// ask at once. Error: what in the settings it does not take, or that it cannot start.
Result<UnboundContext> makeUnboundContext(const ResolverSettings& settings, std::size_t questions);

/// "SERVFAIL" for 2, and so on (RFC 1035 section 4.1.1).
std::string_view responseCodeName(int code);

} // namespace sluice
