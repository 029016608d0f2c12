// SPDX-License-Identifier: BSD-2-Clause
#include "milter/callbacks.hh"

#include "common/log.hh"
#include "common/text.hh"

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>

namespace sluice {
namespace {

/// libmilter hands no argument of our own to its callbacks.
SessionServices* theServices = nullptr;

Session* sessionOf(SMFICTX* context) {
    return static_cast<Session*>(smfi_getpriv(context));
}

/// The session of this connection; begins one where there is none (a new connection).
Session& sessionFor(SMFICTX* context) {
    if (Session* const session = sessionOf(context))
        return *session;
    auto session = std::make_unique<Session>(*theServices);
    smfi_setpriv(context, session.get());
    return *session.release();
}

void logFailure(const char* stage, const char* what) noexcept {
    try {
        log::error(LogCategory::session, "internal error at stage {}: {}", stage,
                   escapeForDisplay(what));
    } catch (...) { // NOLINT(bugprone-empty-catch): no memory even to say so
    }
}

/// What a callback may answer when its work failed.
enum class Phase : std::uint8_t {
    connection, ///< no reply text may be set yet; the MTA has one of its own
    command,
    messageText, ///< headers and body: perhaps no answer is expected at all
};

sfsistat failed(SMFICTX* context, Phase phase) noexcept {
    Session* const session = sessionOf(context);
    if (session == nullptr || phase == Phase::connection)
        return SMFIS_TEMPFAIL;
    return session->afterFailure(MtaContext(context), phase == Phase::messageText);
}

/// Counts the callbacks that are under way, for an orderly stop.
class CallbackCount {
public:
    explicit CallbackCount(std::atomic<int>& running) : running_(running) { ++running_; }
    ~CallbackCount() { --running_; }
    CallbackCount(const CallbackCount&) = delete;
    CallbackCount& operator=(const CallbackCount&) = delete;

private:
    std::atomic<int>& running_;
};

/// Runs the work of a callback; whatever it throws ends here.
template<typename Work>
sfsistat guarded(SMFICTX* context, Callback callback, Phase phase, Work work) noexcept {
    const CallbackCount count(theServices->callbacksRunning);
    const StageTimer timer(theServices->metrics, callback);
    try {
        return work(sessionFor(context), MtaContext(context));
    } catch (const std::exception& error) {
        logFailure(callbackName(callback), error.what());
    } catch (...) {
        logFailure(callbackName(callback), "unknown exception");
    }
    return failed(context, phase);
}

extern "C" {

static sfsistat onNegotiate(SMFICTX* context, unsigned long actions, unsigned long steps,
                            unsigned long, unsigned long, unsigned long* wantedActions,
                            unsigned long* wantedSteps, unsigned long* unused2,
                            unsigned long* unused3) {
    *unused2 = 0;
    *unused3 = 0;
    return guarded(context, Callback::negotiate, Phase::connection,
                   [&](Session& session, const MtaContext& mta) {
                       const MilterOptions answer = session.negotiate(mta, {actions, steps});
                       *wantedActions = answer.actions;
                       *wantedSteps = answer.steps;
                       return SMFIS_CONTINUE;
                   });
}

static sfsistat onConnect(SMFICTX* context, char* hostName, sockaddr* address) {
    return guarded(context, Callback::connect, Phase::connection,
                   [&](Session& session, const MtaContext& mta) {
                       return session.connect(mta, hostName == nullptr ? "" : hostName, address);
                   });
}

static sfsistat onHelo(SMFICTX* context, char* name) {
    return guarded(context, Callback::helo, Phase::command,
                   [&](Session& session, const MtaContext& mta) {
                       return session.helo(mta, name == nullptr ? "" : name);
                   });
}

static sfsistat onMail(SMFICTX* context, char** arguments) {
    return guarded(
        context, Callback::mail, Phase::command,
        [&](Session& session, const MtaContext& mta) { return session.mail(mta, arguments); });
}

static sfsistat onRecipient(SMFICTX* context, char** arguments) {
    return guarded(
        context, Callback::rcpt, Phase::command,
        [&](Session& session, const MtaContext& mta) { return session.recipient(mta, arguments); });
}

static sfsistat onData(SMFICTX* context) {
    return guarded(context, Callback::data, Phase::command,
                   [](Session& session, const MtaContext& mta) { return session.data(mta); });
}

static sfsistat onHeader(SMFICTX* context, char* name, char* value) {
    return guarded(
        context, Callback::header, Phase::messageText, [&](Session& session, const MtaContext&) {
            return session.header(name == nullptr ? "" : name, value == nullptr ? "" : value);
        });
}

static sfsistat onEndOfHeaders(SMFICTX* context) {
    return guarded(
        context, Callback::endOfHeaders, Phase::messageText,
        [](Session& session, const MtaContext& mta) { return session.endOfHeaders(mta); });
}

static sfsistat onBody(SMFICTX* context, unsigned char* octets, size_t length) {
    return guarded(
        context, Callback::body, Phase::messageText, [&](Session& session, const MtaContext&) {
            return session.body({reinterpret_cast<const char*>(octets), length}); // NOLINT
        });
}

static sfsistat onEndOfMessage(SMFICTX* context) {
    return guarded(
        context, Callback::endOfMessage, Phase::command,
        [](Session& session, const MtaContext& mta) { return session.endOfMessage(mta); });
}

/// Asks for no reply, so a failure is for the log alone.
static sfsistat onAbort(SMFICTX* context) {
    try {
        if (Session* const session = sessionOf(context))
            session->abortMessage();
    } catch (const std::exception& error) {
        logFailure("abort", error.what());
    } catch (...) {
        logFailure("abort", "unknown exception");
    }
    return SMFIS_CONTINUE;
}

/// May come twice for a connection, or without any other callback before it.
static sfsistat onClose(SMFICTX* context) {
    const std::unique_ptr<Session> session(sessionOf(context));
    smfi_setpriv(context, nullptr);
    return SMFIS_CONTINUE;
}

} // extern "C"

} // namespace

smfiDesc milterCallbacks(SessionServices& services) {
    theServices = &services;
    static char name[] = "sluice-milter";
    smfiDesc description{};
    description.xxfi_name = name;
    description.xxfi_version = SMFI_VERSION;
    description.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGFROM | SMFIF_ADDRCPT |
                             SMFIF_ADDRCPT_PAR | SMFIF_DELRCPT | SMFIF_QUARANTINE |
                             SMFIF_SETSYMLIST;
    description.xxfi_connect = onConnect;
    description.xxfi_helo = onHelo;
    description.xxfi_envfrom = onMail;
    description.xxfi_envrcpt = onRecipient;
    description.xxfi_data = onData;
    description.xxfi_header = onHeader;
    description.xxfi_eoh = onEndOfHeaders;
    description.xxfi_body = onBody;
    description.xxfi_eom = onEndOfMessage;
    description.xxfi_abort = onAbort;
    description.xxfi_close = onClose;
    description.xxfi_negotiate = onNegotiate;
    return description;
}

} // namespace sluice
