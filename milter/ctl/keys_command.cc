// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/keys_command.hh"

#include "common/keyring.hh"
#include "common/text.hh"
#include "milter/ctl/key_file.hh"

#include <fmt/ostream.h>
#include <sysexits.h>

namespace sluice::ctl {
namespace {

int changeFile(const std::string& path, std::ostream& out, std::ostream& err) {
    const auto change = addKey(path);
    if (!change) {
        fmt::print(err, "sluicectl keys: {}\n", change.error().message);
        return EX_CANTCREAT;
    }
    const std::string shownPath = escapeForDisplay(path);
    fmt::print(out, "{}: key {} signs from the next reload on\n", shownPath, change->newId);
    if (change->keptId)
        fmt::print(out, "{}: key {} is still accepted\n", shownPath, *change->keptId);
    if (change->fileIsNew)
        fmt::print(out, "{}: is new; the filter's user must own it\n", shownPath);
    return EX_OK;
}

int runKeys(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    if (arguments.empty())
        return usageError("keys", "a word is missing: new", err);
    if (arguments.front() != "new")
        return usageError("keys", quoteForDisplay(arguments.front()) + " is not known", err);
    if (arguments.size() == 1) {
        fmt::print(out, "{}\n", Key::random().line());
        return EX_OK;
    }
    const std::string& path = arguments[1];
    if (arguments.size() > 2)
        return usageError("keys", quoteForDisplay(arguments[2]) + " is one word too many", err);
    if (path.empty() || path.starts_with('-'))
        return usageError("keys", quoteForDisplay(path) + " is no file name", err);
    return changeFile(path, out, err);
}

} // namespace

const Command keysCommand{
    "keys",
    "Make keys for trace stamps and signed bounce addresses",
    "keys new [FILE]",
    "Puts a new key on top of FILE, which is made if it is not there, and keeps the one that\n"
    "signed before. Without FILE prints a line for a key file. Copy the file to all nodes of the\n"
    "site, then make their filters reload.\n\n"
    "  sluicectl keys new /etc/sluice/keys && chown sluice: /etc/sluice/keys",
    runKeys,
};

} // namespace sluice::ctl
