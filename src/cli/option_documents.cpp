#include "cli/option_documents.h"

#include <fmt/format.h>

#include <algorithm>

namespace batchfit {
namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

/// "-q" and "--quiet", without what CLI11 adds for negated flags.
std::vector<std::string> names_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

std::vector<std::string> all_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (std::string& name : names_of(*option)) names.push_back(std::move(name));
  }
  return names;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

/// "auto graph eager" of an option that takes one of a few words; empty where it takes anything.
std::string choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{');
  const std::size_t close = type.rfind('}');
  if (open == std::string::npos || close == std::string::npos) return "";
  std::string words = type.substr(open + 1, close - open - 1);
  std::replace(words.begin(), words.end(), ',', ' ');
  return words;
}

/// Text in roff: a backslash is an escape, and a line that begins with a dot or a quote a request.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += '\\';
    if (c == '-') out += '\\';
    out += c;
  }
  const bool request = !out.empty() && (out.front() == '.' || out.front() == '\'');
  return request ? "\\&" + out : out;
}

std::string roff_option(const CLI::Option& option) {
  std::string names;
  if (option.get_positional()) {
    names = "\\fI" + roff(option.get_name(true)) + "\\fR";
  } else {
    for (const std::string& name : names_of(option))
      names += (names.empty() ? "\\fB" : ", \\fB") + roff(name) + "\\fR";
    if (takes_value(option)) {
      const std::string choices = choices_of(option);
      std::string value = choices.empty() ? "VALUE" : choices;
      std::replace(value.begin(), value.end(), ' ', '|');
      names += " \\fI" + roff(value) + "\\fR";
    }
  }
  std::string text = ".TP\n" + names + "\n" + roff(option.get_description());
  if (!option.get_default_str().empty()) text += " (default: " + roff(option.get_default_str()) + ")";
  if (!option.get_envname().empty()) text += " [environment: " + roff(option.get_envname()) + "]";
  return text + "\n";
}

/// In single quotes of a shell.
std::string shell_word(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string bash_script(const CLI::App& app) {
  std::string cases;
  std::string values;
  std::vector<std::string> commands;
  for (const CLI::App* command : commands_of(app)) {
    commands.push_back(command->get_name());
    std::vector<std::string> words = all_names(*command);
    for (const CLI::App* action : commands_of(*command)) words.push_back(action->get_name());
    cases += fmt::format("    {}) words='{}' ;;\n", command->get_name(), fmt::join(words, " "));
    for (const CLI::Option* option : command->get_options()) {
      const std::string choices = choices_of(*option);
      if (choices.empty() || option->get_lnames().empty()) continue;
      const std::string line =
          fmt::format("    --{}) words='{}' ;;\n", option->get_lnames().front(), choices);
      if (values.find(line) == std::string::npos) values += line;
    }
  }
  return fmt::format(R"(# bash completion for batchfit; made by: batchfit completion bash
_batchfit() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} command= words= word
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case $word in
    {}) command=$word; break ;;
    esac
  done
  case $previous in
{}  esac
  if [ -z "$words" ]; then
    case $command in
    '') words='{} {}' ;;
{}    esac
    case $current in
    -*) ;;
    *) [ -n "$command" ] && [ "$command" != cache ] && [ "$command" != completion ] && words= ;;
    esac
  fi
  # Where no word fits: files.
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}}
complete -o default -F _batchfit batchfit
)",
                     fmt::join(commands, "|"), values, fmt::join(commands, " "),
                     fmt::join(all_names(app), " "), cases);
}

/// One option of zsh's _arguments, each name apart.
std::string zsh_option(const CLI::Option& option) {
  std::string about = option.get_description();
  for (const char special : {'\\', '[', ']', ':'}) {
    for (std::size_t at = 0; (at = about.find(special, at)) != std::string::npos; at += 2)
      about.insert(at, 1, '\\');
  }
  std::string out;
  for (const std::string& name : names_of(option)) {
    const std::string choices = choices_of(option);
    const std::string value = !takes_value(option) ? ""
                              : choices.empty()    ? ":value:_files"
                                                   : ":value:(" + choices + ")";
    out += " \\\n      ";
    out += shell_word(fmt::format("{}[{}]{}", name, about, value));
  }
  return out;
}

