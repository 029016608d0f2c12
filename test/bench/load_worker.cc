// SPDX-License-Identifier: BSD-2-Clause
#include "test/bench/load_worker.hh"

#include <utility>

namespace sluice::bench {
namespace {

using mta::Reply;
using mta::Stage;

std::string nameOf(const Reply& reply) {
    switch (reply.kind) {
    case Reply::Kind::none:
        return "none";
    case Reply::Kind::proceed:
        return "continue";
    case Reply::Kind::accept:
        return "accept";
    case Reply::Kind::reject:
        return "reject";
    case Reply::Kind::tempfail:
        return "tempfail";
    case Reply::Kind::discard:
        return "discard";
    case Reply::Kind::replyCode:
        return reply.line.substr(0, 9); // code and enhanced code
    case Reply::Kind::skip:
        return "skip";
    case Reply::Kind::connectionFailure:
        return "connection failure";
    case Reply::Kind::shutdown:
        return "shutdown";
    }
    return {};
}

bool closesSession(const Reply& reply) {
    return reply.kind == Reply::Kind::shutdown || reply.kind == Reply::Kind::connectionFailure ||
           (reply.kind == Reply::Kind::replyCode && reply.line.substr(0, 3) == "421");
}

} // namespace

LoadWorker::LoadWorker(const LoadPlan& plan, LoadBudget& budget, std::uint64_t fewer)
    : plan_(plan), budget_(budget), body_(makeBody(plan.bodySize)), sentHere_(fewer) {}

LoadResult LoadWorker::takeTurn() {
    while (const auto number = budget_.nextMessage()) {
        if (!deliver(makeLetter(plan_, *number)))
            break;
    }
    if (result_.trouble)
        budget_.stop();
    return std::exchange(result_, {});
}

bool LoadWorker::deliver(const Letter& letter) {
    const auto start = Clock::now();
    const auto opened = mta_ ? Step{} : openSession();
    const auto ending = opened ? sendMessage(letter) : opened.error();
    record(start, ending);
    if (ending.endsSession || ++sentHere_ >= plan_.messagesAConnection)
        endSession();
    return !ending.isTrouble;
}

void LoadWorker::record(Clock::time_point start, const Ending& ending) {
    if (ending.isTrouble) {
        result_.trouble = ending.reply;
        return;
    }
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
    result_.latencies.push_back(static_cast<std::uint32_t>(took.count()));
    ++result_.replies[ending.reply];
}

LoadWorker::Step LoadWorker::judged(std::string_view stage, const mta::Outcome<Reply>& reply) {
    if (!reply)
        return tl::unexpected(
            Ending{std::string(stage) + ": " + reply.error().message, true, true});
    if (reply->goesOn() || reply->kind == Reply::Kind::skip)
        return {};
    return tl::unexpected(
        Ending{std::string(stage) + ' ' + nameOf(*reply), closesSession(*reply), false});
}

LoadWorker::Step LoadWorker::judged(const mta::Outcome<void>& sent) {
    if (!sent)
        return tl::unexpected(Ending{sent.error().message, true, true});
    return {};
}

LoadWorker::Step LoadWorker::openSession() {
    auto connected = mta::MilterClient::connect(plan_.socket, plan_.answerLimit);
    if (!connected)
        return tl::unexpected(Ending{connected.error().message, true, true});
    mta_.emplace(std::move(*connected));
    const auto negotiated = mta_->negotiate();
    if (!negotiated)
        return tl::unexpected(Ending{negotiated.error().message, true, true});
    if (!result_.negotiated)
        result_.negotiated = *negotiated;
    const auto address = clientAddress(plan_, budget_.nextConnection());
    auto step =
        judged(mta_->macros(Stage::connect, connectMacros(address)))
            .and_then([&] {
                return judged("connect",
                              mta_->connection("client.example",
                                               {mta::ClientAddress::Family::inet, address, 40000}));
            })
            .and_then([this] { return judged("helo", mta_->helo("client.example")); });
    if (!step)
        step.error().endsSession = true;
    return step;
}

void LoadWorker::endSession() {
    if (mta_)
        (void)mta_->quit(); // the filter may have gone already
    mta_.reset();
    sentHere_ = 0;
}

LoadWorker::Ending LoadWorker::sendMessage(const Letter& letter) {
    const auto sent = sendEnvelope(letter).and_then([&] { return sendContent(letter); });
    return sent ? endMessage(letter) : sent.error();
}

LoadWorker::Step LoadWorker::sendEnvelope(const Letter& letter) {
    return judged(mta_->macros(Stage::mail, mailMacros(letter)))
        .and_then([&] {
            return judged("mail", mta_->mail({letter.sender, "SIZE=4000"}));
        })
        .and_then([&] { return sendRecipients(letter); });
}

/// A message with at least one recipient goes on.
LoadWorker::Step LoadWorker::sendRecipients(const Letter& letter) {
    Step last;
    bool anyTaken = false;
    for (const auto& recipient : letter.recipients) {
        last = judged(mta_->macros(Stage::recipient, recipientMacros(letter, recipient)))
                   .and_then([&] { return judged("rcpt", mta_->recipient({recipient})); });
        if (!last && last.error().endsSession)
            return last;
        anyTaken = anyTaken || last;
    }
    if (anyTaken)
        return {};
    return judged(mta_->abort()).and_then([&] { return last; });
}

LoadWorker::Step LoadWorker::sendContent(const Letter& letter) {
    auto step = judged(mta_->macros(Stage::data, messageMacros(letter))).and_then([this] {
        return judged("data", mta_->data());
    });
    for (const auto& header : letter.headers)
        step = step.and_then(
            [&] { return judged("header", mta_->header(header.first, header.second)); });
    return step
        .and_then([&] { return judged(mta_->macros(Stage::endOfHeaders, messageMacros(letter))); })
        .and_then([this] { return judged("eoh", mta_->endOfHeaders()); })
        .and_then([this] { return judged("body", mta_->body(body_)); });
}

LoadWorker::Ending LoadWorker::endMessage(const Letter& letter) {
    if (const auto sent = judged(mta_->macros(Stage::endOfMessage, messageMacros(letter))); !sent)
        return sent.error();
    const auto end = mta_->endOfMessage();
    if (!end)
        return {"eom: " + end.error().message, true, true};
    return {"eom " + nameOf(end->reply), closesSession(end->reply), false};
}

} // namespace sluice::bench
