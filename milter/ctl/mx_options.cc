// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/mx_options.hh"

#include "common/domain_name.hh"
#include "common/duration.hh"
#include "common/text.hh"
#include "milter/adapters/host_name.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace sluice::ctl {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds shortestTimeout = 100ms;
constexpr std::chrono::milliseconds longestTimeout = 5min;
/// An answer that takes longer is none for a mail server either.
constexpr std::chrono::milliseconds longestLookUp = 10s;
constexpr std::chrono::milliseconds shortestInterval = 1s;

Result<std::uint16_t> parsePort(std::string_view text) {
    constexpr std::uint64_t highest = 65535;
    const auto port = parseUnsigned(text);
    if (!port || *port == 0 || *port > highest)
        return fail(quoteForDisplay(text) + " is no port from 1 to 65535");
    return static_cast<std::uint16_t>(*port);
}

Result<std::chrono::milliseconds> parseTime(std::string_view text, std::chrono::milliseconds least,
                                            std::chrono::milliseconds most) {
    const auto time = parseDuration(text);
    if (!time)
        return tl::unexpected(time.error());
    if (*time < least || *time > most)
        return fail(fmt::format("{} is no time from {} to {}", quoteForDisplay(text),
                                formatDuration(least), formatDuration(most)));
    return *time;
}

Result<void> takePort(const std::string& text, MxOptions& options) {
    const auto port = parsePort(text);
    if (!port)
        return tl::unexpected(port.error());
    options.settings.smtp.port = *port;
    return {};
}

Result<void> takeTimeout(const std::string& text, MxOptions& options) {
    const auto time = parseTime(text, shortestTimeout, longestTimeout);
    if (!time)
        return tl::unexpected(time.error());
    options.settings.smtp.timeout = *time;
    return {};
}

/// ADDR or ADDR@PORT
Result<void> takeResolver(const std::string& text, MxOptions& options) {
    ResolverSettings& resolver = options.settings.dns.resolver;
    const std::size_t at = text.find('@');
    if (const auto address = IpAddress::parse(std::string_view(text).substr(0, at)); !address)
        return tl::unexpected(address.error());
    if (at != std::string::npos)
        if (const auto port = parsePort(std::string_view(text).substr(at + 1)); !port)
            return tl::unexpected(port.error());
    resolver.source = ResolverSettings::Source::servers;
    resolver.servers.push_back(text);
    return {};
}

/// A domain or an address literal (RFC 5321 section 4.1.1.1).
Result<void> takeOwnName(const std::string& text, MxOptions& options) {
    const bool literal = text.size() > 2 && text.starts_with('[') && text.ends_with(']');
    if (literal) {
        constexpr std::string_view v6Mark = "IPv6:";
        std::string_view inside = std::string_view(text).substr(1, text.size() - 2);
        if (inside.starts_with(v6Mark))
            inside.remove_prefix(v6Mark.size());
        if (const auto address = IpAddress::parse(inside); !address)
            return tl::unexpected(address.error());
        options.settings.smtp.helo = text;
        return {};
    }
    auto name = parseDomain(text);
    if (!name)
        return tl::unexpected(name.error());
    options.settings.smtp.helo = *std::move(name);
    return {};
}

Result<void> takeInterval(const std::string& text, MxOptions& options) {
    const auto time = parseTime(text, shortestInterval, 24h);
    if (!time)
        return tl::unexpected(time.error());
    options.watch = *time;
    return {};
}

Result<void> takeDomain(const std::string& text, MxOptions& options) {
    if (text.starts_with('[') || IpAddress::parse(text))
        return fail(quoteForDisplay(text) + " is an address and no domain");
    auto domain = parseDomain(text);
    if (!domain)
        return tl::unexpected(domain.error());
    std::vector<std::string>& domains = options.domains;
    if (std::find(domains.begin(), domains.end(), *domain) != domains.end())
        return {};
    if (domains.size() == mostMxDomains)
        return fail(fmt::format("more than {} domains", mostMxDomains));
    domains.push_back(*std::move(domain));
    return {};
}

struct Flag {
    std::string_view name;
    Result<void> (*take)(const std::string& value, MxOptions& options);
};

constexpr std::array flags{
    Flag{"--port", takePort},
    Flag{"--timeout", takeTimeout},
    Flag{"--resolver", takeResolver},
    Flag{"--from", takeOwnName},
};

/// The words one after another.
class Reader {
public:
    explicit Reader(const std::vector<std::string>& words) : words_(words) {}

    Result<MxOptions> read() {
        for (; at_ < words_.size(); ++at_)
            if (auto taken = take(words_[at_]); !taken)
                return tl::unexpected(taken.error());
        if (options_.domains.empty())
            return fail("a domain is missing");
        MxSettings& settings = options_.settings;
        settings.dns.timeout = std::min(settings.smtp.timeout, longestLookUp);
        if (settings.smtp.helo.empty())
            settings.smtp.helo = systemHostName();
        return std::move(options_);
    }

private:
    Result<void> take(const std::string& word) {
        if (flagsEnded_ || !word.starts_with('-'))
            return takeDomain(word, options_);
        if (word == "--")
            flagsEnded_ = true;
        else if (word == "--json")
            options_.json = true;
        else if (word == "--watch")
            takeWatch();
        else
            return takeFlag(word);
        return {};
    }

    /// The time behind it may be left out: what follows is one if it can be read as one.
    void takeWatch() {
        options_.watch = usualMxInterval;
        if (at_ + 1 < words_.size() && takeInterval(words_[at_ + 1], options_))
            ++at_;
    }

    Result<void> takeFlag(const std::string& word) {
        const std::size_t equals = word.find('=');
        const std::string name = word.substr(0, equals);
        if (name == "--watch")
            return named(name, takeInterval(word.substr(equals + 1), options_));
        const auto* const flag = std::find_if(flags.begin(), flags.end(),
                                              [&](const Flag& one) { return one.name == name; });
        if (flag == flags.end())
            return fail(quoteForDisplay(word) + " is no option");
        if (equals != std::string::npos)
            return named(name, flag->take(word.substr(equals + 1), options_));
        if (++at_ == words_.size())
            return fail(name + " needs a value");
        return named(name, flag->take(words_[at_], options_));
    }

    static Result<void> named(const std::string& name, Result<void> result) {
        if (result)
            return result;
        return fail(name + ": " + result.error().message);
    }

    const std::vector<std::string>& words_;
    std::size_t at_ = 0;
    bool flagsEnded_ = false;
    MxOptions options_;
};

} // namespace

Result<MxOptions> readMxOptions(const std::vector<std::string>& arguments) {
    return Reader(arguments).read();
}

} // namespace sluice::ctl
