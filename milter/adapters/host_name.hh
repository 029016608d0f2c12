// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>

namespace sluice {

/// What gethostname(2) says, other characters than letters, digits, dots and hyphens made hyphens;
/// `localhost` where that is nothing. No name server is asked. Threads: any.
std::string systemHostName();

} // namespace sluice
