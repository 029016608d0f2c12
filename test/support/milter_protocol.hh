// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>

/// The numbers of the milter protocol, version 6, as the MTA's side needs them. The tests have them
/// on their own, so that a filter is not checked against the library that it is made with.
namespace sluice::mta {

inline constexpr std::uint32_t protocolVersion = 6;
inline constexpr std::size_t bodyChunkLimit = 65535;

/// What the MTA sends.
enum class Command : char {
    abort = 'A',
    body = 'B',
    connect = 'C',
    macros = 'D',
    endOfMessage = 'E',
    helo = 'H',
    quitNewConnection = 'K', ///< the session ends, the socket stays for another one
    header = 'L',
    mail = 'M',
    endOfHeaders = 'N',
    negotiate = 'O',
    quit = 'Q',
    recipient = 'R',
    data = 'T',
    unknown = 'U',
};

/// What the filter answers; the lines from `addHeader` on are edits at end of message.
enum class Answer : char {
    shutdown = '4',
    accept = 'a',
    proceed = 'c',
    discard = 'd',
    connectionFailure = 'f',
    progress = 'p',
    reject = 'r',
    skip = 's',
    tempfail = 't',
    replyCode = 'y',
    addHeader = 'h',
    insertHeader = 'i',
    changeHeader = 'm',
    changeSender = 'e',
    addRecipient = '+',
    addRecipientWithArguments = '2',
    deleteRecipient = '-',
    replaceBody = 'b',
    quarantine = 'q',
};

/// Stages as the lists of wanted macros number them.
enum class Stage : std::uint32_t {
    connect = 0,
    helo = 1,
    mail = 2,
    recipient = 3,
    data = 4,
    endOfMessage = 5,
    endOfHeaders = 6,
};
inline constexpr std::uint32_t stageCount = 7;

/// What a filter may ask of the MTA's steps.
namespace steps {
inline constexpr std::uint32_t noConnect = 0x1;
inline constexpr std::uint32_t noHelo = 0x2;
inline constexpr std::uint32_t noMail = 0x4;
inline constexpr std::uint32_t noRecipient = 0x8;
inline constexpr std::uint32_t noBody = 0x10;
inline constexpr std::uint32_t noHeaders = 0x20;
inline constexpr std::uint32_t noEndOfHeaders = 0x40;
inline constexpr std::uint32_t silentHeader = 0x80; ///< the filter does not answer this step
inline constexpr std::uint32_t noUnknown = 0x100;
inline constexpr std::uint32_t noData = 0x200;
inline constexpr std::uint32_t skip = 0x400;
inline constexpr std::uint32_t silentConnect = 0x1000;
inline constexpr std::uint32_t silentHelo = 0x2000;
inline constexpr std::uint32_t silentMail = 0x4000;
inline constexpr std::uint32_t silentRecipient = 0x8000;
inline constexpr std::uint32_t silentData = 0x10000;
inline constexpr std::uint32_t silentUnknown = 0x20000;
inline constexpr std::uint32_t silentEndOfHeaders = 0x40000;
inline constexpr std::uint32_t silentBody = 0x80000;
inline constexpr std::uint32_t headerLeadingSpace = 0x100000;
inline constexpr std::uint32_t all = 0x1fffff;
} // namespace steps

namespace actions {
inline constexpr std::uint32_t all = 0x1ff;
} // namespace actions

} // namespace sluice::mta
