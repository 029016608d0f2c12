// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Where settings come from: the command line and the configuration file, brought to one form. The
/// values are still text; config.hh gives them their types.
namespace sluice {

/// One option, for the command line, the file, --help and --print-config.
struct OptionSpec {
    enum class Occurs : std::uint8_t { once, repeatedly };

    const char* name;
    const char* argument; ///< what stands for the value in --help
    Occurs occurs;
    const char* byDefault; ///< null: none
    const char* help;
};

/// Every option that may stand in the configuration file, in the order of the manual.
const std::vector<OptionSpec>& optionSpecs();

/// Where a value was written.
struct Origin {
    std::shared_ptr<const std::string> file; ///< null: the command line, or the default
    std::size_t line = 0;
    bool isDefault = false;

    /// "FILE:LINE", "command line" or "default".
    [[nodiscard]] std::string text() const;
};

/// Something wrong with the settings; all of them are collected and reported together.
struct Problem {
    std::string where; ///< Origin::text()
    std::string what;  ///< fit for a log or terminal: what it shows of the input is escaped

    /// Fit for a log or terminal.
    [[nodiscard]] std::string line() const;
};

/// The values of all options as text, each with its origin.
class Settings {
public:
    struct Value {
        std::string text;
        Origin origin;
    };

    void add(std::string_view name, Value value);
    void replace(std::string_view name, std::vector<Value> values);

    /// What was given, or the default; empty when there is neither.
    [[nodiscard]] const std::vector<Value>& values(std::string_view name) const;

    /// Calls `use` for each value; in place of a table (`@/path`) for each of its lines. A table
    /// that cannot be read goes to `problems`.
    void forEach(std::string_view name,
                 const std::function<void(std::string_view, const Origin&)>& use,
                 std::vector<Problem>& problems) const;

private:
    struct Named {
        std::string_view name;
        std::vector<Value> values;
    };
    Named& slot(std::string_view name);
    std::vector<Named> slots_;
};

/// What the command line asks for, besides settings.
struct CommandLine {
    bool help = false;
    bool version = false;
    bool check = false;
    bool printConfig = false;
    std::string configFile;
    Settings settings;
    std::vector<Problem> problems;
};

CommandLine parseCommandLine(int argc, const char* const* argv);

/// The text for --help.
std::string optionHelp();

/// The settings in force: those of the file, where the command line does not replace them, and the
/// defaults. Whatever is wrong goes to `problems`.
Settings mergedSettings(const CommandLine& commandLine, std::vector<Problem>& problems);

/// `name = value  # origin` for each option, in the order of the manual; what has neither a value
/// nor a default stands as a comment. A configuration file for the same settings.
std::string printedSettings(const Settings& settings);

} // namespace sluice
