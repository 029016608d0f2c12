// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/audit/mta_facts.hh"

#include <tl/expected.hpp>

#include <string>

namespace sluice::ctl::audit {

/// Why an MTA's configuration cannot be reviewed at all.
struct ReadFailure {
    int status; ///< of sysexits.h
    std::string message;
};

/// Reads the Postfix whose main.cf is in the directory: asks postconf for the settings in force,
/// and reads the tables and lists that they name.
tl::expected<MtaFacts, ReadFailure> readPostfix(const std::string& directory);

/// Reads a sendmail.cf, and the files that it names.
tl::expected<MtaFacts, ReadFailure> readSendmail(const std::string& file);

} // namespace sluice::ctl::audit
