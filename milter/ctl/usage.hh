// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"
#include "milter/ctl/command.hh"

#include <string>
#include <string_view>
#include <vector>

/// What Command::usage says, so that the words of a command and the completion of a shell go by the
/// very text that `--help` shows.
///
/// A line is one way to call the command: its name, the words that it may begin with (`list`,
/// `add|del`), then operands and options in any order. `[ ]` may be left out, `|` stands between
/// alternatives, `…` behind what may be repeated. What stands behind an option with only a blank in
/// between is its value: `--since TIME`, `--sort size|age`.
namespace sluice::ctl {

struct UsageOption {
    std::string name;  ///< `--since`
    std::string value; ///< what stands for it, `TIME`; empty: it takes none
    bool repeatable = false;

    friend bool operator==(const UsageOption&, const UsageOption&) = default;
};

struct UsageWay {
    std::string verb; ///< the word that it begins with; empty: none
    std::vector<std::string> operands;
    std::vector<UsageOption> options;
};

/// In the order of the text; alternative verbs make ways of their own.
std::vector<UsageWay> usageWays(std::string_view usage);

/// The words of a call.
class GivenWords {
public:
    struct Option {
        std::string name;
        std::string value;
    };

    GivenWords(std::string verb, std::vector<std::string> operands, std::vector<Option> options)
        : verb_(std::move(verb)), operands_(std::move(operands)), options_(std::move(options)) {}

    [[nodiscard]] const std::string& verb() const { return verb_; }
    [[nodiscard]] const std::vector<std::string>& operands() const { return operands_; }
    [[nodiscard]] bool has(std::string_view option) const;
    /// Empty when it was not given.
    [[nodiscard]] std::string value(std::string_view option) const;
    [[nodiscard]] std::vector<std::string> values(std::string_view option) const;

private:
    std::string verb_;
    std::vector<std::string> operands_;
    std::vector<Option> options_;
};

/// Options may stand anywhere before `--`, with their value behind `=` or as the next word. Error:
/// a verb or an option that the usage does not have, an option given twice, a value missing. How
/// many operands there are is not looked at.
Result<GivenWords> givenWords(std::string_view usage, const std::vector<std::string>& arguments);

} // namespace sluice::ctl
