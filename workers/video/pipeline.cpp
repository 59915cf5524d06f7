#include "video/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <exception>
#include <fstream>
#include <list>
#include <mutex>
#include <thread>

#include "video/decoder.h"
#include "video/drawing.h"
#include "video/encoder.h"
#include "video/frame_pool.h"
#include "video/latencies.h"
#include "video/pose_lines.h"
#include "video/queue.h"
#include "video/stopwatch.h"

namespace batchfit::video {
namespace {

using FramePtr = std::shared_ptr<Frame>;

constexpr std::chrono::milliseconds between_looks(100);  // at the watch
/// What comes after the device takes up to milliseconds a frame where many poses are found.
constexpr unsigned most_post_threads = 8;

Seconds seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// What a decoder hands on.
struct Arrival {
  std::size_t input = 0;
  FramePtr frame;  ///< null: the input has ended
};

class Pipeline {
 public:
  Pipeline(const Plan& plan, PosePass& pass, const Watch& watch);
  ~Pipeline() { stop(); }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  Result<VideoRun> run();

 private:
  /// What belongs to one file that is read.
  struct Source {
    Source(std::size_t bytes, std::size_t most, FramePool::Make make) : pool(bytes, most, std::move(make)) {}
    FramePool pool;
    std::optional<Encoder> encoder;
    Queue<FramePtr> to_encode;
    vision::Letterbox letterbox;
    VideoInput figures;
    std::string complaints;
    std::size_t lent = 0;        ///< most frames that are on their way at once
    bool ended = false;          ///< all its frames have arrived
    std::mutex mutex;            ///< of the decoder's being there
    Decoder* decoder = nullptr;  ///< null: not yet, or no longer
  };
  Result<void> open();
  void decode(std::size_t index);
  void decode_all(Source& source, std::size_t index, Decoder& decoder);
  void feed();
  std::size_t whole_batch() const;
  void collect();
  void look();
  void post();
  void write_lines();
  void encode(Source& source);
  void stop();
  void fail(Error error);
  VideoRun figures() const;

  bool draws() const { return !plan_.task.outputs.empty(); }

  const Plan& plan_;
  PosePass& pass_;
  const Watch& watch_;
  Clock::time_point started_ = Clock::now();
  std::list<Source> sources_;
  std::vector<Source*> by_index_;
  std::ofstream lines_file_;
  Queue<Arrival> arrivals_;
  Queue<FramePtr> to_post_;
  Queue<FramePtr> to_lines_;  ///< in the order in which they are to be written, maybe before they are ready
  std::size_t live_ = 0;      ///< inputs that may still bring frames
  std::vector<FramePtr> filling_;
  std::deque<std::vector<FramePtr>> under_way_;
  Clock::time_point looked_ = Clock::now();
  std::int64_t passes_ = 0;
  unsigned post_threads_ = 1;

  std::atomic<bool> stopping_ = false;
  bool stopped_ = false;
  std::mutex mutex_;  ///< of what follows
  std::optional<Error> error_;
  Latencies latencies_;
  std::int64_t finished_ = 0, poses_ = 0;
  Seconds first_ = 0;

