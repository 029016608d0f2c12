// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/ctl/progress.hh"
#include "milter/policy/header_list.hh"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Messages as they lie in files, for commands that look at them afterwards.
namespace sluice::ctl {

struct StoredMessage {
    HeaderList headers;
    std::string body;
    /// The first Return-Path field is `<>` (or MAILER-DAEMON, as Sendmail writes it); without one:
    /// the line of an mbox (`From MAILER-DAEMON …`) in front of the message says so.
    bool nullSender = false;
};

/// One message, with or without the From line of an mbox in front of it. Never fails: what is no
/// header field begins the body.
StoredMessage parseStoredMessage(std::string_view text);

/// At most the first `limit` octets of a file; `-` is standard input. Error: it cannot be read,
/// with its name. `progress`, if there is one, counts the octets.
Result<std::string> readStoredText(const std::string& path, std::size_t limit,
                                   Progress* progress = nullptr);

/// The files that `path` stands for: itself, or all files of a directory and below it, sorted.
/// Error: there is no such thing, or it cannot be listed.
Result<std::vector<std::string>> storedFiles(const std::string& path);

/// The sum of their sizes; 0 when one of them is no plain file, so that it is not known before.
std::uint64_t totalOctets(const std::vector<std::string>& files);

} // namespace sluice::ctl