std::string zsh_script(const CLI::App& app) {
  std::string cases;
  std::string described;
  for (const CLI::App* command : commands_of(app)) {
    described += " " + shell_word(command->get_name() + ":" + command->get_description());
    std::string options;
    for (const CLI::Option* option : command->get_options()) {
      if (!option->get_positional()) options += zsh_option(*option);
    }
    std::string actions;
    for (const CLI::App* action : commands_of(*command)) actions += action->get_name() + " ";
    const std::string rest = actions.empty() ? "'*:file:_files'" : shell_word("1:action:(" + actions + ")");
    cases += fmt::format("  {})\n    _arguments{} \\\n      {} ;;\n", command->get_name(), options, rest);
  }
  return fmt::format(R"(#compdef batchfit
# zsh completion for batchfit; made by: batchfit completion zsh
local -a commands
commands=({})
if (( CURRENT == 2 )); then
  _describe command commands
  return
fi
local command=$words[2]
shift words
(( CURRENT-- ))
case $command in
{}esac
)",
                     described, cases);
}

std::string fish_script(const CLI::App& app) {
  std::string out = "# fish completion for batchfit; made by: batchfit completion fish\n";
  for (const CLI::App* command : commands_of(app)) {
    out += fmt::format("complete -c batchfit -f -n __fish_use_subcommand -a {} -d {}\n", command->get_name(),
                       shell_word(command->get_description()));
    const std::string here = shell_word("__fish_seen_subcommand_from " + command->get_name());
    for (const CLI::App* action : commands_of(*command))
      out += fmt::format("complete -c batchfit -f -n {} -a {} -d {}\n", here, action->get_name(),
                         shell_word(action->get_description()));
    for (const CLI::Option* option : command->get_options()) {
      if (option->get_positional()) continue;
      std::string names;
      for (const std::string& name : option->get_snames()) names += " -s " + name;
      for (const std::string& name : option->get_lnames()) names += " -l " + name;
      const std::string choices = choices_of(*option);
      const std::string value = !takes_value(*option) ? ""
                                : choices.empty()     ? " -r"
                                                      : " -x -a " + shell_word(choices);
      out += fmt::format("complete -c batchfit -n {}{}{} -d {}\n", here, names, value,
                         shell_word(option->get_description()));
    }
  }
  return out;
}

// What no option definition says.
constexpr const char* exit_codes = R"(.SH EXIT STATUS
0: a batch was found, proven by measurement. 1: something failed while running. 2: the options are wrong. 3: nothing fits. 4: not even batch 1 can be decided, or the answer is unstable. 5: the device or the worker is not there. 6: report \-\-fail\-on\-regression: something is worse. 130, 143: interrupted, ended; what was measured is saved.
.SH FILES
\fIreports/batch_optimizer_cache.json\fR and the folder beside it: what was measured. \fIdata/models/\fR: weights of the built\-in models.
.SH EXAMPLES
.nf
batchfit tune resnet50 \-\-dtype fp16
batchfit tune resnet50 \-\-objective throughput \-\-latency\-limit 50ms \-\-export\-json now.json
batchfit report now.json \-\-against old.json \-\-fail\-on\-regression
.fi
)";

}  // namespace

std::string man_page(const CLI::App& app, const std::string& version) {
  std::string out = ".TH BATCHFIT 1 \"\" \"batchfit " + roff(version) +
                    "\" \"User Commands\"\n.SH NAME\nbatchfit \\- find the batch size that a model should "
                    "run at\n.SH SYNOPSIS\n";
  for (const CLI::App* command : commands_of(app)) {
    out += ".B batchfit " + roff(command->get_name()) + "\n[\\fIoptions\\fR]";
    for (const CLI::Option* option : command->get_options()) {
      if (option->get_positional()) out += " \\fI" + roff(option->get_name(true)) + "\\fR";
    }
    out += "\n.br\n";
  }
  out += ".SH DESCRIPTION\n" + roff(app.get_description()) + "\n";
  for (const CLI::App* command : commands_of(app)) {
    out += ".SH \"" + roff(command->get_name()) + "\"\n" + roff(command->get_description()) + "\n";
    for (const CLI::App* action : commands_of(*command))
      out += ".TP\n\\fB" + roff(action->get_name()) + "\\fR\n" + roff(action->get_description()) + "\n";
    for (const CLI::Option* option : command->get_options()) out += roff_option(*option);
  }
  return out + exit_codes;
}

Result<std::string> completion_script(const CLI::App& app, const std::string& shell) {
  if (shell == "bash") return bash_script(app);
  if (shell == "zsh") return zsh_script(app);
  if (shell == "fish") return fish_script(app);
  return failure(ErrorKind::usage, "there is no completion for '" + shell + "'", "use bash, zsh or fish");
}

}  // namespace batchfit
