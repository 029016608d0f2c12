// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/ctl/audit/config_text.hh"
#include "milter/ctl/audit/mta_facts.hh"
#include "milter/ctl/audit/readers.hh"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::ctl::audit {

/// The settings of a Postfix in force, with the lines where they are written.
class PostfixSettings {
public:
    /// A service of master.cf that runs smtpd.
    struct Service {
        std::string name; ///< "smtp", "127.0.0.1:10025"
        std::string type; ///< "inet" or "pass"
        bool chroot = false;
        Place place;
    };

    /// Asks postconf.
    static tl::expected<PostfixSettings, ReadFailure> read(const std::string& directory,
                                                           FileReader& files);

    /// What postconf prints: `-x`, `-M` and `-P -x`; and the texts of main.cf and master.cf.
    struct Printed {
        std::string parameters;
        std::string services;
        std::string overrides;
        std::string mainText;
        std::string masterText;
    };
    static PostfixSettings parse(const std::string& directory, const Printed& printed);

    /// The value with all `$name` in it replaced; empty: it is empty, or there is no such
    /// parameter.
    [[nodiscard]] const std::string& value(const std::string& name) const;
    /// That of a service, which may differ.
    [[nodiscard]] const std::string& value(const Service& service, const std::string& name) const;
    [[nodiscard]] bool isOverridden(const Service& service, const std::string& name) const;
    /// Where the parameter is set; line 0: it has its default.
    [[nodiscard]] Place place(const std::string& name) const;

    [[nodiscard]] const std::vector<Service>& services() const { return services_; }
    [[nodiscard]] const std::string& directory() const { return directory_; }

private:
    void findServices(const Printed& printed);

    std::string directory_;
    std::unordered_map<std::string, std::string> values_;
    std::unordered_map<std::string, std::string> overrides_; ///< by "SERVICE/TYPE/NAME"
    std::unordered_map<std::string, std::size_t> lines_;     ///< of main.cf
    std::vector<Service> services_;
};

} // namespace sluice::ctl::audit
