#include "text/added_tokens.h"

#include <algorithm>

namespace batchfit::text {

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens) {
  for (const AddedToken& token : tokens) {
    if (token.content.empty()) continue;
    Group& group = token.normalized ? normalized_ : verbatim_;
    group.tokens.push_back(token);
    group.first_bytes.push_back(token.content.front());
  }
  for (Group* group : {&verbatim_, &normalized_}) {
    std::stable_sort(group->tokens.begin(), group->tokens.end(),
                     [](const auto& a, const auto& b) { return a.content.size() > b.content.size(); });
    std::sort(group->first_bytes.begin(), group->first_bytes.end());
    const auto end = std::unique(group->first_bytes.begin(), group->first_bytes.end());
    group->first_bytes.erase(end, group->first_bytes.end());
  }
}

const AddedToken* AddedTokens::Group::at_start_of(std::string_view text) const {
  const auto found = std::find_if(tokens.begin(), tokens.end(),
                                  [&](const AddedToken& token) { return text.starts_with(token.content); });
  return found == tokens.end() ? nullptr : &*found;
}

std::vector<TextPart> AddedTokens::Group::split(std::string_view text) const {
  std::vector<TextPart> parts;
  std::size_t done = 0;
  for (std::size_t at = text.find_first_of(first_bytes); at != std::string_view::npos;
       at = text.find_first_of(first_bytes, at)) {
    const AddedToken* token = at_start_of(text.substr(at));
    if (token == nullptr) {
      ++at;
      continue;
    }
    if (at > done) parts.push_back({text.substr(done, at - done), {}});
    at += token->content.size();
    parts.push_back({{}, token->id});
    done = at;
  }
  if (done < text.size()) parts.push_back({text.substr(done), {}});
  return parts;
}

std::vector<TextPart> AddedTokens::split(std::string_view text) const {
  std::vector<TextPart> parts;
  for (const TextPart& part : verbatim_.split(text)) {
    if (part.token) {
      parts.push_back(part);
      continue;
    }
    const auto inner = normalized_.split(part.text);
    parts.insert(parts.end(), inner.begin(), inner.end());
  }
  return parts;
}

}  // namespace batchfit::text
