// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// One rule that was tried, and what it said; fit for display as far as the rule's own text is.
struct ExplainedRule {
    std::string rule; ///< its option: "deny-ip", "dnsbl NAME"
    std::string outcome;
};

/// Collects the rules as the policy tries them, for an operator who asks why. Nobody who carries
/// one in Client::explanation counts for limits that are kept between connections.
class Explanation {
public:
    void add(std::string rule, std::string outcome) {
        rules_.push_back({std::move(rule), std::move(outcome)});
    }
    /// What was collected since the last time.
    std::vector<ExplainedRule> take() { return std::exchange(rules_, {}); }

private:
    std::vector<ExplainedRule> rules_;
};

} // namespace sluice
