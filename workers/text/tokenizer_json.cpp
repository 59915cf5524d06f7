#include <fmt/core.h>

#include <limits>
#include <set>

#include "facts/fields.h"
#include "text/byte_alphabet.h"
#include "text/tokenizer.h"

// The layout of tokenizer.json is that of Hugging Face's library `tokenizers`, version 1.0 of the file.
namespace batchfit::text {
namespace {

constexpr TokenId most_id = std::numeric_limits<std::int32_t>::max();
/// GPT-2's pattern, which ByteLevel with `use_regex` stands for.
constexpr const char* gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// What is known but not of the type that is read here.
auto other_type(const std::string& message) {
  return failure(ErrorKind::usage, message,
                 "give a model whose tokenizer is byte-level BPE, as those of Llama 3 and GPT-2 are");
}

bool is_absent(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() || found->is_null();
}

std::string type_of(const Json& json) {
  if (!json.is_object()) return "";
  const auto found = json.find("type");
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

/// The entries of a Sequence, which are in the list `name`; of anything else itself.
Result<std::vector<const Json*>> steps_of(const Json& json, const char* name) {
  if (type_of(json) != "Sequence") return std::vector<const Json*>{&json};
  const auto list = json.find(name);
  if (list == json.end() || !list->is_array())
    return failure(ErrorKind::corrupt, fmt::format("a Sequence has no list '{}'", name));
  std::vector<const Json*> steps;
  for (const Json& step : *list) steps.push_back(&step);
  return steps;
}

Result<void> check_normalizer(const Json& json) {
  if (is_absent(json, "normalizer")) return {};
  const auto steps = steps_of(json["normalizer"], "normalizers");
  if (!steps) return failure(steps.error());
  if (steps->empty()) return {};
  return other_type(fmt::format("has a normalizer, '{}', and none is taken", type_of(*steps->front())));
}

// Model.

Result<void> check_model(const Json& model) {
  const std::string type = type_of(model);
  // Files of the library's first years leave the type out.
  const bool is_bpe = type == "BPE" || (type.empty() && model.is_object() && model.contains("merges"));
  if (!is_bpe) return other_type(fmt::format("is of a model of type '{}', and only 'BPE' is taken", type));
  Fields fields(model, "model");
  double dropout = 0;
  bool byte_fallback = false;
  std::string prefix, suffix;
  fields.maybe("dropout", dropout);
  fields.maybe("byte_fallback", byte_fallback);
  fields.maybe("continuing_subword_prefix", prefix);
  fields.maybe("end_of_word_suffix", suffix);
  if (const auto read = fields.finish(true); !read) return failure(read.error());
  if (byte_fallback) return other_type("has 'byte_fallback', as SentencePiece's BPE has it");
  if (dropout > 0) return other_type("drops merges at random ('dropout')");
  if (!prefix.empty() || !suffix.empty())
    return other_type("marks the parts of words ('end_of_word_suffix')");
  return {};
}

Result<void> read_vocabulary(const Json& model, TokenizerParts& out) {
  Fields fields(model, "model");
  std::map<std::string, TokenId> vocabulary;
  fields.required("vocab", vocabulary);
  if (const auto read = fields.finish(true); !read) return failure(read.error());
  for (const auto& [token, id] : vocabulary) {
    if (id > most_id) return failure(ErrorKind::corrupt, fmt::format("token '{}' has the id {}", token, id));
    const auto bytes = bytes_of(token);
    // What is no word of the alphabet is an added token's, which no merge makes.
    const bool is_new = out.tokens.emplace(id, TokenizerParts::Token{bytes.value_or(token), false}).second;
    if (!is_new) return failure(ErrorKind::corrupt, fmt::format("two tokens have the id {}", id));
    if (bytes) out.pairs.add_token(*bytes, id);
  }
  return {};
}

/// "a b" or ["a", "b"], by the bytes they stand for; nullopt where it is neither.
std::optional<std::pair<std::string, std::string>> merge_in(const Json& json) {
  std::string left, right;
  if (json.is_string()) {
    const auto& text = json.get_ref<const std::string&>();
    const std::size_t space = text.find(' ');
    if (space == std::string::npos) return std::nullopt;
    left = text.substr(0, space);
    right = text.substr(space + 1);
  } else if (json.is_array() && json.size() == 2 && json[0].is_string() && json[1].is_string()) {
    left = json[0].get<std::string>();
    right = json[1].get<std::string>();
  }
  auto a = bytes_of(left), b = bytes_of(right);
  if (!a || !b || a->empty() || b->empty()) return std::nullopt;
  return std::pair(std::move(*a), std::move(*b));
}

Result<void> read_merges(const Json& model, BytePairs& out) {
  const auto list = model.find("merges");
  if (list == model.end() || !list->is_array())
    return failure(ErrorKind::corrupt, "model has no list 'merges'");
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto merge = merge_in((*list)[i]);
    if (!merge) {
      return failure(ErrorKind::corrupt,
                     fmt::format("merge {} is no pair of tokens of the byte-level alphabet", i));
    }
    if (auto added = out.add_merge(merge->first, merge->second); !added) return added;
  }
  return {};
}

Result<void> read_model(const Json& json, TokenizerParts& out) {
  const auto model = json.find("model");
  if (model == json.end()) return failure(ErrorKind::corrupt, "this is no tokenizer.json: it has no 'model'");
  if (auto checked = check_model(*model); !checked) return checked;
  if (auto read = read_vocabulary(*model, out); !read) return read;
  if (auto read = read_merges(*model, out.pairs); !read) return read;
  bool ignore_merges = false;
  Fields fields(*model, "model");
  fields.maybe("ignore_merges", ignore_merges);
  out.pairs.ignore_merges(ignore_merges);
  out.pairs.finish();
  return fields.finish(true).map([](bool) {});
}

// Pre-tokenizers.

Result<Splitter> read_split(const Json& json) {
  Fields fields(json, "Split");
  std::string behaviour;
  fields.required("behavior", behaviour);
  const Json* pattern = fields.find("pattern");
  std::string regex, literal;
  if (pattern != nullptr) {
    Fields inner(*pattern, "pattern");
    inner.maybe("Regex", regex);
    inner.maybe("String", literal);
    bool ignored = true;
    fields.nested(inner.finish(true), ignored);
  }
  if (regex.empty() && literal.empty()) fields.fail("has no pattern");
  if (const auto read = fields.finish(true); !read) return failure(read.error());
  if (behaviour != "Isolated")
    return other_type(
        fmt::format("has a Split of the behavior '{}', and only 'Isolated' is taken", behaviour));
  return regex.empty() ? Splitter::compile(literal, /*literal=*/true) : Splitter::compile(regex);
}

/// Digits alone, each or in runs.
Result<Splitter> read_digits(const Json& json) {
  Fields fields(json, "Digits");
  bool individual = false;
  fields.maybe("individual_digits", individual);
  if (const auto read = fields.finish(true); !read) return failure(read.error());
  return Splitter::compile(individual ? R"(\p{N})" : R"(\p{N}+)");
}

Result<void> read_byte_level(const Json& json, TokenizerParts& out) {
  Fields fields(json, "ByteLevel");
  bool use_regex = true;
  out.add_prefix_space = true;
  fields.maybe("add_prefix_space", out.add_prefix_space);
  fields.maybe("use_regex", use_regex);
  if (const auto read = fields.finish(true); !read) return failure(read.error());
  if (!use_regex) return {};
  auto split = Splitter::compile(gpt2_pattern);
  if (!split) return failure(split.error());
  out.byte_level_split = std::move(*split);
  return {};
}

Result<void> read_pre_tokenizer(const Json& json, TokenizerParts& out) {
  constexpr const char* taken = "only Split and Digits are taken, with ByteLevel after them";
  if (is_absent(json, "pre_tokenizer")) return other_type(fmt::format("has no pre_tokenizer, and {}", taken));
  const auto steps = steps_of(json["pre_tokenizer"], "pretokenizers");
  if (!steps) return failure(steps.error());
  for (std::size_t i = 0; i < steps->size(); ++i) {
    const Json& step = *(*steps)[i];
    const std::string type = type_of(step);
    const bool is_last = i + 1 == steps->size();
    if (is_last && type == "ByteLevel") return read_byte_level(step, out);
    if (is_last || (type != "Split" && type != "Digits"))
      return other_type(fmt::format("has the pre_tokenizer '{}', and {}", type, taken));
    auto splitter = type == "Split" ? read_split(step) : read_digits(step);
    if (!splitter) return failure(splitter.error());
    out.splitters.push_back(std::move(*splitter));
  }
  return other_type(fmt::format("has no pre_tokenizer, and {}", taken));
}

// Added tokens and the template.

Result<AddedToken> read_added_token(const Json& json) {
  Fields fields(json, "token");
  AddedToken token;
  bool single_word = false, lstrip = false, rstrip = false;
  fields.required("id", token.id);
  fields.required("content", token.content);
  fields.maybe("special", token.special);
  token.normalized = !token.special;
  fields.maybe("normalized", token.normalized);
  fields.maybe("single_word", single_word);
  fields.maybe("lstrip", lstrip);
  fields.maybe("rstrip", rstrip);
  if (token.id > most_id) fields.fail(fmt::format("has the id {}", token.id));
  if (const auto read = fields.finish(true); !read) return failure(read.error());
  if (!single_word && !lstrip && !rstrip) return token;
  return other_type(fmt::format("'{}' is set of the token '{}', which is not taken",
                                single_word ? "single_word"
                                : lstrip    ? "lstrip"
                                            : "rstrip",
                                token.content));
}

Result<void> read_added_tokens(const Json& json, TokenizerParts& out) {
  if (is_absent(json, "added_tokens")) return {};
  if (!json["added_tokens"].is_array()) return failure(ErrorKind::corrupt, "'added_tokens' is not a list");
  const Json& vocabulary = json["model"]["vocab"];
  std::vector<AddedToken> tokens;
  for (const Json& item : json["added_tokens"]) {
    auto token = read_added_token(item);
    if (!token) {
      Error error = token.error();
      error.message = "added_tokens: " + error.message;
      return failure(std::move(error));
    }
    const auto known = vocabulary.find(token->content);
    const bool same = known == vocabulary.end() ? !out.tokens.contains(token->id) : *known == token->id;
    if (!same) {
      return failure(ErrorKind::corrupt,
                     fmt::format("the token '{}' has the id {}, which is not the vocabulary's for it",
                                 token->content, token->id));
    }
    out.tokens[token->id] = {bytes_of(token->content).value_or(token->content), token->special};
    tokens.push_back(std::move(*token));
  }
  out.added = AddedTokens(tokens);
  return {};
}

/// The ids of a template's special token.
Result<std::vector<TokenId>> read_special(const Json& json, const std::string& name) {
  const auto all = json.find("special_tokens");
  if (all == json.end() || !all->is_object() || !all->contains(name))
    return failure(ErrorKind::corrupt, fmt::format("TemplateProcessing has no special token '{}'", name));
  Fields fields((*all)[name], "special token");
  std::vector<TokenId> ids;
  fields.required("ids", ids);
  return fields.finish(std::move(ids));
}

Result<void> read_template(const Json& json, TokenizerParts& out) {
  const auto damaged = [](const std::string& why) {
    return failure(ErrorKind::corrupt, "TemplateProcessing " + why);
  };
  const auto pieces = json.find("single");
  if (pieces == json.end() || !pieces->is_array()) return damaged("has no list 'single'");
  int texts = 0;
  for (const Json& piece : *pieces) {
    if (!piece.is_object() || piece.size() != 1 || !piece.begin()->is_object())
      return damaged("has a misshapen piece");
    Fields fields(*piece.begin(), "piece");
    std::string name;
    fields.required("id", name);
    if (const auto read = fields.finish(true); !read) return damaged(read.error().message);
    if (piece.begin().key() == "Sequence" && name == "A") {
      ++texts;
    } else if (piece.begin().key() == "SpecialToken") {
      const auto ids = read_special(json, name);
      if (!ids) return failure(ids.error());
      auto& side = texts == 0 ? out.before : out.after;
      side.insert(side.end(), ids->begin(), ids->end());
    } else {
      return damaged("has a piece '" + piece.begin().key() + "'");
    }
  }
  return texts == 1 ? Result<void>() : damaged(fmt::format("holds the text {} times", texts));
}

Result<void> read_post_processor(const Json& json, TokenizerParts& out) {
  if (is_absent(json, "post_processor")) return {};
  const auto steps = steps_of(json["post_processor"], "processors");
  if (!steps) return failure(steps.error());
  bool has_template = false;
  for (const Json* step : *steps) {
    const std::string type = type_of(*step);
    if (type == "ByteLevel") continue;  // of offsets alone
    if (type != "TemplateProcessing" || has_template) {
      return other_type(fmt::format(
          "has the post_processor '{}', and only ByteLevel and one TemplateProcessing are taken", type));
    }
    has_template = true;
    if (auto read = read_template(*step, out); !read) return read;
  }
  return {};
}

}  // namespace

Result<TokenizerParts> tokenizer_parts_from_json(const Json& json) {
  if (!json.is_object())
    return failure(ErrorKind::corrupt, "this is no tokenizer.json: it is no JSON object");
  TokenizerParts parts;
  Result<void> read = check_normalizer(json);
  if (read) read = read_model(json, parts);
  if (read) read = read_pre_tokenizer(json, parts);
  if (read) read = read_added_tokens(json, parts);
  if (read) read = read_post_processor(json, parts);
  if (!read) return failure(read.error());
  return parts;
}

}  // namespace batchfit::text
