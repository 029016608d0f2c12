// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/usage.hh"

#include "common/text.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace sluice::ctl {
namespace {

constexpr std::string_view ellipsis = "…";

/// A word of the usage; brackets and bars have gone.
struct Token {
    std::string_view text;
    bool afterBlank = false; ///< nothing but a blank stands between it and the one before
    bool afterBar = false;
    bool repeatable = false;
};

/// Brackets, bars and blanks end a word.
std::vector<Token> tokensOf(std::string_view line) {
    std::vector<Token> tokens;
    bool bracket = true;
    bool bar = false;
    for (std::size_t at = 0; at < line.size();) {
        if (const char c = line[at]; c == '[' || c == ']' || c == '|' || c == ' ') {
            bracket = bracket || c == '[' || c == ']';
            bar = bar || c == '|';
            ++at;
            continue;
        }
        const std::size_t end = std::min(line.find_first_of("[]| ", at), line.size());
        Token token{line.substr(at, end - at), !bracket && !bar, bar};
        if (token.text.ends_with(ellipsis)) {
            token.repeatable = true;
            token.text.remove_suffix(ellipsis.size());
        }
        if (!token.text.empty())
            tokens.push_back(token);
        bracket = bar = false;
        at = end;
    }
    return tokens;
}

bool isOption(std::string_view word) {
    return word.starts_with("--") && word.size() > 2;
}

bool isVerb(std::string_view word) {
    return !word.empty() && lowerAscii(word.front()) == word.front() && word.front() >= 'a' &&
           word.front() <= 'z';
}

/// Reads one line; the first token is the name of the command.
class WayReader {
public:
    explicit WayReader(std::string_view line) : tokens_(tokensOf(line)) {}

    std::vector<UsageWay> read() {
        std::vector<std::string> verbs;
        std::size_t at = std::min<std::size_t>(1, tokens_.size());
        while (at < tokens_.size() && isVerb(tokens_[at].text) &&
               (verbs.empty() || tokens_[at].afterBar))
            verbs.emplace_back(tokens_[at++].text);
        while (at < tokens_.size())
            take(at);
        if (verbs.empty())
            return {way_};
        std::vector<UsageWay> ways;
        for (std::string& verb : verbs) {
            ways.push_back(way_);
            ways.back().verb = std::move(verb);
        }
        return ways;
    }

private:
    void take(std::size_t& at) {
        const Token& token = tokens_[at++];
        if (!isOption(token.text)) {
            way_.operands.emplace_back(token.text);
            return;
        }
        UsageOption option{std::string(token.text), {}, token.repeatable};
        while (at < tokens_.size() && !isOption(tokens_[at].text) &&
               (option.value.empty() ? tokens_[at].afterBlank : tokens_[at].afterBar)) {
            option.value += (option.value.empty() ? "" : "|") + std::string(tokens_[at].text);
            option.repeatable = option.repeatable || tokens_[at++].repeatable;
        }
        way_.options.push_back(std::move(option));
    }

    std::vector<Token> tokens_;
    UsageWay way_;
};

const UsageOption* optionOf(const std::vector<UsageOption>& options, std::string_view name) {
    const auto found = std::find_if(options.begin(), options.end(),
                                    [&](const UsageOption& known) { return known.name == name; });
    return found == options.end() ? nullptr : &*found;
}

/// Of the ways with this verb, or of all of them.
std::vector<UsageOption> optionsOf(const std::vector<UsageWay>& ways,
                                   const std::optional<std::string>& verb) {
    std::vector<UsageOption> options;
    for (const UsageWay& way : ways)
        if (!verb || way.verb == *verb)
            for (const UsageOption& option : way.options)
                if (optionOf(options, option.name) == nullptr)
                    options.push_back(option);
    return options;
}

std::vector<std::string> verbsOf(const std::vector<UsageWay>& ways) {
    std::vector<std::string> verbs;
    for (const UsageWay& way : ways)
        if (!way.verb.empty() && std::find(verbs.begin(), verbs.end(), way.verb) == verbs.end())
            verbs.push_back(way.verb);
    return verbs;
}

/// Takes the words apart, by options that belong to any of the ways.
class CallReader {
public:
    explicit CallReader(const std::vector<UsageWay>& ways)
        : ways_(ways), options_(optionsOf(ways, std::nullopt)) {}

