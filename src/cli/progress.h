#pragma once

#include <string>

#include "facts/evidence.h"
#include "tune/tune.h"
#include "worker/protocol.h"

namespace batchfit {

/// Tells on stderr what a run is doing: one live line on a terminal, plain lines otherwise. Honours NO_COLOR
/// and TERM=dumb. Silent where the user asked for it.
class Progress {
 public:
  explicit Progress(bool quiet);

  /// What the next lines are about: "resnet50 fp16".
  void begin(const std::string& label);
  void loading();
  TuneEvents events();
  /// Of a run over video.
  void frames(const VideoProgress& progress);
  /// Takes the live line away, so that a table or a warning can follow.
  void clear();

 private:
  void show(const std::string& text, bool lasting);

  bool quiet_;
  bool live_;
  std::string label_;
  Seconds lasting_at_ = 0;  ///< of a run over video, the last line that stays
};

/// "12: 2.08 ms, 1.34 GiB" and the like, for one record.
std::string describe(const Record& record);

}  // namespace batchfit
