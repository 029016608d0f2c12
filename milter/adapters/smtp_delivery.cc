// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/smtp_delivery.hh"

#include "common/text.hh"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

namespace sluice {
namespace {

/// QUIT is sent after a failure too, so its reply says nothing about it.
constexpr std::string_view replyToQuit = "221";

struct EasyDelete {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListDelete {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// One try. libcurl calls back into it, so it stays where it is.
class Transfer {
public:
    Transfer(const SmtpLetter& letter, const std::atomic<bool>& stopping)
        : stopping_(stopping), left_(letter.message) {}
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    ~Transfer() = default;

    /// False: libcurl has no memory, or no SMTP.
    bool prepare(const SmtpLetter& letter, const SmtpPatience& patience);
    SmtpOutcome run();

private:
    template<typename T>
    void set(CURLoption option, T value) {
        ready_ = ready_ && curl_easy_setopt(handle_.get(), option, value) == CURLE_OK;
    }
    void setAddresses(const SmtpLetter& letter);
    void setLimits(const SmtpPatience& patience);
    void setCallbacks();
    [[nodiscard]] SmtpOutcome::Kind kindOf(CURLcode result) const;
    [[nodiscard]] std::string reasonFor(CURLcode result) const;

    static std::size_t onRead(char* buffer, std::size_t size, std::size_t count, void* self);
    static std::size_t onReply(char* line, std::size_t size, std::size_t count, void* self);
    static int onProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

    const std::atomic<bool>& stopping_;
    std::string_view left_;
    std::array<char, CURL_ERROR_SIZE> error_{};
    std::array<char, 512> reply_{}; ///< the last line of the server, unless it is that to QUIT
    std::size_t replySize_ = 0;
    std::unique_ptr<curl_slist, ListDelete> recipients_;
    std::unique_ptr<CURL, EasyDelete> handle_{curl_easy_init()};
    bool ready_ = handle_ != nullptr;
};

bool Transfer::prepare(const SmtpLetter& letter, const SmtpPatience& patience) {
    setAddresses(letter);
    setLimits(patience);
    setCallbacks();
    return ready_;
}

void Transfer::setAddresses(const SmtpLetter& letter) {
    for (const std::string& recipient : letter.recipients) {
        curl_slist* const longer =
            curl_slist_append(recipients_.get(), fmt::format("<{}>", recipient).c_str());
        ready_ = ready_ && longer != nullptr;
        if (!ready_)
            return;
        static_cast<void>(recipients_.release());
        recipients_.reset(longer);
    }
    set(CURLOPT_PROTOCOLS_STR, "smtp");
    set(CURLOPT_URL, fmt::format("smtp://{}/{}", letter.relay, letter.helo).c_str());
    set(CURLOPT_PROXY, ""); // those of the environment are for other things
    set(CURLOPT_MAIL_FROM, letter.sender.empty() ? "" : fmt::format("<{}>", letter.sender).c_str());
    set(CURLOPT_MAIL_RCPT, recipients_.get());
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(letter.message.size()));
}

void Transfer::setLimits(const SmtpPatience& patience) {
    const auto total = static_cast<long>(patience.total.count());
    const auto inSeconds =
        static_cast<long>(std::chrono::ceil<std::chrono::seconds>(patience.total).count());
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(patience.connect.count()));
    set(CURLOPT_TIMEOUT_MS, total);
    set(CURLOPT_SERVER_RESPONSE_TIMEOUT, inSeconds); // the only limit for QUIT
    set(CURLOPT_NOSIGNAL, 1L);
    // else it would wait for a name server when it is told to stop
    set(CURLOPT_QUICK_EXIT, 1L);
    // QUIT is sent at the end of the transfer, where onProgress() is asked; otherwise the end of
    // the handle would send it, and wait two minutes for an answer
    set(CURLOPT_FORBID_REUSE, 1L);
}

void Transfer::setCallbacks() {
    set(CURLOPT_ERRORBUFFER, error_.data());
    set(CURLOPT_READFUNCTION, onRead);
    set(CURLOPT_READDATA, static_cast<void*>(this));
    set(CURLOPT_HEADERFUNCTION, onReply);
    set(CURLOPT_HEADERDATA, static_cast<void*>(this));
    set(CURLOPT_XFERINFOFUNCTION, onProgress);
    set(CURLOPT_XFERINFODATA, static_cast<void*>(this));
    set(CURLOPT_NOPROGRESS, 0L);
}

SmtpOutcome Transfer::run() {
    const CURLcode result = curl_easy_perform(handle_.get());
    const SmtpOutcome::Kind kind = kindOf(result);
    return {kind, kind == SmtpOutcome::Kind::delivered ? "" : reasonFor(result)};
}

SmtpOutcome::Kind Transfer::kindOf(CURLcode result) const {
    using Kind = SmtpOutcome::Kind;
    if (result == CURLE_OK)
        return Kind::delivered;
    if (result == CURLE_ABORTED_BY_CALLBACK)
        return Kind::stopped;
    // EHLO may be answered with 502, and HELO then with silence
    const bool answered = result != CURLE_OPERATION_TIMEDOUT;
    return answered && replySize_ > 0 && reply_.front() == '5' ? Kind::refused : Kind::deferred;
}

std::string Transfer::reasonFor(CURLcode result) const {
    const std::string_view error =
        error_.front() != '\0' ? error_.data() : curl_easy_strerror(result);
    const std::string_view reply(reply_.data(), replySize_);
    if (reply.empty())
        return escapeForDisplay(error);
    return fmt::format("{} (last reply: {})", escapeForDisplay(error), quoteForDisplay(reply));
}

std::size_t Transfer::onRead(char* buffer, std::size_t size, std::size_t count, void* self) {
    auto& left = static_cast<Transfer*>(self)->left_;
    const std::size_t octets = left.copy(buffer, size * count);
    left.remove_prefix(octets);
    return octets;
}

std::size_t Transfer::onReply(char* line, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::string_view text = trim({line, size * count});
    if (!text.starts_with(replyToQuit))
        transfer.replySize_ = text.copy(transfer.reply_.data(), transfer.reply_.size());
    return size * count;
}

int Transfer::onProgress(void* self, curl_off_t /*unused*/, curl_off_t /*unused*/,
                         curl_off_t /*unused*/, curl_off_t /*unused*/) {
    return static_cast<Transfer*>(self)->stopping_ ? 1 : 0;
}

} // namespace

void initialiseSmtp() {
    static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
    static_cast<void>(done); // a failure shows in each try
}

SmtpOutcome tryDelivery(const SmtpLetter& letter, const SmtpPatience& patience,
                        const std::atomic<bool>& stopping) {
    Transfer transfer(letter, stopping);
    if (!transfer.prepare(letter, patience))
        return {SmtpOutcome::Kind::deferred, "libcurl has no memory, or no SMTP"};
    return transfer.run();
}

} // namespace sluice
