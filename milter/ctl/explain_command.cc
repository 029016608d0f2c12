// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/explain_command.hh"

#include "common/text.hh"
#include "milter/ctl/control_call.hh"
#include "milter/ctl/stored_message.hh"
#include "milter/policy/classification.hh"

#include <fmt/ostream.h>
#include <sysexits.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace sluice::ctl {
namespace {

using nlohmann::json;

/// As much of a message as a request has room for; the filter looks at no more of a body.
constexpr std::size_t longestMessage = 256UL * 1024;
constexpr std::size_t mostRead = std::size_t{1} << 30;

/// Options with a value, and the argument of the request that it becomes.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> options{{
    {"--client-ip", "client_ip"},
    {"--client-name", "client_name"},
    {"--helo", "helo"},
    {"--listener", "listener"},
    {"--port", "port"},
    {"--from", "from"},
    {"--rcpt", "rcpt"},
    {"--next-hop", "next_hop"},
}};

struct Question {
    std::string path{control::usualPath};
    bool json = false;
    std::string message; ///< file name; empty: none
    control::Request request{"explain", {}};
};

/// `--name VALUE` or `--name=VALUE`; moves on to the value.
Result<std::string> valueOf(const std::vector<std::string>& words, std::size_t& at) {
    const std::string& word = words[at];
    if (const std::size_t equals = word.find('='); equals != word.npos)
        return word.substr(equals + 1);
    if (at + 1 == words.size())
        return fail(word + " needs a value");
    return words[++at];
}

Result<void> take(Question& question, const std::vector<std::string>& words, std::size_t& at) {
    const std::string name = words[at].substr(0, words[at].find('='));
    const auto known = std::find_if(options.begin(), options.end(),
                                    [&](const auto& each) { return each.first == name; });
    if (known == options.end() && name != "--message" && name != "--control")
        return fail(quoteForDisplay(words[at]) + " is not known");
    auto value = valueOf(words, at);
    if (!value)
        return tl::unexpected(value.error());
    if (value->find_first_of("\r\n") != value->npos)
        return fail("the value of " + name + " has a line break in it");
    if (name == "--message") {
        question.message = *std::move(value);
    } else if (name == "--control") {
        question.path = *std::move(value);
    } else {
        std::string& argument = question.request.arguments[std::string(known->second)];
        if (name == "--rcpt" && !argument.empty())
            argument += '\n' + *value;
        else
            argument = *std::move(value);
    }
    return {};
}

Result<Question> questionIn(const std::vector<std::string>& words) {
    Question question;
    for (std::size_t at = 0; at < words.size(); ++at) {
        if (words[at] == "--json")
            question.json = true;
        else if (words[at] == "--auth")
            question.request.arguments["authenticated"] = "yes";
        else if (auto taken = take(question, words, at); !taken)
            return tl::unexpected(taken.error());
    }
    if (question.request.arguments.count("rcpt") == 0)
        return fail("--rcpt is missing");
    return question;
}

void showRules(const json& stage, std::ostream& out) {
    for (const json& rule : stage.value("rules", json::array()))
        fmt::print(out, "  {:<42} {}\n", escapeForDisplay(rule.value("rule", "")),
                   escapeForDisplay(rule.value("outcome", "")));
    for (const json& note : stage.value("notes", json::array())) {
        std::string more;
        for (const char* const name : {"header", "becomes"})
            if (const std::string text = note.value(name, ""); !text.empty())
                more += ": " + text;
        fmt::print(out, "  {:<42} {}{}\n", escapeForDisplay(note.value("rule", "")),
                   escapeForDisplay(note.value("action", "")), escapeForDisplay(more));
    }
}

void show(const json& answer, std::ostream& out) {
    for (const json& stage : answer.value("stages", json::array())) {
        fmt::print(out, "{} {}\n", escapeForDisplay(stage.value("stage", "")),
                   escapeForDisplay(stage.value("recipient", "")));
        showRules(stage, out);
        if (const std::string kind = stage.value("class", ""); !kind.empty())
            fmt::print(out, "  {:<42} {}\n", "the message is", escapeForDisplay(kind));
        if (const std::string reply = stage.value("reply", ""); !reply.empty())
            fmt::print(out, "  => {} ({})\n", escapeForDisplay(reply),
                       escapeForDisplay(stage.value("rule", "")));
    }
    const json verdict = answer.value("verdict", json::object());
    const std::string reply = verdict.value("reply", "");
    const std::string rule = verdict.value("rule", "");
    fmt::print(out, "{}{}{}{}\n", escapeForDisplay(verdict.value("action", "")),
               reply.empty() ? "" : ": " + escapeForDisplay(reply),
               rule.empty() ? "" : ", by " + escapeForDisplay(rule),
               answer.value("mode", "") == "observe" ? " (mode observe: nothing is refused)" : "");
}

Result<void> addMessage(Question& question) {
    if (question.message.empty())
        return {};
    auto text = readStoredText(question.message, mostRead);
    if (!text)
        return tl::unexpected(text.error());
    question.request.arguments["octets"] = std::to_string(text->size());
    text->resize(std::min(text->size(), longestMessage));
    question.request.arguments["message"] = control::armour(*text);
    return {};
}

int runExplain(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    auto question = questionIn(arguments);
    if (!question)
        return usageError("explain", question.error().message, err);
    if (auto added = addMessage(*question); !added) {
        fmt::print(err, "sluicectl explain: {}\n", escapeForDisplay(added.error().message));
        return EX_NOINPUT;
    }
    json answer;
    const int status = ask("explain", question->path, question->request, EX_DATAERR, answer, err);
    if (status != EX_OK)
        return status;
    if (question->json)
        out << answer << '\n';
    else if (answer.is_object())
        show(answer, out);
    return EX_OK;
}

} // namespace

const Command explainCommand{
    "explain",
    "Say what the filter would do with a message, and which rules say so",
    "explain [--client-ip ADDRESS] [--client-name HOST] [--helo NAME] [--auth]\n"
    "        [--listener NAME] [--port PORT] [--from ADDRESS] --rcpt ADDRESS…\n"
    "        [--next-hop HOST] [--message FILE] [--control PATH] [--json]",
    "The running filter is asked: its configuration, its policy, and the answers that DNS and the\n"
    "directories give now. Each rule is shown in the order in which it is tried, then the "
    "verdict.\n"
    "With --message (- is standard input) it goes on to the end of the message.\n"
    "Nothing is counted or changed: what depends on earlier mail, as harvest-limit, loops and\n"
    "duplicates do, is judged as if this was the first.\n"
    "\n"
    "  sluicectl explain --client-ip 192.0.2.7 --from a@example.org --rcpt b@example.com",
    runExplain,
};

} // namespace sluice::ctl
