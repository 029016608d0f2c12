// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/adapters/redis_settings.hh"
#include "milter/config_values.hh"

#include <optional>

/// The options of the store, from text to type.
namespace sluice {

/// Nothing: the store is this process's memory. `hasKeyFile`: nodes can have the same keys.
std::optional<RedisSettings> readStore(SettingsReader& reader, bool hasKeyFile);

} // namespace sluice
