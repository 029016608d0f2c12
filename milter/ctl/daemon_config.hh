// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/result.hh"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::ctl {

/// Where the configuration of the filter stands unless `--config` says otherwise.
constexpr std::string_view usualConfig = "/etc/sluice/sluice-milter.conf";

/// The settings that the filter takes from a configuration file, defaults among them. They are
/// valid: the filter itself has read them.
class DaemonConfig {
public:
    struct Value {
        std::string text;   ///< as the file has it, quotes included
        std::string origin; ///< `FILE:LINE`, `command line` or `default`
    };

    /// What `sluice-milter --print-config` prints. Error: a line that is none of its.
    static Result<DaemonConfig> parse(std::string_view printed);

    /// What was given, or the default, in order; empty when there is neither, or no such option.
    /// A table stands as its name, `@/path`.
    [[nodiscard]] std::vector<Value> values(std::string_view name) const;
    /// The same with the lines of each table in its place. Error: a table that cannot be read.
    [[nodiscard]] Result<std::vector<Value>> allValues(std::string_view name) const;
    /// The one word of an option that occurs once, without quotes; empty when it is not set.
    [[nodiscard]] std::string word(std::string_view name) const;

private:
    std::vector<std::pair<std::string, Value>> settings_;
};

/// Runs `sluice-milter --print-config --config PATH`: the one beside this program, or else that of
/// PATH in the environment. Error: there is none, or it refuses the file; then its first complaint.
Result<DaemonConfig> readDaemonConfig(const std::string& path);

} // namespace sluice::ctl
