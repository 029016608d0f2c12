// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/smtp_reply.hh"
#include "milter/policy/edits.hh"

#include <libmilter/mfapi.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

/// What a callback may ask of the MTA and do to the message: the one place that calls libmilter's
/// functions of a session. Valid during one callback only.
class MtaContext {
public:
    explicit MtaContext(SMFICTX* context) : context_(context) {}

    /// The value of a macro ("{auth_authen}", "i"); empty when the MTA did not send it.
    [[nodiscard]] std::string_view macro(const char* name) const {
        const char* const value = smfi_getsymval(context_, const_cast<char*>(name)); // NOLINT
        return value == nullptr ? std::string_view() : std::string_view(value);
    }

    /// False when libmilter does not take the reply; the MTA then uses its own text.
    [[nodiscard]] bool setReply(const SmtpReply& reply) const;

    /// Edits, at end of message only. False: the MTA did not get it.
    [[nodiscard]] bool addHeader(const std::string& name, const std::string& value) const;
    [[nodiscard]] bool insertHeaderOnTop(const std::string& name, const std::string& value) const;
    /// `index`: among the fields of this name, from 1.
    [[nodiscard]] bool changeHeader(const std::string& name, std::uint32_t index,
                                    const std::string& value) const;
    [[nodiscard]] bool changeSender(const EnvelopeAddress& sender) const;
    [[nodiscard]] bool addRecipient(const EnvelopeAddress& recipient) const;
    /// `path`: exactly as the recipient stage had it.
    [[nodiscard]] bool removeRecipient(const std::string& path) const;
    [[nodiscard]] bool quarantine(const std::string& reason) const;

    /// At negotiation only: the macros that the MTA should send at a stage (SMFIM_*).
    void wantMacros(int stage, const char* names) const;

private:
    SMFICTX* context_;
};

} // namespace sluice