  Stopwatch decoding_, feeding_, posting_, drawing_, lining_, encoding_;
  Stopwatch waited_for_batch_, waited_for_post_, waited_for_writing_;
};

Pipeline::Pipeline(const Plan& plan, PosePass& pass, const Watch& watch)
    : plan_(plan), pass_(pass), watch_(watch) {
  for (std::size_t i = 0; i < plan.videos.size(); ++i) {
    const VideoInfo& video = plan.videos[i];
    Source& source = sources_.emplace_back(picture_bytes(video.size), plan.lent[i],
                                           [&pass](std::size_t bytes) { return pass.memory(bytes); });
    source.lent = plan.lent[i];
    source.letterbox = vision::letterbox(video.size, plan.task.network);
    source.figures = {
        plan.task.inputs[i], video.size.width, video.size.height, video.frames_per_second, 0, ""};
    by_index_.push_back(&source);
  }
  live_ = sources_.size();
  post_threads_ = std::clamp(std::thread::hardware_concurrency() / 2, 1U, most_post_threads);
}

Result<void> Pipeline::open() {
  for (std::size_t i = 0; i < plan_.task.outputs.size(); ++i) {
    auto encoder = Encoder::start(plan_.ffmpeg, plan_.task.outputs[i], plan_.videos[i]);
    if (!encoder) return failure(encoder.error());
    by_index_[i]->encoder.emplace(std::move(*encoder));
  }
  if (plan_.task.json.empty()) return {};
  lines_file_.open(plan_.task.json, std::ios::trunc);
  if (lines_file_) return {};
  return failure(ErrorKind::usage, "cannot write " + plan_.task.json, "name a file that can be written");
}

void Pipeline::fail(Error error) {
  {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
  }
  stop();
}

void Pipeline::stop() {
  stopping_ = true;
  for (Source& source : sources_) {
    source.pool.close();
    const std::lock_guard lock(source.mutex);
    if (source.decoder != nullptr) source.decoder->stop();
  }
}

void Pipeline::decode(std::size_t index) {
  Source& source = *by_index_[index];
  auto decoder = Decoder::start(plan_.ffmpeg, plan_.task.inputs[index], plan_.videos[index]);
  if (decoder) {
    {
      const std::lock_guard lock(source.mutex);
      source.decoder = &*decoder;
    }
    try {
      source.pool.fill(source.lent / 2);  // while ffmpeg starts
      decode_all(source, index, *decoder);
    } catch (const std::exception& error) {  // of the runtime that makes the memory
      fail({ErrorKind::runtime, std::string("no memory for frames: ") + error.what(), "use a smaller batch"});
    }
    const std::lock_guard lock(source.mutex);
    source.decoder = nullptr;
    source.complaints = decoder->complaints();
  } else {
    source.figures.error = decoder.error().text();
  }
  arrivals_.push({index, nullptr});
}

void Pipeline::decode_all(Source& source, std::size_t index, Decoder& decoder) {
  VideoInput& figures = source.figures;
  while (!stopping_ && figures.frames < plan_.task.max_frames.value_or(figures.frames + 1)) {
    auto frame = std::make_shared<Frame>();
    frame->memory = source.pool.lend();
    if (!frame->memory) return;
    frame->input = index;
    frame->number = figures.frames;
    frame->picture = {
        {frame->memory.get(), source.pool.bytes()}, plan_.videos[index].size, plan_.videos[index].colours};
    {
      const Timed timed(decoding_);
      auto decoded = decoder.next(frame->picture.planes);
      if (stopping_) return;  // which may have cut it off
      if (!decoded) figures.error = decoded.error().text();
      if (!decoded || !*decoded) return;
      frame->before = std::move((*decoded)->before);
      frame->time = decoder.time_of(**decoded);
    }
    frame->decoded = Clock::now();
    ++figures.frames;
    arrivals_.push({index, std::move(frame)});
  }
}

void Pipeline::look() {
  if (Clock::now() - looked_ < between_looks) return;
  looked_ = Clock::now();
  if (!stopping_ && watch_.stop()) {
    stopped_ = true;
    stop();
  }
  Progress progress;
  progress.seconds = seconds_since(started_);
  progress.frames_total = plan_.frames();
  {
    const std::lock_guard lock(mutex_);
    progress.frames = finished_;
  }
  watch_.progress(progress);
}

void Pipeline::collect() {
  const std::vector<FramePtr> frames = std::move(under_way_.front());
  under_way_.pop_front();
  std::vector<std::vector<float>> rows = pass_.finish();
  ++passes_;
  const auto now = Clock::now();
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const FramePtr& frame = frames[i];
    frame->rows = std::move(rows[i]);
    frame->inferred = now;
    if (!draws()) frame->memory.reset();  // its pixels are on the device; the decoder can have the memory
    to_post_.push(frame);
    if (lines_file_.is_open()) to_lines_.push(frame);
    if (draws()) by_index_[frame->input]->to_encode.push(frame);
  }
}

/// Frames that a pass begins with. When some inputs have ended the others may have too little memory for two
/// batches, one that is filled and one under way: a whole one must not be waited for.
std::size_t Pipeline::whole_batch() const {
  std::size_t lent = 0;
  for (const Source& source : sources_) lent += source.ended ? 0 : source.lent;
  return std::clamp<std::size_t>(lent / 2, 1, static_cast<std::size_t>(plan_.task.batch));
}

/// Keeps the device busy until all inputs have ended and all their frames are through.
void Pipeline::feed() {
  while (live_ > 0 || !filling_.empty() || !under_way_.empty()) {
    look();
    std::optional<Arrival> arrived;
    // Where a pass is under way its results are fetched rather than waiting for the next frame.
    if (live_ > 0)
      arrived = arrivals_.pop(Clock::now() + (under_way_.empty() ? between_looks : Clock::duration(0)));
    const Timed timed(feeding_);
    if (arrived && arrived->frame) {
      pass_.add(arrived->frame->picture);
      filling_.push_back(std::move(arrived->frame));
    } else if (arrived) {
      by_index_[arrived->input]->ended = true;
      --live_;
    }
    if (filling_.size() >= whole_batch() || (live_ == 0 && !filling_.empty())) {
      pass_.start();
      for (const FramePtr& frame : filling_) waited_for_batch_.add(Clock::now() - frame->decoded);
      under_way_.push_back(std::exchange(filling_, {}));
    }
    if (under_way_.size() == PosePass::most_started || (!under_way_.empty() && !arrived)) collect();
  }
}

void Pipeline::post() {
  while (const auto next = to_post_.pop()) {
    Frame& frame = **next;
    waited_for_post_.add(Clock::now() - frame.inferred);
    {
      const Timed timed(posting_);
      frame.poses =
          vision::poses_in(frame.rows, plan_.task.row, plan_.task.rule, by_index_[frame.input]->letterbox);
      if (lines_file_.is_open()) frame.line = pose_line(frame);
    }
    {
      const std::lock_guard lock(mutex_);
      latencies_.add(seconds_since(frame.decoded));
      poses_ += static_cast<std::int64_t>(frame.poses.size());
      if (finished_++ == 0) first_ = seconds_since(started_);
    }
    if (draws()) {
      const Timed timed(drawing_);
      draw_poses(frame.picture, frame.poses);
    }
    frame.finished = Clock::now();
    frame.ready = true;
    frame.ready.notify_all();
  }
}

void Pipeline::write_lines() {
  while (const auto next = to_lines_.pop()) {
    (*next)->ready.wait(false);
    const Timed timed(lining_);
    lines_file_ << (*next)->line;
    if (!lines_file_)
      return fail({ErrorKind::runtime, "cannot write " + plan_.task.json, "see whether its disk is full"});
  }
}

void Pipeline::encode(Source& source) {
  bool broken = false;
  while (const auto next = source.to_encode.pop()) {
    (*next)->ready.wait(false);
    waited_for_writing_.add(Clock::now() - (*next)->finished);
    const Timed timed(encoding_);
    if (broken) continue;  // what is left only gives its memory back
    if (auto written = source.encoder->write(**next); !written) {
      broken = true;
      fail(written.error());
    }
  }
  const Timed timed(encoding_);
  if (broken) return;
  if (auto ended = source.encoder->finish(); !ended) fail(ended.error());
}

Result<VideoRun> Pipeline::run() {
  if (auto opened = open(); !opened) return failure(opened.error());
  // Threads join in the opposite order: a stage ends after the one before it has.
  std::vector<std::jthread> writers, posts, decoders;
  const auto end_writing = [&] {
    to_lines_.close();
    for (Source& source : sources_) source.to_encode.close();
    writers.clear();
  };
  if (lines_file_.is_open()) writers.emplace_back([this] { write_lines(); });
  for (Source& source : sources_) {
    if (draws()) writers.emplace_back([this, &source] { encode(source); });
  }
  for (unsigned i = 0; i < post_threads_; ++i) posts.emplace_back([this] { post(); });
  for (std::size_t i = 0; i < sources_.size(); ++i) decoders.emplace_back([this, i] { decode(i); });
  const auto end_all = [&] {
    decoders.clear();
    to_post_.close();
    posts.clear();
    end_writing();
  };
  try {
    feed();
  } catch (...) {
    stop();
    end_all();
    throw;
  }
  end_all();
  lines_file_.close();
  if (error_) return failure(*error_);
  return figures();
}

VideoRun Pipeline::figures() const {
  VideoRun run;
  run.seconds = seconds_since(started_);
  run.batch = plan_.task.batch;
  run.frames = finished_;
  run.passes = passes_;
  run.poses = poses_;
  run.first = first_;
  run.stopped = stopped_;
  run.latency_median = latencies_.percentile(0.5);
  run.latency_p95 = latencies_.percentile(0.95);
  const PosePass::Busy device = pass_.busy();
  const auto inputs = static_cast<std::int64_t>(sources_.size());
  run.stages = {{"decode", decoding_.seconds(), inputs, std::nullopt},
                {"feed", feeding_.seconds(), 1, waited_for_batch_.seconds()},
                {"prepare", device.prepare, 1, std::nullopt},
                {"infer", device.infer, 1, std::nullopt},
                {"post", posting_.seconds(), post_threads_, waited_for_post_.seconds()}};
  if (!plan_.task.json.empty()) run.stages.push_back({"lines", lining_.seconds(), 1, std::nullopt});
  if (draws()) {
    run.stages.push_back({"draw", drawing_.seconds(), post_threads_, std::nullopt});
    run.stages.push_back({"encode", encoding_.seconds(), inputs, waited_for_writing_.seconds()});
  }
  run.notes = plan_.notes;
  for (const Source& source : sources_) {
    run.inputs.push_back(source.figures);
    if (!source.complaints.empty() && source.figures.error.empty() && !stopped_) {
      run.notes.push_back(source.figures.path + ": ffmpeg says: " + source.complaints);
    }
  }
  run.files = plan_.task.outputs;
  if (!plan_.task.json.empty()) run.files.push_back(plan_.task.json);
  return run;
}

}  // namespace

Result<VideoRun> run(const Plan& plan, PosePass& pass, const Watch& watch) {
  return Pipeline(plan, pass, watch).run();
}

}  // namespace batchfit::video
