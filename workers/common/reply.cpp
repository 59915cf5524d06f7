#include "common/reply.h"

#include <utility>

namespace batchfit {
namespace {

const char* name_of(RefusalKind kind) {
  switch (kind) {
    case RefusalKind::usage:
      return "usage";
    case RefusalKind::unavailable:
      return "unavailable";
    case RefusalKind::unsupported:
      return "unsupported";
    case RefusalKind::out_of_memory:
      return "out_of_memory";
    case RefusalKind::runtime:
      return "runtime";
  }
  return "runtime";
}

Json refusal_json(const Refusal& refusal) {
  Json error = {{"kind", name_of(refusal.kind)}, {"message", refusal.message}};
  if (!refusal.remedy.empty()) error["remedy"] = refusal.remedy;
  Json json = {{"ok", false}, {"error", std::move(error)}};
  if (refusal.replace_worker) json["replace_worker"] = true;
  return json;
}

}  // namespace

tl::unexpected<Refusal> refuse(RefusalKind kind, std::string message, std::string remedy) {
  return tl::unexpected<Refusal>(Refusal{kind, std::move(message), std::move(remedy)});
}

tl::unexpected<Refusal> refuse(const Error& error) {
  const RefusalKind kind = error.kind == ErrorKind::usage         ? RefusalKind::usage
                           : error.kind == ErrorKind::unavailable ? RefusalKind::unavailable
                                                                  : RefusalKind::runtime;
  return refuse(kind, error.message, error.remedy);
}

std::string reply_line(const Json& id, const Answer<Json>& answer) {
  Json reply = answer ? *answer : refusal_json(answer.error());
  if (answer) reply["ok"] = true;
  if (!id.is_null()) reply["id"] = id;
  return dump_json(reply);
}

}  // namespace batchfit
