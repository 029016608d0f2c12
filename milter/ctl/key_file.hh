// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/keyring.hh"
#include "common/result.hh"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::ctl {

/// The text of a key file with a new key above its others, of which the first stays: the two that a
/// filter accepts. Comments stay. `text` holds keys that Keyring::parse() reads, or none.
std::string withKeyOnTop(std::string_view text, const Key& key);

/// What became of a key file.
struct KeyChange {
    std::string newId;
    std::optional<std::string> keptId; ///< of the key that signed before
    bool fileIsNew = false;
};

/// Puts a new key on top of a key file, which is made if it is not there. The file is replaced at
/// once or not at all, has mode 0600, and keeps its owner. Errors begin with the path: an existing
/// file that others may read, or that holds something else than keys; what the system refuses.
Result<KeyChange> addKey(const std::string& path);

} // namespace sluice::ctl
