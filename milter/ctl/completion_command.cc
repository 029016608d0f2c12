// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/completion_command.hh"

#include "common/text.hh"
#include "milter/ctl/usage.hh"

#include <fmt/ostream.h>
#include <sysexits.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

namespace sluice::ctl {
namespace {

/// What stands in a usage for the name of a file.
constexpr std::array<std::string_view, 3> fileNames{"FILE", "DIR", "PATH"};

bool isFile(std::string_view operand) {
    return std::find(fileNames.begin(), fileNames.end(), operand) != fileNames.end();
}

void addWord(std::string& words, std::string_view word) {
    words.append(words.empty() ? "" : " ").append(word);
}

/// Words, each once and with a blank in front.
class WordSet {
public:
    void add(std::string_view word) {
        if (std::find(words_.begin(), words_.end(), word) == words_.end())
            words_.emplace_back(word);
    }
    [[nodiscard]] const std::vector<std::string>& all() const { return words_; }
    [[nodiscard]] std::string text() const {
        std::string all;
        for (const std::string& word : words_)
            addWord(all, word);
        return all;
    }

private:
    std::vector<std::string> words_;
};

/// The case labels of a script, all of which do the same; no line when there are none.
class Labels {
public:
    void add(std::string_view command, std::string_view word) {
        labels_ += fmt::format("{}'{} {}'", labels_.empty() ? "" : "|", command, word);
    }
    void print(std::string_view action, std::ostream& out) const {
        if (!labels_.empty())
            fmt::print(out, "    {}) {} ;;\n", labels_, action);
    }

private:
    std::string labels_;
};

/// What may be the value of each option.
void printValues(std::span<const Command> all, std::ostream& out) {
    Labels files;
    Labels others;
    for (const Command& command : all) {
        WordSet seen;
        for (const UsageWay& way : usageWays(command.usage))
            for (const UsageOption& option : way.options) {
                const std::size_t before = seen.all().size();
                seen.add(option.name);
                if (option.value.empty() || seen.all().size() == before)
                    continue;
                if (option.value.find('|') != std::string::npos) {
                    std::string choices = option.value;
                    std::replace(choices.begin(), choices.end(), '|', ' ');
                    Labels label;
                    label.add(command.name, option.name);
                    label.print(fmt::format("_sluicectl_words '{}'; return", choices), out);
                } else {
                    (isFile(option.value) ? files : others).add(command.name, option.name);
                }
            }
    }
    files.print("_sluicectl_files; return", out);
    others.print("return", out);
}

/// What may stand behind a command and its verb: options, and files.
void printOptions(const Command& command, std::ostream& out) {
    WordSet verbs;
    for (const UsageWay& way : usageWays(command.usage))
        verbs.add(way.verb);
    for (const std::string& verb : verbs.all()) {
        WordSet options;
        bool files = false;
        for (const UsageWay& way : usageWays(command.usage)) {
            if (way.verb != verb)
                continue;
            for (const UsageOption& option : way.options)
                options.add(option.name);
            files = files || std::any_of(way.operands.begin(), way.operands.end(), isFile);
        }
        options.add("--help");
        Labels label;
        label.add(command.name, verb);
        label.print(fmt::format("options='{}'{}", options.text(), files ? "; files=yes" : ""), out);
    }
}

std::string verbsOf(const Command& command) {
    WordSet verbs;
    for (const UsageWay& way : usageWays(command.usage))
        if (!way.verb.empty())
            verbs.add(way.verb);
    return verbs.text();
}

constexpr std::string_view head = R"(# Completion of sluicectl for bash. To use it:
#     source <(sluicectl completion bash)

_sluicectl_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
}

_sluicectl_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
}

_sluicectl() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    local command=${COMP_WORDS[1]} verb='' verbs='' options='' files='' word
    COMPREPLY=()
)";

/// bash takes `--dir=x` for three words.
constexpr std::string_view equals = R"(
    if [[ $current == '=' ]]; then
        current=''
    elif [[ $previous == '=' ]]; then
        previous=${COMP_WORDS[COMP_CWORD-2]}
    fi
    case "$command $previous" in
)";

constexpr std::string_view verbSearch = R"(    esac
    for word in "${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
        [[ -z $verb && " $verbs " == *" $word "* ]] && verb=$word
    done
    case "$command $verb" in
)";

constexpr std::string_view tail = R"(    esac
    if [[ $current == -* ]]; then
        _sluicectl_words "$options"
    elif [[ -z $verb && -n $verbs ]]; then
        _sluicectl_words "$verbs"
    elif [[ -n $files ]]; then
        _sluicectl_files
    fi
}

complete -F _sluicectl sluicectl
)";

void printBash(std::span<const Command> all, std::ostream& out) {
    std::string names;
    for (const Command& command : all)
        addWord(names, command.name);
    out << head;
    fmt::print(out,
               "    if ((COMP_CWORD == 1)); then\n"
               "        _sluicectl_words '{} --help --version'\n"
               "        return\n"
               "    fi\n",
               names);
    out << equals;
    printValues(all, out);
    out << "    esac\n    case $command in\n";
    for (const Command& command : all)
        if (const std::string verbs = verbsOf(command); !verbs.empty())
            fmt::print(out, "    {}) verbs='{}' ;;\n", command.name, verbs);
    out << verbSearch;
    for (const Command& command : all)
        printOptions(command, out);
    out << tail;
}

int runCompletion(std::span<const Command> all, const std::vector<std::string>& arguments,
                  std::ostream& out, std::ostream& err) {
    const auto given = givenWords(completionCommand.usage, arguments);
    if (!given)
        return usageError("completion", given.error().message, err);
    if (!given->operands().empty())
        return usageError("completion",
                          quoteForDisplay(given->operands().front()) + " is one word too many",
                          err);
    printBash(all, out);
    return EX_OK;
}

} // namespace

const Command completionCommand{
    "completion",
    "Print what lets a shell complete the commands and their options",
    "completion bash",
    "For this shell, or for those of all users from now on:\n\n"
    "  source <(sluicectl completion bash)\n"
    "  sluicectl completion bash > /usr/share/bash-completion/completions/sluicectl",
    nullptr,
    runCompletion,
};

} // namespace sluice::ctl
