// SPDX-License-Identifier: BSD-2-Clause
//
// null-filter: a milter that says "continue" to everything. It is what sluice is measured against,
// so it can be told to negotiate the same steps, actions and macros, and its socket is set up the
// same. Prints "ready" when it listens; ends on SIGTERM.
//
#include "milter/config_values.hh"
#include "milter/listening_socket.hh"
#include "milter/process.hh"
#include "test/support/milter_protocol.hh"

#include <boost/program_options.hpp>
#include <libmilter/mfapi.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace steps = sluice::mta::steps;
using sluice::ListeningSocket;

struct StageFlags {
    std::string_view name;
    std::uint32_t unwanted;
    std::uint32_t silent;
};

constexpr std::array<StageFlags, 9> stages{{
    {"connect", steps::noConnect, steps::silentConnect},
    {"helo", steps::noHelo, steps::silentHelo},
    {"mail", steps::noMail, steps::silentMail},
    {"rcpt", steps::noRecipient, steps::silentRecipient},
    {"data", steps::noData, steps::silentData},
    {"unknown", steps::noUnknown, steps::silentUnknown},
    {"header", steps::noHeaders, steps::silentHeader},
    {"eoh", steps::noEndOfHeaders, steps::silentEndOfHeaders},
    {"body", steps::noBody, steps::silentBody},
}};

const std::map<std::string, int, std::less<>> macroStages{
    {"connect", SMFIM_CONNECT}, {"helo", SMFIM_HELO}, {"mail", SMFIM_ENVFROM},
    {"rcpt", SMFIM_ENVRCPT},    {"data", SMFIM_DATA}, {"eoh", SMFIM_EOH},
    {"eom", SMFIM_EOM},
};

struct Wanted {
    std::uint32_t steps = 0;
    std::uint32_t actions = 0;
    std::vector<std::pair<int, std::string>> macros;
};

/// Set before the first callback, then only read.
Wanted wanted;

sfsistat proceed(std::uint32_t silent) {
    return (wanted.steps & silent) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

sfsistat onNegotiate(SMFICTX* context, unsigned long, unsigned long, unsigned long, unsigned long,
                     unsigned long* actions, unsigned long* stepsAsked, unsigned long* third,
                     unsigned long* fourth) {
    *actions = wanted.actions;
    *stepsAsked = wanted.steps;
    *third = *fourth = 0;
    for (auto& [stage, list] : wanted.macros) {
        std::string copy = list; // several sessions negotiate at once
        if (smfi_setsymlist(context, stage, copy.data()) != MI_SUCCESS)
            return SMFIS_REJECT;
    }
    return SMFIS_CONTINUE;
}

sfsistat onConnect(SMFICTX*, char*, _SOCK_ADDR*) {
    return proceed(steps::silentConnect);
}
sfsistat onHelo(SMFICTX*, char*) {
    return proceed(steps::silentHelo);
}
sfsistat onMail(SMFICTX*, char**) {
    return proceed(steps::silentMail);
}
sfsistat onRecipient(SMFICTX*, char**) {
    return proceed(steps::silentRecipient);
}
sfsistat onData(SMFICTX*) {
    return proceed(steps::silentData);
}
sfsistat onUnknown(SMFICTX*, const char*) {
    return proceed(steps::silentUnknown);
}
sfsistat onHeader(SMFICTX*, char*, char*) {
    return proceed(steps::silentHeader);
}
sfsistat onEndOfHeaders(SMFICTX*) {
    return proceed(steps::silentEndOfHeaders);
}
sfsistat onBody(SMFICTX*, unsigned char*, std::size_t) {
    return proceed(steps::silentBody);
}
sfsistat onEndOfMessage(SMFICTX*) {
    return SMFIS_CONTINUE;
}
sfsistat onAbort(SMFICTX*) {
    return SMFIS_CONTINUE;
}
sfsistat onClose(SMFICTX*) {
    return SMFIS_CONTINUE;
}

[[noreturn]] void giveUp(const std::string& what) {
    throw std::runtime_error(what);
}

std::vector<std::string> commaSeparated(std::string_view text) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
        if (c == ',')
            parts.emplace_back();
        else
            parts.back() += c;
    }
    return parts;
}

const StageFlags& stageNamed(std::string_view name) {
    for (const auto& stage : stages) {
        if (stage.name == name)
            return stage;
    }
    giveUp("no stage \"" + std::string(name) + '"');
}

/// All stages but those named are not to be sent.
std::uint32_t stepsFor(std::string_view stagesWanted) {
    std::uint32_t flags = 0;
    for (const auto& stage : stages)
        flags |= stage.unwanted;
    for (const auto& name : commaSeparated(stagesWanted))
        flags &= ~stageNamed(name).unwanted;
    return flags;
}

