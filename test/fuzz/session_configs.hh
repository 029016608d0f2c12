// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/runtime.hh"

#include <cstddef>
#include <memory>

namespace sluice::fuzz {

/// What a session can be subject to: each rule is in one of them, with each of its actions.
constexpr std::size_t sessionConfigCount = 6;

/// `which` is less than sessionConfigCount.
std::shared_ptr<const Runtime> sessionRuntime(std::size_t which);

} // namespace sluice::fuzz
