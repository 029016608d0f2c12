// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/policy/ports.hh"

#include <memory>
#include <string>

namespace sluice {

/// The recipients listed in a file, one address a line, `#` comments.
///
/// refresh() looks whether the file has changed. A file that was renamed into place is taken at
/// once; one that is written in place only when it has been at rest for callsAtRest calls, so that
/// it is not read half. Until then, and while the file is missing, unreadable or bad, the last good
/// content goes on answering `known`, and what it does not hold is `unavailable`: an address may
/// have been added since.
class FileDirectory : public Directory {
public:
    static constexpr unsigned callsAtRest = 5;

    /// Error: the file cannot be read, has a line that is no address (FILE:LINE: what), or has no
    /// address at all: an empty directory would refuse all mail.
    static Result<std::shared_ptr<FileDirectory>> open(std::string path);

    [[nodiscard]] virtual const std::string& path() const = 0;

    /// Called about once a second by one thread. Logs a change of state, once.
    virtual void refresh() noexcept = 0;
};

} // namespace sluice
