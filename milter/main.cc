// SPDX-License-Identifier: BSD-2-Clause
#include "common/log.hh"
#include "common/version.hh"
#include "milter/config.hh"
#include "milter/daemon.hh"
#include "milter/options.hh"
#include "milter/process.hh"

#include <fmt/format.h>
#include <sysexits.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <system_error>

namespace {

using namespace sluice;

int report(const std::vector<Problem>& problems) {
    for (const Problem& problem : problems)
        fmt::print(stderr, "{}\n", problem.line());
    if (!problems.empty())
        fmt::print(stderr, "sluice-milter: {} problem{} in the configuration\n", problems.size(),
                   problems.size() == 1 ? "" : "s");
    return problems.empty() ? EXIT_SUCCESS : EX_CONFIG;
}

int runWith(CommandLine commandLine) {
    if (commandLine.help) {
        fmt::print("Usage: sluice-milter [--config FILE] [--name value]…\n\n{}", optionHelp());
        return EXIT_SUCCESS;
    }
    if (commandLine.version) {
        fmt::print("sluice-milter {}\n", version);
        return EXIT_SUCCESS;
    }
    LogLevels quiet; // what is read is no news before it is in force
    quiet.setAll(LogLevel::warning);
    log::setLevels(quiet);
    std::vector<Problem> problems;
    const Settings settings = mergedSettings(commandLine, problems);
    Config config = makeConfig(settings, problems);
    if (const int status = report(problems); commandLine.check || status != EXIT_SUCCESS)
        return status;
    if (commandLine.printConfig) {
        fmt::print("{}", printedSettings(settings));
        return EXIT_SUCCESS;
    }
    return Daemon(std::move(commandLine), std::move(config)).run();
}

} // namespace

int main(int argc, char** argv) {
    sluice::process::prepare();
    try {
        return runWith(sluice::parseCommandLine(argc, argv));
    } catch (const std::system_error& error) {
        static_cast<void>(std::fprintf(stderr,
                                       "sluice-milter: cannot start: %s (is a limit of threads, "
                                       "files or memory too low?)\n",
                                       error.what()));
        return EXIT_FAILURE;
    } catch (const std::exception& error) {
        static_cast<void>(std::fprintf(stderr, "sluice-milter: %s\n", error.what()));
        return EX_SOFTWARE;
    }
}
