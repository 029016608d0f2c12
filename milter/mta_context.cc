// SPDX-License-Identifier: BSD-2-Clause
#include "milter/mta_context.hh"

namespace sluice {
namespace {

/// libmilter's functions take char* and do not write to it.
char* mutableText(const std::string& text) {
    return const_cast<char*>(text.c_str());
} // NOLINT

} // namespace

bool MtaContext::setReply(const SmtpReply& reply) const {
    return smfi_setreply(context_, mutableText(reply.codeText()), mutableText(reply.enhancedCode()),
                         mutableText(reply.libmilterText())) == MI_SUCCESS;
}

bool MtaContext::addHeader(const std::string& name, const std::string& value) const {
    return smfi_addheader(context_, mutableText(name), mutableText(value)) == MI_SUCCESS;
}

bool MtaContext::quarantine(const std::string& reason) const {
    return smfi_quarantine(context_, mutableText(reason)) == MI_SUCCESS;
}

void MtaContext::wantMacros(int stage, const char* names) const {
    smfi_setsymlist(context_, stage, const_cast<char*>(names)); // NOLINT
}

} // namespace sluice
