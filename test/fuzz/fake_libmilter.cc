// SPDX-License-Identifier: BSD-2-Clause
#include "test/fuzz/fake_libmilter.hh"

#include "common/text.hh"
#include "test/fuzz/fuzz_support.hh"
#include "test/support/failing_memory.hh"

#include <algorithm>

using namespace sluice;
using fuzz::Call;
using fuzz::require;
using test::WithMemory;

namespace {

constexpr std::size_t longestReplyLine = 980;

bool isPlain(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](unsigned char c) { return c >= ' ' && c != 0x7f; });
}

/// RFC 5322 section 2.2
bool isFieldName(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(),
                                        [](char c) { return c > ' ' && c <= '~' && c != ':'; });
}

/// Each line but the first begins with a blank.
bool isFieldValue(std::string_view value) {
    if (value.find('\r') != value.npos)
        return false;
    for (std::size_t at = value.find('\n'); at != value.npos; at = value.find('\n', at + 1))
        if (at + 1 == value.size() || (value[at + 1] != ' ' && value[at + 1] != '\t'))
            return false;
    return true;
}

bool isPath(std::string_view path) {
    return path.size() >= 2 && path.front() == '<' && path.back() == '>' && isPlain(path);
}

/// Each `%` has another behind it: libmilter gives the text to a printf().
bool isDoubled(std::string_view text) {
    for (std::size_t at = text.find('%'); at != text.npos; at = text.find('%', at + 2))
        if (text.substr(at, 2) != "%%")
            return false;
    return true;
}

bool isMessageText(Call call) {
    return call == Call::header || call == Call::eoh || call == Call::body;
}

int answer(bool taken) {
    return taken ? MI_SUCCESS : MI_FAILURE;
}

} // namespace

unsigned long smfi_str::silentStep() const {
    switch (call) {
    case Call::header:
        return SMFIP_NR_HDR;
    case Call::eoh:
        return SMFIP_NR_EOH;
    case Call::body:
        return SMFIP_NR_BODY;
    case Call::negotiate:
    case Call::connect:
    case Call::helo:
    case Call::mail:
    case Call::rcpt:
    case Call::data:
    case Call::eom:
    case Call::abort:
    case Call::close:
        break;
    }
    return 0;
}

bool smfi_str::mayReturn(sfsistat status) const {
    switch (status) {
    case SMFIS_CONTINUE:
        return !isSilent();
    case SMFIS_REJECT:
        return !isSilent() && call != Call::negotiate && call != Call::abort && call != Call::close;
    case SMFIS_TEMPFAIL:
        return !isSilent() && call != Call::abort && call != Call::close &&
               (call != Call::negotiate || test::allocationFailed());
    case SMFIS_DISCARD:
        return call == Call::eom;
    case SMFIS_NOREPLY: // libmilter answers for the filter where the MTA cannot do without
        return isSilent() || (silentStep() != 0 && (offeredSteps & silentStep()) == 0);
    default:
        return false;
    }
}

void smfi_str::requireFittingReply(sfsistat status) const {
    const bool refused = status == SMFIS_REJECT || status == SMFIS_TEMPFAIL;
    require(!reply || (refused && reply->code.front() == (status == SMFIS_REJECT ? '5' : '4')));
    require(reply || !refused || call <= Call::connect || test::allocationFailed());
}

void smfi_str::begin(Call next) {
    call = next;
    reply.reset();
    editFailed = false;
    test::forgetFailure();
    if (next == Call::connect || next == Call::mail)
        forgetMessage();
}

void smfi_str::end(sfsistat status) {
    require(mayReturn(status));
    requireFittingReply(status);
    const bool broken = test::allocationFailed() || editFailed;
    require(status != SMFIS_REJECT || (!broken && !observing));
    require(!editFailed || status == SMFIS_TEMPFAIL);
    if (call == Call::eom)
        require(!memoryFailed || status == SMFIS_TEMPFAIL);
    if (isMessageText(call) && call != Call::eoh && test::allocationFailed())
        memoryFailed = true;
    if (call == Call::eom || call == Call::abort || call == Call::close)
        forgetMessage();
}

