// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/policy/ports.hh"

#include <memory>
#include <string>

namespace sluice {

/// The recipients listed in a file, one address a line, `#` comments.
///
/// refresh() looks whether the file has changed, and takes the new content once the file has been
/// at rest for two calls (so that one being written is not read half). While the file is
/// missing, unreadable or bad, the last good content goes on answering `known`, and what it does
/// not hold is `unavailable`: an address may have been added since.
class FileDirectory : public Directory {
public:
    /// Error: the file cannot be read, has a line that is no address (FILE:LINE: what), or has no
    /// address at all: an empty directory would refuse all mail.
    static Result<std::shared_ptr<FileDirectory>> open(std::string path);

    /// Called about once a second by one thread. Logs a change of state, once.
    virtual void refresh() noexcept = 0;
};

} // namespace sluice
