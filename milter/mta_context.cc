// SPDX-License-Identifier: BSD-2-Clause
#include "milter/mta_context.hh"

namespace sluice {
namespace {

/// libmilter's functions take char* and do not write to it.
char* mutableText(const std::string& text) {
    return const_cast<char*>(text.c_str());
} // NOLINT

/// Null where there are none: an empty text would be one parameter.
char* parametersOf(const EnvelopeAddress& address) {
    return address.parameters.empty() ? nullptr : mutableText(address.parameters);
}

} // namespace

bool MtaContext::setReply(const SmtpReply& reply) const {
    return smfi_setreply(context_, mutableText(reply.codeText()), mutableText(reply.enhancedCode()),
                         mutableText(reply.libmilterText())) == MI_SUCCESS;
}

bool MtaContext::addHeader(const std::string& name, const std::string& value) const {
    return smfi_addheader(context_, mutableText(name), mutableText(value)) == MI_SUCCESS;
}

bool MtaContext::insertHeaderOnTop(const std::string& name, const std::string& value) const {
    return smfi_insheader(context_, 0, mutableText(name), mutableText(value)) == MI_SUCCESS;
}

bool MtaContext::changeHeader(const std::string& name, std::uint32_t index,
                              const std::string& value) const {
    return smfi_chgheader(context_, mutableText(name), static_cast<int>(index),
                          mutableText(value)) == MI_SUCCESS;
}

bool MtaContext::changeSender(const EnvelopeAddress& sender) const {
    const std::string path = '<' + sender.address + '>';
    return smfi_chgfrom(context_, mutableText(path), parametersOf(sender)) == MI_SUCCESS;
}

bool MtaContext::addRecipient(const EnvelopeAddress& recipient) const {
    const std::string path = '<' + recipient.address + '>';
    if (recipient.parameters.empty())
        return smfi_addrcpt(context_, mutableText(path)) == MI_SUCCESS;
    return smfi_addrcpt_par(context_, mutableText(path), parametersOf(recipient)) == MI_SUCCESS;
}

bool MtaContext::removeRecipient(const std::string& path) const {
    return smfi_delrcpt(context_, mutableText(path)) == MI_SUCCESS;
}

bool MtaContext::quarantine(const std::string& reason) const {
    return smfi_quarantine(context_, mutableText(reason)) == MI_SUCCESS;
}

void MtaContext::wantMacros(int stage, const char* names) const {
    smfi_setsymlist(context_, stage, const_cast<char*>(names)); // NOLINT
}

} // namespace sluice
