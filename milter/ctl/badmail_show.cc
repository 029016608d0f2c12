// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/badmail_show.hh"

#include "common/text.hh"
#include "common/timestamp.hh"
#include "milter/ctl/stored_message.hh"

#include <fmt/ostream.h>

#include <algorithm>
#include <cstddef>

namespace sluice::ctl {
namespace {

/// Of the recipients of a message, in its line.
constexpr std::size_t recipientsShown = 3;
/// RFC 5322 section 2.1.1.
constexpr std::size_t longestLine = 998;

std::string recipientsOf(const BadmailEnvelope& envelope) {
    std::string text;
    const std::size_t shown = std::min(recipientsShown, envelope.recipients.size());
    for (std::size_t i = 0; i < shown; ++i)
        text += (i == 0 ? "" : ", ") + escapeForDisplay(envelope.recipients[i]);
    if (envelope.recipients.size() > shown)
        text += fmt::format(" and {} more", envelope.recipients.size() - shown);
    return text.empty() ? "?" : text;
}

std::string orUnknown(const std::string& text) {
    return text.empty() ? "?" : escapeForDisplay(text);
}

/// A folded line shows its blank, whatever blank that was.
void showLine(std::string_view line, std::ostream& out) {
    const bool folded = line.starts_with('\t');
    fmt::print(out, "{}{}\n", folded ? " " : "",
               escapeForDisplay(line.substr(folded ? 1 : 0), longestLine));
}

} // namespace

Json badmailJson(const StoredBadmail& mail) {
    const BadmailEnvelope envelope = mail.envelope.value_or(BadmailEnvelope{});
    Json object;
    object["id"] = mail.id;
    object["time"] = formatTimestamp(mail.time);
    object["sender"] = envelope.sender;
    object["recipients"] = envelope.recipients;
    object["clientAddress"] = envelope.clientAddress;
    object["clientName"] = envelope.clientName;
    object["helo"] = envelope.helo;
    object["queueId"] = envelope.queueId;
    object["rule"] = envelope.rule;
    object["size"] = mail.size;
    return object;
}

Json badmailJson(const StoredBadmail& mail, std::string_view text) {
    Json object = badmailJson(mail);
    Json fields = Json::array();
    const StoredMessage message = parseStoredMessage(text);
    for (std::size_t i = 0; i < message.headers.fieldsKept(); ++i) {
        const HeaderList::Field field = message.headers.field(i);
        fields.push_back({{"name", field.name}, {"value", field.value}});
    }
    object["header"] = std::move(fields);
    return object;
}

void showBadmailLine(const StoredBadmail& mail, std::ostream& out) {
    const BadmailEnvelope envelope = mail.envelope.value_or(BadmailEnvelope{});
    fmt::print(out, "{} {} to {}, client {}, {}, {} octets [{}]\n", formatTimestamp(mail.time),
               orUnknown(envelope.sender), recipientsOf(envelope),
               orUnknown(envelope.clientAddress), orUnknown(envelope.rule), mail.size, mail.id);
}

void showBadmail(const StoredBadmail& mail, std::string_view text, std::ostream& out) {
    const BadmailEnvelope envelope = mail.envelope.value_or(BadmailEnvelope{});
    const auto line = [&](std::string_view name, const std::string& value) {
        fmt::print(out, "{:11}{}\n", name, orUnknown(value));
    };
    line("id", mail.id);
    line("time", formatTimestamp(mail.time));
    line("sender", envelope.sender);
    for (const std::string& recipient : envelope.recipients)
        line("recipient", recipient);
    line("client", envelope.clientAddress);
    line("name", envelope.clientName);
    line("helo", envelope.helo);
    line("queue id", envelope.queueId);
    line("rule", envelope.rule);
    line("size", std::to_string(mail.size));
    out << '\n';
    const StoredMessage message = parseStoredMessage(text);
    for (std::string_view field : split(message.headers.text(), '\n')) {
        field.remove_suffix(field.ends_with('\r') ? 1 : 0);
        if (!field.empty())
            showLine(field, out);
    }
}

} // namespace sluice::ctl
