// SPDX-License-Identifier: BSD-2-Clause
#include "milter/negotiation.hh"

namespace sluice {
namespace {

constexpr unsigned long noReplySteps = SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY;

unsigned long unneededSteps(const MilterNeeds& needs) {
    unsigned long steps = SMFIP_NOUNKNOWN;
    steps |= needs.helo ? 0UL : SMFIP_NOHELO;
    steps |= needs.data ? 0UL : SMFIP_NODATA;
    return steps;
}

unsigned long neededActions(const MilterNeeds& needs) {
    return (needs.addHeaders ? static_cast<unsigned long>(SMFIF_ADDHDRS) : 0UL) |
           (needs.changeHeaders ? static_cast<unsigned long>(SMFIF_CHGHDRS) : 0UL) |
           (needs.changeSender ? static_cast<unsigned long>(SMFIF_CHGFROM) : 0UL) |
           (needs.changeRecipients
                ? static_cast<unsigned long>(SMFIF_ADDRCPT | SMFIF_ADDRCPT_PAR | SMFIF_DELRCPT)
                : 0UL) |
           (needs.quarantine ? static_cast<unsigned long>(SMFIF_QUARANTINE) : 0UL);
}

void wantMacros(const MtaContext& mta, bool refusedRecipients) {
    mta.wantMacros(SMFIM_CONNECT, "{daemon_name} {daemon_port}");
    mta.wantMacros(SMFIM_ENVFROM, "i {auth_authen} {mail_addr}");
    mta.wantMacros(SMFIM_ENVRCPT, refusedRecipients ? "i {rcpt_addr} {rcpt_host} {rcpt_mailer}"
                                                    : "i {rcpt_addr} {rcpt_host}");
    mta.wantMacros(SMFIM_EOM, "i");
}

} // namespace

Negotiated negotiate(const MtaContext& mta, const MilterNeeds& needs, const MilterOptions& offer,
                     MilterOptions& answer) {
    const unsigned long wanted = neededActions(needs);
    const bool listsMacros = (offer.actions & SMFIF_SETSYMLIST) != 0;
    const bool noReplies = (offer.steps & noReplySteps) == noReplySteps;
    answer.actions = (wanted & offer.actions) |
                     (listsMacros ? static_cast<unsigned long>(SMFIF_SETSYMLIST) : 0UL);
    // only a macro tells them from the others
    const bool refusedRecipients =
        needs.refusedRecipients && listsMacros && (offer.steps & SMFIP_RCPT_REJ) != 0;
    answer.steps =
        offer.steps & (unneededSteps(needs) | (noReplies ? noReplySteps : 0UL) | SMFIP_HDR_LEADSPC |
                       (refusedRecipients ? static_cast<unsigned long>(SMFIP_RCPT_REJ) : 0UL));
    if (listsMacros)
        wantMacros(mta, refusedRecipients);
    return {.done = true,
            .noReplyToHeaders = noReplies,
            .leadingSpace = (offer.steps & SMFIP_HDR_LEADSPC) != 0,
            .allEdits = (offer.actions & wanted) == wanted};
}

} // namespace sluice