/// Decimal, or hexadecimal with 0x, as `milter-client` and a packet trace print them.
std::uint32_t parseFlags(const std::string& text) {
    std::size_t used = 0;
    const auto value = std::stoul(text, &used, 0);
    if (used != text.size() || value > UINT32_MAX)
        giveUp("bad flags \"" + text + '"');
    return static_cast<std::uint32_t>(value);
}

std::pair<int, std::string> parseMacros(const std::string& text) {
    const auto equals = text.find('=');
    const auto stage = macroStages.find(text.substr(0, equals));
    if (equals == std::string::npos || stage == macroStages.end())
        giveUp("bad macros \"" + text + '"');
    return {stage->second, text.substr(equals + 1)};
}

/// The socket as the daemon makes it; open for all, since the MTA runs as another user.
std::unique_ptr<ListeningSocket> openSocket(const std::string& text) {
    auto spec = sluice::parseSocket(text);
    if (!spec)
        giveUp(spec.error().message);
    auto socket = ListeningSocket::open(*spec, {S_IRWXU | S_IRWXG | S_IRWXO});
    if (!socket)
        giveUp(socket.error().message);
    return std::move(*socket);
}

void listenOn(const ListeningSocket& socket) {
    std::string connection = "fd:" + std::to_string(socket.descriptor());
    if (smfi_setconn(connection.data()) != MI_SUCCESS || smfi_setbacklog(SOMAXCONN) != MI_SUCCESS ||
        smfi_opensocket(false) != MI_SUCCESS)
        giveUp("libmilter does not take over a socket");
}

void registerCallbacks() {
    static std::string name = "null-filter";
    const smfiDesc callbacks{
        name.data(), SMFI_VERSION, wanted.actions, onConnect,   onHelo,         onMail,
        onRecipient, onHeader,     onEndOfHeaders, onBody,      onEndOfMessage, onAbort,
        onClose,     onUnknown,    onData,         onNegotiate,
    };
    if (smfi_register(callbacks) != MI_SUCCESS)
        giveUp("smfi_register failed");
}

namespace options = boost::program_options;

options::options_description description() {
    options::options_description all("null-filter: a milter that says continue");
    auto add = all.add_options();
    add("help", "this text");
    add("socket", options::value<std::string>()->required(), "unix:PATH or inet:PORT@HOST");
    add("stages", options::value<std::string>(),
        "the stages to ask for, comma separated (connect helo mail rcpt data unknown header eoh "
        "body); the default is all");
    add("flags", options::value<std::string>(), "nr: headers, end of headers and body unanswered");
    add("like", options::value<std::vector<std::string>>()->multitoken(),
        "STEPS ACTIONS: ask for exactly this, in numbers; instead of --stages and --flags");
    add("macros", options::value<std::vector<std::string>>(),
        "STAGE=LIST: ask for these macros (connect helo mail rcpt data eoh eom); repeatable");
    return all;
}

Wanted wantedBy(const options::variables_map& given) {
    Wanted result;
    if (given.count("stages") != 0)
        result.steps = stepsFor(given["stages"].as<std::string>());
    if (given.count("flags") != 0) {
        if (given["flags"].as<std::string>() != "nr")
            giveUp("--flags knows nr only");
        result.steps |= steps::silentHeader | steps::silentEndOfHeaders | steps::silentBody;
    }
    if (given.count("like") != 0) {
        const auto& numbers = given["like"].as<std::vector<std::string>>();
        if (numbers.size() != 2)
            giveUp("--like takes two numbers");
        result.steps = parseFlags(numbers[0]);
        result.actions = parseFlags(numbers[1]);
    }
    if (given.count("macros") != 0) {
        for (const auto& text : given["macros"].as<std::vector<std::string>>())
            result.macros.push_back(parseMacros(text));
    }
    return result;
}

int run(int argc, char** argv) {
    const auto known = description();
    options::variables_map given;
    options::store(options::parse_command_line(argc, argv, known), given);
    if (given.count("help") != 0) {
        std::cout << known;
        return 0;
    }
    options::notify(given);
    wanted = wantedBy(given);
    const auto socket = openSocket(given["socket"].as<std::string>());
    registerCallbacks();
    listenOn(*socket);
    std::cout << "ready" << std::endl; // whoever waits for it must see it now
    return smfi_main() == MI_SUCCESS ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    sluice::process::prepare();
    try {
        return run(argc, argv);
    } catch (const std::exception& problem) {
        std::cerr << "null-filter: " << problem.what() << '\n';
        return 2;
    }
}
