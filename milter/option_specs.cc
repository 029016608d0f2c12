// SPDX-License-Identifier: BSD-2-Clause
#include "milter/options.hh"

namespace sluice {

using Occurs = OptionSpec::Occurs;

// clang-format off: a table is read by columns
const std::vector<OptionSpec>& optionSpecs() {
    static const std::vector<OptionSpec> specs = {
        // general
        {"socket", "SOCKET", Occurs::once, "unix:/run/sluice/sluice.sock",
         "where the MTA connects: unix:PATH, inet:PORT@HOST or inet6:PORT@HOST"},
        {"socket-mode", "MODE", Occurs::once, "0660", "permissions of a unix socket, in octal"},
        {"socket-group", "GROUP", Occurs::once, nullptr, "group of a unix socket"},
        {"user", "USER[:GROUP]", Occurs::once, nullptr, "run as this user once the socket is open"},
        {"pid-file", "FILE", Occurs::once, nullptr, "write the process id here"},
        {"control", "unix:PATH", Occurs::once, nullptr,
         "a socket for sluicectl, which its owner alone may use"},
        {"metrics", "inet:PORT@HOST", Occurs::once, nullptr,
         "where Prometheus reads what is counted and measured"},
        {"mode", "enforce|observe", Occurs::once, "enforce",
         "observe: log what would be done, and let all mail pass"},
        {"log", "syslog|stderr", Occurs::once, "syslog", "where the log goes"},
        {"log-level", "LEVEL|CATEGORY=LEVEL", Occurs::repeatedly, "info",
         "error, warning, info or debug; for all, or for one of: daemon config session decision "
         "dnsbl badmail directory"},
        {"tracking-log", "FILE", Occurs::once, nullptr,
         "a line for each thing that happens to a message, for sluicectl track and report"},
        {"tracking-days", "DAYS", Occurs::once, "7",
         "how long the tracking logs of past days are kept"},
        {"track-subjects", "yes|no", Occurs::once, "no", "write subjects into the tracking log"},
        {"trusted", "NET", Occurs::repeatedly, nullptr,
         "networks of our own machines: no connection filter, inside for restrictions"},
        {"local-domain", "DOMAIN", Occurs::repeatedly, nullptr,
         "a domain whose mail this site receives"},
        {"listener", "NAME|PORT AREA…", Occurs::repeatedly, nullptr,
         "what the MTA's listener applies: connection sender recipient limits lists loops all, and "
         "require-auth"},
        // connection
        {"restrict-ip", "NET", Occurs::repeatedly, nullptr, "refuse these clients at connect"},
        {"accept-ip", "NET", Occurs::repeatedly, nullptr,
         "these clients skip deny-ip and all DNSBL rules"},
        {"deny-ip", "NET", Occurs::repeatedly, nullptr, "refuse the mail of these clients"},
        {"dnsbl", "RULE", Occurs::repeatedly, nullptr,
         "NAME ZONE [match=any|mask:M|anybit:M|codes:C|sum:S] [reply=\"…\"] "
         "[on-unknown=pass|tempfail] [errors=C] "
         "[action=reject|tempfail|mark|observe] [kind=deny|allow] [ipv6=yes|no] [provider=NAME]"},
        {"dnsbl-exempt", "PATTERN", Occurs::repeatedly, nullptr,
         "recipients that DNSBL rules never refuse; by default postmaster and abuse of the local "
         "domains"},
        {"resolver", "system|recursive|ADDR[@PORT]", Occurs::repeatedly, "system",
         "who answers DNS look-ups"},
        {"dns-timeout", "DURATION", Occurs::once, "2s",
         "how long a connection may wait for DNSBL answers in all"},
        {"dnsbl-self-test", "yes|no", Occurs::once, "yes",
         "ask each list for its test entries, and suspend one that fails"},
        // sender
        {"block-sender", "PATTERN", Occurs::repeatedly, nullptr,
         "senders whose mail is not wanted"},
        {"block-blank-sender", "yes|no", Occurs::once, "no", "treat the null sender <> as blocked"},
        {"sender-action", "reject|drop|badmail|hold", Occurs::once, "reject",
         "what happens to mail of blocked senders"},
        {"check-from-header", "yes|no", Occurs::once, "yes", "look at From: and Sender: too"},
        {"spoof-check", "off|mark|reject", Occurs::once, "off",
         "a From: in a local domain from a client that is neither authenticated nor trusted"},
        {"badmail-dir", "DIR", Occurs::once, nullptr,
         "where sender-action = badmail keeps the mail"},
        {"badmail-quota", "SIZE", Occurs::once, "1G",
         "the most that badmail-dir may hold; 0: no limit"},
        {"badmail-days", "DAYS", Occurs::once, "30", "how long badmail is kept; 0: for ever"},
        {"rewrite-domain", "OLD=NEW [from=NET|trusted|authenticated,…] [signed=no|yes]",
         Occurs::repeatedly, nullptr,
         "a domain that became another: mail to the outside has the new one in its sender, From:, "
         "Sender: and Reply-To:"},
        // recipient
        {"block-recipient", "PATTERN", Occurs::repeatedly, nullptr, "recipients that take no mail"},
        {"restrict-recipient",
         "ADDRESS [accept-from=everyone|authenticated] [only-from=PATTERN,…] [except=PATTERN,…]",
         Occurs::repeatedly, nullptr, "who may write to an address"},
        {"directory", "file:PATH|redis:KEY|URL", Occurs::repeatedly, nullptr,
         "the recipients that exist in the local domains; "
         "ldap[s]://HOST[:PORT],…/BASE[?ATTRIBUTES?SCOPE?FILTER]"},
        {"directory-cache", "DURATION", Occurs::once, "1h",
         "how long a recipient who was found is known while the server is away; 0: not at all"},
        {"ldap-bind-dn", "NAME", Occurs::once, nullptr, "log in to LDAP servers by this name"},
        {"ldap-password-file", "FILE", Occurs::once, nullptr, "and with the password in this file"},
        {"ldap-tls", "auto|starttls|off", Occurs::once, "auto",
         "of ldap://: none unless a password would be seen, which is refused; STARTTLS; none"},
        {"ldap-ca-file", "FILE", Occurs::once, nullptr,
         "who signs the certificates of LDAP servers; by default whom the system trusts"},
        {"ldap-timeout", "DURATION", Occurs::once, "2s",
         "how long a recipient may wait for LDAP servers"},
        {"harvest-limit", "COUNT/DURATION", Occurs::once, "20/1h",
         "unknown recipients a client may try before it is sent away; 0: no limit"},
        {"tarpit", "DURATION", Occurs::once, "0s",
         "how long the refusal of an unknown recipient waits, up to 5s"},
        // limits
        {"max-size", "SIZE", Occurs::once, "0", "octets of a message; 0: no limit"},
        {"max-session-size", "SIZE", Occurs::once, "0",
         "octets of all messages of a connection; 0: no limit"},
        {"max-messages", "COUNT", Occurs::once, "0", "messages of a connection; 0: no limit"},
        {"max-recipients", "COUNT", Occurs::once, "5000",
         "accepted recipients of a message; 0: no limit"},
        {"max-hops", "COUNT", Occurs::once, "50", "Received: lines of a message; 0: no limit"},
        // lists
        {"list", "LIST", Occurs::repeatedly, nullptr,
         "ADDRESS [return-path=signed|owner:ADDR|manager:ADDR|null|keep|delegate] "
         "[bounces-to=ADDR] "
         "[accept-from=everyone|authenticated] [only-from=PATTERN,…] [except=PATTERN,…]"},
        {"robot", "ADDRESS", Occurs::repeatedly, nullptr,
         "an address where a program answers: it gets neither reports nor automatic replies"},
        {"bounce-domain", "DOMAIN", Occurs::once, nullptr,
         "the domain of signed return paths; by default that of the list"},
        {"key-file", "FILE", Occurs::once, nullptr,
         "the keys of stamps and signed return paths, one KEYID HEX a line"},
        {"mixed-recipients", "split|leave", Occurs::once, "split",
         "a transaction with a list and others: one after the other, or nothing rewritten"},
        {"report-copy", "ADDRESS", Occurs::once, nullptr, "who gets a copy of each report"},
        // loops
        {"loop-action", "hold|discard|reject", Occurs::once, "hold",
         "what happens to a message that turns in a loop"},
        {"loop-depth", "COUNT", Occurs::once, "3",
         "answers to answers that pass when their text repeats"},
        {"loop-memory", "DURATION", Occurs::once, "6h",
         "how long a message is remembered; automatic ones for 48h"},
        {"duplicates", "evidence|always|alert|off", Occurs::once, "evidence",
         "when equal copies are dropped: when the sender does not see our replies, always, never "
         "(with an alert), never"},
        {"duplicate-silence", "DURATION", Occurs::once, "30s",
         "a session that is silent so long behind our reply has not seen it"},
        {"peer", "NAME net=NET,… domain=DOMAIN,…", Occurs::repeatedly, nullptr,
         "a system that shares a domain with us"},
        {"topology-passes", "COUNT", Occurs::once, "1",
         "how often mail comes through here again in good order"},
        {"loop-block", "pair|client|off", Occurs::once, "pair",
         "who is put off for a while when loops go on"},
        {"notify", "ADDRESS", Occurs::once, nullptr, "who is told of a loop, once an hour each"},
        {"notify-relay", "HOST:PORT", Occurs::once, "127.0.0.1:25",
         "the mail server that takes the notices"},
        // store
        {"store", "memory|URL", Occurs::once, "memory",
         "where loops are counted: redis://HOST:PORT/DB, rediss://… (TLS), redis+unix:///PATH, "
         "redis-sentinel://H:P,H:P/NAME, redis-cluster://H:P,H:P"},
        {"redis-password-file", "FILE", Occurs::once, nullptr,
         "PASSWORD or USER PASSWORD in a line; a second line is for the sentinels"},
        {"redis-prefix", "TEXT", Occurs::once, "sluice:", "the beginning of all keys in Redis"},
        {"redis-timeout", "DURATION", Occurs::once, "20ms",
         "how long a message may wait for an answer of Redis"},
        {"store-share", "COUNT/DURATION", Occurs::once, "200000/6h",
         "messages of a client that are kept in Redis; its other ones each node counts for itself"},
    };
    return specs;
}
// clang-format on

} // namespace sluice
