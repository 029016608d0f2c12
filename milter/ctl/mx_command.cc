// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/mx_command.hh"

#include "common/descriptor.hh"
#include "common/timestamp.hh"
#include "milter/ctl/mx_options.hh"
#include "milter/ctl/mx_report.hh"

#include <fmt/ostream.h>
#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <sysexits.h>

#include <csignal>

namespace sluice::ctl {
namespace {

constexpr int trouble = 1;

/// SIGINT and SIGTERM as a descriptor that is readable once one has come. Made before any thread,
/// which would get them otherwise.
class StopSignals {
public:
    StopSignals() : descriptor_(make()) {}

    [[nodiscard]] int descriptor() const { return descriptor_.get(); }
    /// True when it has come within that time.
    [[nodiscard]] bool waitFor(std::chrono::milliseconds time) const {
        pollfd ready{descriptor_.get(), POLLIN, 0};
        return poll(&ready, 1, static_cast<int>(time.count())) == 1;
    }

private:
    static int make() {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &set, nullptr);
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    }

    Descriptor descriptor_;
};

int complain(const Error& error, std::ostream& err) {
    fmt::print(err, "sluicectl mx: {}\n", error.message);
    return EX_UNAVAILABLE;
}

void showChanges(const MxRound& round, MxChanges& changes, std::ostream& out) {
    for (const std::string& line : changes.take(round))
        fmt::print(out, "{} {}\n", formatTimestamp(std::chrono::system_clock::now()), line);
}

/// Until a signal ends it, or nobody reads its output any more.
int watch(MxOptions options, std::ostream& out, std::ostream& err) {
    const StopSignals stop;
    options.settings.dns.interrupt = options.settings.smtp.interrupt = stop.descriptor();
    MxChanges changes;
    while (true) {
        const auto begun = std::chrono::steady_clock::now();
        const auto round = examineMx(options.domains, options.settings);
        if (!round)
            return complain(round.error(), err);
        if (stop.waitFor(std::chrono::milliseconds(0)))
            return EX_OK; // what was found out is not whole
        if (options.json)
            showMxJson(*round, out);
        else
            showChanges(*round, changes, out);
        if (!out.flush())
            return EX_IOERR;
        const auto left = begun + *options.watch - std::chrono::steady_clock::now();
        if (stop.waitFor(std::max(std::chrono::ceil<std::chrono::milliseconds>(left),
                                  std::chrono::milliseconds(0))))
            return EX_OK;
    }
}

int runMx(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    const auto options = readMxOptions(arguments);
    if (!options)
        return usageError("mx", options.error().message, err);
    if (options->watch)
        return watch(*options, out, err);
    const auto round = examineMx(options->domains, options->settings);
    if (!round)
        return complain(round.error(), err);
    if (options->json)
        showMxJson(*round, out);
    else
        showMx(*round, out);
    return round->trouble ? trouble : EX_OK;
}

} // namespace

const Command mxCommand{
    "mx",
    "Greet the mail servers of domains and say what is wrong with them",
    "mx [--json] [--port N] [--resolver ADDR[@PORT]]… [--timeout TIME] [--from HOST] DOMAIN…\n"
    "mx --watch [INTERVAL] … DOMAIN…",
    "Looks up every MX of each DOMAIN and connects to every address of it, all at once: "
    "handshake,\n"
    "banner, EHLO and QUIT, each awaited for 15 seconds (--timeout). No mail is sent. A table for\n"
    "each domain, with the times that DNS, handshake, banner and EHLO took; exit status 1 when "
    "some\n"
    "server is not well or the domain takes no mail.\n"
    "\n"
    "--port      the servers' port (25)\n"
    "--resolver  a DNS server to ask in place of those of the system; several are allowed\n"
    "--from      the name to say in EHLO (this machine's)\n"
    "--json      one object on a line\n"
    "--watch     do it again every INTERVAL (60s) and print a line for each change, with --json a\n"
    "            line for each time, until SIGINT or SIGTERM comes\n"
    "\n"
    "\"handshake but no banner\" is what a firewall or an overloaded server does that swallows\n"
    "the mail of days; \"banner masked by a firewall\" is one that tampers with SMTP (fixup or\n"
    "inspect smtp on a Cisco PIX or ASA): have that switched off.",
    runMx,
};

} // namespace sluice::ctl
