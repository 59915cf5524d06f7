#!/usr/bin/env python3
"""Ultralytics' predict(stream=True) over a video, doing what `batchfit run` does: the poses as a line of JSON a frame, and where asked
for drawn and encoded. Prints one line of JSON: frames, poses, seconds (loading and a first run over some frames left out).

    python3 benchmarks/ultralytics_peer.py CLIP WEIGHTS --batch 16 [--half] [--square] [--confidence C] [--json FILE] [--out FILE.mp4]
"""

import argparse
import json
import resource
import time


def predict(model, options, source):
    return model.predict(source, stream=True, batch=options.batch, imgsz=options.image_size, conf=options.confidence, iou=0.7, max_det=300,
                         half=options.half, rect=not options.square, device=options.device, verbose=False)


def line_of(number, fps, result):
    boxes, points = result.boxes.data.tolist(), result.keypoints.data.tolist()
    poses = [{"box": [round(v, 2) for v in box[:4]], "score": round(box[4], 4), "class": int(box[5]),
              "keypoints": [[round(v, 2) for v in point] for point in pose]} for box, pose in zip(boxes, points)]
    return json.dumps({"input": 0, "frame": number, "time_s": number / fps, "poses": poses}) + "\n", len(poses)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip")
    parser.add_argument("weights")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--image-size", type=int, default=640)
    parser.add_argument("--confidence", type=float, default=0.25)
    parser.add_argument("--half", action="store_true")
    parser.add_argument("--square", action="store_true", help="pad to a square, as batchfit does, not to the clip's own shape")
    parser.add_argument("--device", default="0")
    parser.add_argument("--json", default="/dev/null")
    parser.add_argument("--out")
    parser.add_argument("--most", type=int, help="frames")
    options = parser.parse_args()

    import cv2
    from ultralytics import YOLO

    model = YOLO(options.weights, task="pose")
    for i, _ in enumerate(predict(model, options, options.clip)):
        if i >= 3 * options.batch:
            break
    capture = cv2.VideoCapture(options.clip)
    fps, size = capture.get(cv2.CAP_PROP_FPS), (int(capture.get(3)), int(capture.get(4)))
    capture.release()
    writer = cv2.VideoWriter(options.out, cv2.VideoWriter_fourcc(*"mp4v"), fps, size) if options.out else None
    frames = poses = 0
    start = time.perf_counter()
    with open(options.json, "w", encoding="utf-8") as lines:
        for result in predict(model, options, options.clip):
            line, found = line_of(frames, fps, result)
            lines.write(line)
            if writer:
                writer.write(result.plot())
            frames += 1
            poses += found
            if frames == options.most:
                break
        if writer:
            writer.release()
    seconds = time.perf_counter() - start
    print(json.dumps({"frames": frames, "poses": poses, "seconds": seconds, "frames_per_s": frames / seconds,
                      "peak_resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
    main()
