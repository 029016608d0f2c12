// SPDX-License-Identifier: BSD-2-Clause
//
// milter-client: the MTA's side of a milter connection, driven over standard input and output by
// the system tests. A command is one line of JSON, and so is its answer; the program ends with its
// input.
//
// Text is a string, or {"base64": "…"} for octets that are not UTF-8, in commands and in answers.
// Numbers are decimal, as JSON has them.
//
//   {"do": "connect", "socket": "unix:/path" | "inet:PORT@HOST" | "inet6:PORT@HOST"
//                     [, "timeout-ms": 10000]}
//       an earlier connection is closed; the limit holds for each answer
//   {"do": "negotiate" [, "version": 6] [, "actions": 511] [, "steps": 2097151]}
//       -> {"version": 6, "actions": N, "steps": N, "macros": {"mail": "i {auth_authen}", …}}
//   {"do": "macros", "stage": STAGE, "values": {"i": "4Xyz", "client_addr": "192.0.2.1"}}
//       STAGE: connect, helo, mail, rcpt, data, eoh, eom; names with braces or without; what the
//       filter's list for the stage lacks is left out, as an MTA does. They travel with the next
//       step.
//   {"do": "conn", "host": "mail.example.org", "family": "inet" | "inet6" | "unix",
//                  "address": "192.0.2.1" [, "port": 25]}
//   {"do": "conn", "host": "mail.example.org", "family": "unknown"}
//   {"do": "helo", "name": "mail.example.org"}
//   {"do": "mail", "args": ["<a@example.org>", "SIZE=1000"]}
//   {"do": "rcpt", "args": ["<b@example.net>"]}
//   {"do": "data"}
//   {"do": "unknown", "command": "XYZZY"}
//   {"do": "header", "name": "Subject", "value": "hello"}       written "Subject: hello"
//   {"do": "header", "name": "Subject", "written": "  hello"}   written "Subject:  hello"
//   {"do": "eoh"}
//   {"do": "body", "text": "…"} or {"do": "body", "base64": "…"}    any length, sent in chunks
//   {"do": "eom" [, "chunk": TEXT]}        the chunk goes into the packet that ends the body
//   {"do": "abort"}   {"do": "quit"}   {"do": "quit-nc"}
//
// A step is answered with
//   {"reply": "continue" | "accept" | "reject" | "tempfail" | "discard" | "skip" |
//             "connection-failure" | "shutdown"}
//   {"reply": "replycode", "code": 550, "enhanced": "5.7.1", "text": "…", "line": "550 5.7.1 …"}
//       line: as the filter sent it; text: without codes, %% as %, several lines joined by LF
//   {"reply": "none", "why": "not-wanted" | "skipped" | "empty" | "no-reply" | "not-waited"}
//       the first three: nothing was sent
// and eom also with "edits", in the order in which they came:
//   {"edit": "addheader", "name": …, "value": …}
//   {"edit": "insheader" | "chgheader", "index": N, "name": …, "value": …}
//   {"edit": "chgfrom" | "addrcpt" | "addrcpt_par" | "delrcpt", "address": … [, "arguments": …]}
//   {"edit": "replacebody", "chunk": …}
//   {"edit": "quarantine", "reason": …}
// The other commands are answered with {"done": true}.
//
// A step with "wait": false is sent at once and answered "not-waited"; its answer is fetched with
//   {"do": "await"} or, for eom, {"do": "await-eom"}
//
// For input that no MTA sends:
//   {"do": "raw", "base64": "…"}      octets as they are, with or without a packet's frame
//   {"do": "packet"}                  -> {"code": "c", "payload": TEXT}, whatever comes next
//   {"do": "closed"}                  -> {"done": true} when the filter has closed the connection
//
// What goes wrong is answered with
//   {"error": "…", "kind": "closed" | "timeout" | "protocol" | "system" | "usage"}
//
#include "test/support/milter_commands.hh"

#include <exception>
#include <iostream>
#include <string>

int main() {
    try {
        sluice::mta::MilterCommands commands;
        for (std::string line; std::getline(std::cin, line);)
            std::cout << commands.answer(line) << std::endl; // the other side waits for this line
        return 0;
    } catch (const std::exception& problem) {
        std::cerr << "milter-client: " << problem.what() << '\n';
        return 1;
    }
}
