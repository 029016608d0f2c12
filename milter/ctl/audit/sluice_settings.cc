// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit/sluice_settings.hh"

#include "common/domain_name.hh"
#include "common/duration.hh"
#include "common/table_file.hh"
#include "common/text.hh"
#include "common/words.hh"
#include "milter/ctl/child_process.hh"

#include <fmt/format.h>
#include <sysexits.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <utility>

namespace sluice::ctl::audit {
namespace {

constexpr std::size_t longestPrint = std::size_t{16} << 20;
constexpr std::chrono::minutes patience{1}; // it may read tables of a million lines

/// "FILE:LINE" as the filter prints it; "default" and "command line" are no place.
Place placeOf(std::string_view origin) {
    const std::size_t colon = origin.rfind(':');
    const auto line =
        colon == std::string_view::npos ? std::nullopt : parseUnsigned(origin.substr(colon + 1));
    return line ? Place{std::string(origin.substr(0, colon)), *line} : Place{};
}

void setReturnPath(std::string_view value, ListEntry& list) {
    static constexpr std::array<std::pair<std::string_view, ReturnPath>, 4> plain{{
        {"signed", ReturnPath::signedAddress},
        {"null", ReturnPath::null},
        {"keep", ReturnPath::keep},
        {"delegate", ReturnPath::delegate},
    }};
    for (const auto& [word, mode] : plain)
        if (word == value)
            list.returnPath = mode;
    if (const std::size_t colon = value.find(':'); colon != std::string_view::npos) {
        list.returnPath = ReturnPath::owner;
        list.returnTo = MailAddress::fromPath(unquoteWhole(value.substr(colon + 1)));
    }
}

Result<ListEntry> parseEntry(std::string_view text, Place place) {
    const auto words = splitRawWords(text);
    if (!words)
        return tl::unexpected(words.error());
    if (words->empty())
        return fail("a list without an address");
    ListEntry list;
    list.address = MailAddress::fromPath(unquoteWhole(words->front()));
    list.place = std::move(place);
    list.options = text.substr(
        static_cast<std::size_t>(words->front().data() + words->front().size() - text.data()));
    for (const std::string_view word : *words) {
        const std::size_t equals = word.find('=');
        const std::string_view key = word.substr(0, equals);
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
        if (key == "return-path")
            setReturnPath(value, list);
        else if (key == "bounces-to")
            list.bouncesTo = MailAddress::fromPath(unquoteWhole(value));
        else if (word == "accept-from=authenticated" || key == "only-from")
            list.closed = true;
    }
    return list;
}

/// Calls `use(text, place)` for the value, or for each line of the table that it names.
Result<void> eachOf(const std::string& value, const Place& place,
                    const std::function<void(std::string_view, const Place&)>& use) {
    const std::string path(tablePath(value));
    if (path.empty()) {
        use(value, place);
        return {};
    }
    return readTableFile(path, [&](std::size_t number, std::string_view text) {
        use(text, {path, number});
    });
}

Result<void> take(SluiceSettings& settings, std::string_view name, const std::string& value,
                  const Place& place) {
    Result<void> result;
    if (name == "list") {
        const auto read = eachOf(value, place, [&](std::string_view text, const Place& at) {
            auto list = parseEntry(text, at);
            if (list)
                settings.lists.push_back(*std::move(list));
            else
                result = tl::unexpected(list.error());
        });
        return read ? result : read;
    }
    if (name == "robot")
        return eachOf(value, place, [&](std::string_view text, const Place&) {
            settings.robots.push_back(MailAddress::fromPath(unquoteWhole(text)));
        });
    if (name == "local-domain")
        return eachOf(value, place, [&](std::string_view text, const Place&) {
            settings.localDomains.add(unquoteWhole(text));
        });
    const std::string word = unquoteWhole(value);
    if (name == "socket") {
        settings.socketText = word;
        settings.socket = parseEndpoint(word);
    } else if (name == "dns-timeout") {
        settings.dnsTimeout = parseDuration(word).value_or(settings.dnsTimeout);
    } else if (name == "bounce-domain") {
        settings.bounceDomain = canonicalDomain(word);
    } else if (name == "report-copy") {
        settings.reportCopy = MailAddress::fromPath(word);
    } else if (name == "notify") {
        settings.notify = MailAddress::fromPath(word);
    } else if (name == "key-file") {
        settings.hasKeys = true;
    } else if (name == "mode") {
        settings.observes = word == "observe";
    } else if (name == "tracking-log") {
        settings.tracks = true;
    }
    return result;
}

} // namespace

void SluiceSettings::index() {
    for (std::size_t i = 0; i < lists.size(); ++i)
        listByKey.emplace(lists[i].address.key(), i);
}

const ListEntry* SluiceSettings::listFor(const MailAddress& address) const {
    for (const std::string& key : {address.key(), address.keyWithoutExtension()})
        if (const auto found = listByKey.find(key); found != listByKey.end())
            return &lists[found->second];
    return nullptr;
}

Result<SluiceSettings> parseSettings(std::string_view printed) {
    SluiceSettings settings;
    for (const std::string_view line : split(printed, '\n')) {
        const std::string_view setting = withoutComment(line);
        const std::size_t equals = setting.find('=');
        if (equals == std::string_view::npos)
            continue; // not set, and without a default
        std::string_view origin = trim(
            line.substr(static_cast<std::size_t>(setting.data() + setting.size() - line.data())));
        if (origin.starts_with('#'))
            origin = trim(origin.substr(1));
        const std::string value(trim(setting.substr(equals + 1)));
        if (auto taken = take(settings, trim(setting.substr(0, equals)), value, placeOf(origin));
            !taken)
            return tl::unexpected(taken.error());
    }
    settings.index();
    return settings;
}

tl::expected<SluiceSettings, SettingsFailure> readSettings(const std::string& file) {
    const auto failed = [](int status, std::string message) {
        return tl::unexpected(SettingsFailure{status, std::move(message)});
    };
    if (::access(file.c_str(), R_OK) != 0)
        return failed(EX_NOINPUT,
                      escapeForDisplay(file) +
                          ": sluice's configuration cannot be read (--config names another)");
    const auto program = findProgram("sluice-milter");
    if (!program)
        return failed(EX_UNAVAILABLE, "sluice-milter is not found beside sluicectl or in PATH; it "
                                      "is needed to read " +
                                          escapeForDisplay(file));
    const auto ran =
        runProgram(*program, {"--print-config", "--config", file}, longestPrint, patience);
    if (!ran)
        return failed(EX_UNAVAILABLE, ran.error().message);
    if (ran->status != 0)
        return failed(EX_CONFIG, ran->err);
    auto settings = parseSettings(ran->out);
    if (!settings)
        return failed(EX_CONFIG, settings.error().message);
    settings->file = file;
    return *std::move(settings);
}

} // namespace sluice::ctl::audit
