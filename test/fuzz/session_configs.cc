// SPDX-License-Identifier: BSD-2-Clause
#include "test/fuzz/session_configs.hh"

#include "test/fuzz/fake_services.hh"
#include "test/fuzz/fuzz_support.hh"
#include "test/fuzz/memory_file.hh"

#include <fmt/format.h>

#include <array>
#include <string>
#include <vector>

namespace sluice::fuzz {
namespace {

constexpr std::string_view keys =
    "k 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";

/// Who exists in the local domains, beside lists and robots.
constexpr std::string_view directory = "o@a.example\np@a.example\nu@a.example\nc@a.example\n"
                                       "u@b.example\nl@a.example\nn@a.example\nm@a.example\n"
                                       "k@a.example\nd@a.example\nr@a.example\n";

/// Short names, so that the fuzzer finds them.
constexpr std::string_view site =
    "local-domain = a.example\n"
    "local-domain = b.example\n"
    "trusted = 10.0.0.0/8\n"
    "restrict-ip = 192.0.2.1\n"
    "deny-ip = 192.0.2.2\n"
    "accept-ip = 192.0.2.3\n"
    "listener = 587 sender recipient limits lists loops require-auth\n"
    "listener = bare limits\n"
    "block-sender = s@s.example\n"
    "block-sender = @.spam.example\n"
    "block-recipient = x@a.example\n"
    "restrict-recipient = p@a.example accept-from=authenticated\n"
    "max-messages = 6\n"
    "max-recipients = 6\n"
    "max-hops = 3\n"
    "max-size = 9k\n"
    "max-session-size = 20k\n"
    "list = l@a.example bounces-to=o@a.example\n"
    "list = n@a.example return-path=null only-from=@a.example\n"
    "list = m@a.example return-path=manager:o@a.example "
    "except=u@b.example bounces-to=o@a.example\n"
    "list = k@a.example return-path=keep accept-from=authenticated\n"
    "list = d@a.example return-path=delegate\n"
    "robot = r@a.example\n"
    "report-copy = c@a.example\n"
    "rewrite-domain = a.example=new.example signed=yes\n"
    "rewrite-domain = .old.example=new.example from=trusted\n"
    "peer = p net=192.0.2.0/28 domain=b.example\n"
    "loop-depth = 2\n"
    "notify = o@a.example\n"
    "tracking-log = /tmp/tracking\n"
    "track-subjects = yes\n";

constexpr std::string_view blocklists =
    "dnsbl = white w.example kind=allow match=codes:127.0.0.9\n"
    "dnsbl = black b.example reply=\"%0 %1 %2 100%%\" on-unknown=tempfail\n"
    "dnsbl = later l.example action=tempfail match=mask:0.0.0.4\n"
    "dnsbl = marks m.example action=mark\n"
    "dnsbl = looks o.example action=observe\n";

constexpr std::array<std::string_view, sessionConfigCount> variants{
    "sender-action = reject\nspoof-check = mark\nharvest-limit = 2/1h\ndirectory = file:",
    "sender-action = drop\nblock-blank-sender = yes\nspoof-check = reject\nloop-action = reject\n"
    "duplicates = always\nloop-block = client\nbounce-domain = bounce.example\n",
    "sender-action = badmail\nloop-action = discard\nmixed-recipients = leave\nloop-block = pair\n"
    "topology-passes = 0\nduplicates = alert\nbadmail-dir = /\n",
    "sender-action = hold\nloop-action = hold\ncheck-from-header = no\nduplicates = off\n"
    "loop-block = off\n",
    "mode = observe\nsender-action = badmail\nspoof-check = reject\nbadmail-dir = /\n",
    "",
};

std::string textOf(std::size_t which, const MemoryFile& keyFile, const MemoryFile& known) {
    if (variants.at(which).empty())
        return {};
    return fmt::format("{}{}key-file = {}\n{}{}\n", site, blocklists, keyFile.path(),
                       variants.at(which),
                       variants.at(which).ends_with("file:") ? known.path() : "");
}

Config read(std::size_t which) {
    const MemoryFile keyFile(keys);
    const MemoryFile known(directory);
    const MemoryFile file(textOf(which, keyFile, known));
    CommandLine line;
    line.configFile = file.path();
    std::vector<Problem> problems;
    Config config = makeConfig(mergedSettings(line, problems), problems);
    require(problems.empty());
    return config;
}

std::shared_ptr<const Runtime> make(std::size_t which) {
    Config config = read(which);
    config.policy->recipient.harvest = fakeHarvestCounter();
    const bool stores = config.policy->sender.action == SenderAction::badmail;
    auto tracking = config.tracking ? TrackingLog::open(*config.tracking).value() : nullptr;
    return std::make_shared<const Runtime>(std::move(config), stores ? fakeBadmailStore() : nullptr,
                                           std::move(tracking));
}

} // namespace

std::shared_ptr<const Runtime> sessionRuntime(std::size_t which) {
    static const std::array<std::shared_ptr<const Runtime>, sessionConfigCount> all{
        make(0), make(1), make(2), make(3), make(4), make(5)};
    return all.at(which);
}

} // namespace sluice::fuzz
