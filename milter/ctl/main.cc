// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/audit_command.hh"
#include "milter/ctl/badmail_command.hh"
#include "milter/ctl/bounces_command.hh"
#include "milter/ctl/classify_command.hh"
#include "milter/ctl/command.hh"
#include "milter/ctl/completion_command.hh"
#include "milter/ctl/dnsbl_command.hh"
#include "milter/ctl/explain_command.hh"
#include "milter/ctl/keys_command.hh"
#include "milter/ctl/loops_command.hh"
#include "milter/ctl/mx_command.hh"
#include "milter/ctl/networks_command.hh"
#include "milter/ctl/reload_command.hh"
#include "milter/ctl/report_command.hh"
#include "milter/ctl/simulate_command.hh"
#include "milter/ctl/status_command.hh"
#include "milter/ctl/track_command.hh"

#include <sysexits.h>

#include <array>
#include <cstdio>
#include <exception>
#include <iostream>

int main(int argc, char** argv) {
    try {
        // one a line, so that they are easy to keep in order
        // clang-format off
        const std::array commands{
            sluice::ctl::allowCommand,
            sluice::ctl::auditCommand,
            sluice::ctl::badmailCommand,
            sluice::ctl::bouncesCommand,
            sluice::ctl::classifyCommand,
            sluice::ctl::completionCommand,
            sluice::ctl::denyCommand,
            sluice::ctl::dnsblCommand,
            sluice::ctl::explainCommand,
            sluice::ctl::keysCommand,
            sluice::ctl::loopsCommand,
            sluice::ctl::mxCommand,
            sluice::ctl::reloadCommand,
            sluice::ctl::reportCommand,
            sluice::ctl::simulateCommand,
            sluice::ctl::statusCommand,
            sluice::ctl::trackCommand,
        };
        // clang-format on
        const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
        return sluice::ctl::runCommand(commands, arguments, std::cout, std::cerr);
    } catch (const std::exception& error) {
        static_cast<void>(std::fprintf(stderr, "sluicectl: %s\n", error.what()));
        return EX_SOFTWARE;
    }
}
