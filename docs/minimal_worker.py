#!/usr/bin/env python3
"""A complete worker of docs/protocol.md, version 1, without torch: it "runs" a sum over a list of numbers on the CPU.

    batchfit tune sum --device cpu --worker "python3 docs/minimal_worker.py"
"""

import json
import os
import queue
import random
import resource
import sys
import threading
import time

protocol = os.fdopen(os.dup(1), "w")  # the real stdout, for the protocol alone
os.dup2(2, 1)  # whatever prints from here on prints to stderr

ITEM = 10_000  # numbers in one item of a batch
DEVICE = {"kind": "cpu", "name": os.uname().machine, "total_memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")}
ENVIRONMENT = {"total_bytes": DEVICE["total_memory_bytes"]}
RUNTIME = {"name": "python", "version": sys.version.split()[0], "details": {}}
MODEL = {"name": "sum", "about": "A sum", "dtypes": ["fp32"], "modes": ["forward"]}

requests: "queue.Queue[dict]" = queue.Queue()
timeout_s = None
loaded = False


def read_stdin():
    """A thread of its own: the process ends at once when stdin closes."""
    for line in sys.stdin:
        try:
            requests.put(json.loads(line))
        except ValueError:
            requests.put({"op": "a line that is not JSON"})  # answered as an operation that is not known
        heard.set()
    os._exit(0)


def watch_heartbeats():
    """And when nothing was heard for as long as hello said."""
    while heard.wait(timeout_s):
        heard.clear()
    os._exit(0)


def seconds_of(numbers):
    start = time.perf_counter()
    sum(numbers)
    return time.perf_counter() - start


def check(*batches):
    if not loaded or min(batches) < 1:
        raise LookupError("load a model first" if not loaded else "a batch is 1 or more")


def probe(request):
    check(request["batch"])
    started_at, numbers = time.time(), [1.0] * (request["batch"] * ITEM)
    samples = [seconds_of(numbers) for _ in range(request["min_samples"])]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    observation = {"record": "observation", "batch": request["batch"], "outcome": "measured", "samples_s": samples}
    observation |= {"resident_peak_bytes": peak, "started_at": started_at, "took_s": time.time() - started_at}
    return {"records": [observation], "environment": ENVIRONMENT}


def compare(request):
    check(request["reference"], request["candidate"])
    reference, candidate = ([1.0] * (request[which] * ITEM) for which in ("reference", "candidate"))
    order, pairs, started_at = random.Random(request["seed"]), [], time.time()
    for _ in range(request["pairs"]):
        first = order.random() < 0.5
        times = [seconds_of(numbers) for numbers in ((reference, candidate) if first else (candidate, reference))]
        pairs.append([*(times if first else reversed(times)), int(first)])
    comparison = {"record": "comparison", "reference": request["reference"], "candidate": request["candidate"], "pairs_s": pairs}
    return {"records": [comparison | {"started_at": started_at, "took_s": time.time() - started_at}], "environment": ENVIRONMENT}


def load(request):
    global loaded
    if request["model"] != MODEL["name"] or request["device"] != "cpu":
        raise LookupError("this worker has the model 'sum' on the device 'cpu'")
    workload = {"model": "sum", "weights": "random (seed 0)", "model_code": "1", "dtype": "fp32", "mode": "forward", "timing": "eager"}
    loaded = True
    subject = {"device": DEVICE, "runtime": RUNTIME, "workload": workload | {"input_shape": [ITEM], "threads": 1}}
    return {"subject": subject, "capabilities": ["compare"], "notes": [], "environment": ENVIRONMENT, "took_s": 0.0}


def release(_):
    global loaded
    loaded = False
    return {}


def hello(request):
    global timeout_s
    timeout_s = request["heartbeat_timeout_s"]
    threading.Thread(target=watch_heartbeats, daemon=True).start()
    about = {"worker": {"name": "minimal", "version": "1"}, "runtime": RUNTIME, "capabilities": ["compare"], "models": [MODEL]}
    return {"protocol": 1} | about


OPS = {"hello": hello, "load": load, "probe": probe, "compare": compare, "devices": lambda _: {"devices": [{"id": "cpu"} | DEVICE]}}
OPS |= {"environment": lambda _: {"environment": ENVIRONMENT}, "release": release, "quit": lambda _: {}}
heard = threading.Event()
threading.Thread(target=read_stdin, daemon=True).start()
while True:
    request = requests.get()
    if request["op"] == "heartbeat":
        continue
    answer = {"id": request.get("id"), "ok": True}
    try:
        answer |= OPS[request["op"]](request)
    except Exception as error:
        kind = "unsupported" if request["op"] not in OPS else "usage" if isinstance(error, LookupError) else "runtime"
        answer = {"id": request.get("id"), "ok": False, "error": {"kind": kind, "message": str(error), "remedy": ""}}
    print(json.dumps(answer), file=protocol, flush=True)
    if request["op"] == "quit":
        os._exit(0)