void smfi_str::forgetMessage() {
    headers.clear();
    recipients.clear();
    memoryFailed = false;
}

bool smfi_str::takeEdit(unsigned long action) {
    require(call == Call::eom && !observing && !editFailed);
    editFailed = (actions & action) == 0 || (editUntilFailure != 0 && --editUntilFailure == 0);
    return !editFailed;
}

extern "C" {

int smfi_setpriv(SMFICTX* context, void* session) {
    context->session = session;
    return MI_SUCCESS;
}

void* smfi_getpriv(SMFICTX* context) {
    return context->session;
}

char* smfi_getsymval(SMFICTX* context, char* name) {
    const WithMemory memory;
    const auto found = context->macros.find(std::string_view(name));
    return found == context->macros.end() ? nullptr : found->second.data();
}

int smfi_setsymlist(SMFICTX* context, int stage, char* names) {
    require(context->call == Call::negotiate && stage >= SMFIM_FIRST && stage <= SMFIM_LAST);
    require(isPlain(names));
    return MI_SUCCESS;
}

int smfi_setreply(SMFICTX* context, char* code, char* enhanced, char* text) {
    const WithMemory memory;
    const std::string_view whole = text;
    require(context->call > Call::connect && !context->isSilent());
    require(!context->reply);
    context->reply = fuzz::FakeReply{code, enhanced, text};
    const fuzz::FakeReply& reply = *context->reply;
    require(reply.code.size() == 3 && (code[0] == '4' || code[0] == '5'));
    require(reply.enhanced.size() >= 5 && reply.enhanced[0] == code[0] && reply.enhanced[1] == '.');
    require(!whole.empty() && isPlain(whole) && isDoubled(whole) &&
            whole.size() <= longestReplyLine);
    return MI_SUCCESS;
}

int smfi_addheader(SMFICTX* context, char* name, char* value) {
    require(isFieldName(name) && isFieldValue(value));
    return answer(context->takeEdit(SMFIF_ADDHDRS));
}

int smfi_insheader(SMFICTX* context, int index, char* name, char* value) {
    require(index == 0 && isFieldName(name) && isFieldValue(value));
    return answer(context->takeEdit(SMFIF_ADDHDRS));
}

int smfi_chgheader(SMFICTX* context, char* name, int index, char* value) {
    const auto known =
        std::count_if(context->headers.begin(), context->headers.end(),
                      [&](const std::string& header) { return equalsIgnoringCase(header, name); });
    require(isFieldName(name) && isFieldValue(value) && index >= 1 && index <= known);
    return answer(context->takeEdit(SMFIF_CHGHDRS));
}

int smfi_chgfrom(SMFICTX* context, char* path, char* parameters) {
    require(isPath(path) && (parameters == nullptr || isPlain(parameters)));
    return answer(context->takeEdit(SMFIF_CHGFROM));
}

int smfi_addrcpt(SMFICTX* context, char* path) {
    require(isPath(path) && std::string_view(path) != "<>");
    return answer(context->takeEdit(SMFIF_ADDRCPT));
}

int smfi_addrcpt_par(SMFICTX* context, char* path, char* parameters) {
    require(isPath(path) && parameters != nullptr && isPlain(parameters));
    return answer(context->takeEdit(SMFIF_ADDRCPT_PAR));
}

int smfi_delrcpt(SMFICTX* context, char* path) {
    const auto found =
        std::find(context->recipients.begin(), context->recipients.end(), std::string_view(path));
    require(found != context->recipients.end());
    context->recipients.erase(found);
    return answer(context->takeEdit(SMFIF_DELRCPT));
}

int smfi_quarantine(SMFICTX* context, char* reason) {
    require(!std::string_view(reason).empty() && isPlain(reason));
    return answer(context->takeEdit(SMFIF_QUARANTINE));
}

} // extern "C"