    Result<GivenWords> read(const std::vector<std::string>& arguments);

private:
    Result<void> takeOption(const std::vector<std::string>& arguments, std::size_t& at);
    Result<std::string> takeVerb();

    const std::vector<UsageWay>& ways_;
    const std::vector<UsageOption> options_;
    std::vector<std::string> operands_;
    std::vector<GivenWords::Option> given_;
};

Result<void> CallReader::takeOption(const std::vector<std::string>& arguments, std::size_t& at) {
    const std::string& word = arguments[at++];
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const UsageOption* const option = optionOf(options_, name);
    if (option == nullptr)
        return fail(quoteForDisplay(name) + " is no option");
    const bool twice = std::any_of(given_.begin(), given_.end(),
                                   [&](const auto& known) { return known.name == name; });
    if (twice && !option->repeatable)
        return fail(name + " is given twice");
    if (option->value.empty() && equals != std::string::npos)
        return fail(name + " takes no value");
    if (option->value.empty()) {
        given_.push_back({name, {}});
        return {};
    }
    if (equals == std::string::npos && at == arguments.size())
        return fail(fmt::format("{} needs {}", name, option->value));
    given_.push_back(
        {name, equals == std::string::npos ? arguments[at++] : word.substr(equals + 1)});
    return {};
}

Result<std::string> CallReader::takeVerb() {
    const auto verbs = verbsOf(ways_);
    if (verbs.empty())
        return std::string();
    if (operands_.empty())
        return fail(fmt::format("a word is missing: {}", fmt::join(verbs, ", ")));
    std::string verb = operands_.front();
    if (std::find(verbs.begin(), verbs.end(), verb) == verbs.end())
        return fail(
            fmt::format("{} is none of: {}", quoteForDisplay(verb), fmt::join(verbs, ", ")));
    operands_.erase(operands_.begin());
    return verb;
}

Result<GivenWords> CallReader::read(const std::vector<std::string>& arguments) {
    bool optionsEnded = false;
    for (std::size_t at = 0; at < arguments.size();) {
        const std::string& word = arguments[at];
        if (optionsEnded || word == "-" || !word.starts_with('-')) {
            operands_.push_back(word);
            ++at;
        } else if (word == "--") {
            optionsEnded = true;
            ++at;
        } else if (auto taken = takeOption(arguments, at); !taken) {
            return tl::unexpected(taken.error());
        }
    }
    auto verb = takeVerb();
    if (!verb)
        return tl::unexpected(verb.error());
    const auto allowed = optionsOf(ways_, *verb);
    for (const GivenWords::Option& option : given_)
        if (optionOf(allowed, option.name) == nullptr)
            return fail(fmt::format("{} is not for {}", option.name, *verb));
    return GivenWords(*std::move(verb), std::move(operands_), std::move(given_));
}

} // namespace

std::vector<UsageWay> usageWays(std::string_view usage) {
    std::vector<UsageWay> ways;
    for (const std::string_view line : split(usage, '\n'))
        for (UsageWay& way : WayReader(line).read())
            ways.push_back(std::move(way));
    return ways;
}

bool GivenWords::has(std::string_view option) const {
    return std::any_of(options_.begin(), options_.end(),
                       [&](const Option& given) { return given.name == option; });
}

std::string GivenWords::value(std::string_view option) const {
    const auto all = values(option);
    return all.empty() ? std::string() : all.back();
}

std::vector<std::string> GivenWords::values(std::string_view option) const {
    std::vector<std::string> all;
    for (const Option& given : options_)
        if (given.name == option)
            all.push_back(given.value);
    return all;
}

Result<GivenWords> givenWords(std::string_view usage, const std::vector<std::string>& arguments) {
    const auto ways = usageWays(usage);
    return CallReader(ways).read(arguments);
}

} // namespace sluice::ctl
