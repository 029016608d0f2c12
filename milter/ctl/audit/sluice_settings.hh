// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/mail_address.hh"
#include "common/result.hh"
#include "milter/ctl/audit/mta_facts.hh"
#include "milter/policy/list_settings.hh"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::ctl::audit {

/// A `list` of sluice, as far as the review looks at it.
struct ListEntry {
    MailAddress address;
    ReturnPath returnPath = ReturnPath::signedAddress;
    MailAddress returnTo; ///< for owner and manager
    std::optional<MailAddress> bouncesTo;
    bool closed = false; ///< not everyone may post
    std::string options; ///< what stands behind the address, as written
    Place place;

    [[nodiscard]] bool changesReturnPath() const {
        return returnPath != ReturnPath::keep && returnPath != ReturnPath::delegate;
    }
};

/// What the review needs of sluice's configuration.
struct SluiceSettings {
    std::string file;
    std::string socketText; ///< as written
    Endpoint socket;
    std::chrono::milliseconds dnsTimeout{2000};
    std::vector<ListEntry> lists;
    std::vector<MailAddress> robots;
    DomainSet localDomains;
    std::string bounceDomain; ///< empty: that of each list
    std::optional<MailAddress> reportCopy;
    std::optional<MailAddress> notify;
    bool hasKeys = false;
    bool observes = false; ///< mode = observe
    bool tracks = false;   ///< there is a tracking log

    /// The list that mail to the address is for; an address with a `+tag` is the list too.
    [[nodiscard]] const ListEntry* listFor(const MailAddress& address) const;
    void index(); ///< to be called once all lists are there

    std::unordered_map<std::string, std::size_t> listByKey;
};

/// Reads what `sluice-milter --print-config` prints, which the filter has checked before, and the
/// tables that are named there. Error: a table cannot be read.
Result<SluiceSettings> parseSettings(std::string_view printed);

/// Has sluice-milter read and check the file. Error, with its exit status: the program is missing,
/// the file cannot be read, or holds mistakes, one a line.
struct SettingsFailure {
    int status; ///< of sysexits.h
    std::string message;
};
tl::expected<SluiceSettings, SettingsFailure> readSettings(const std::string& file);

} // namespace sluice::ctl::audit
