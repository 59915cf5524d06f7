"use strict";
(() => {
  const root = document.documentElement;
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const dark = matchMedia("(prefers-color-scheme: dark)");
  root.dataset.theme = dark.matches ? "dark" : "light";

  // Three digits with a unit, as the other reports write it.
  const scaled = (value, steps) => {
    const step = steps.find(([size]) => Math.abs(value) >= size) || steps[steps.length - 1];
    const scale = value / step[0];
    return (scale >= 99.95 ? Math.round(scale).toString() : scale.toPrecision(3)) + " " + step[1];
  };
  const unknown = "\u2013";
  const known = (form) => (value) => (value === null || value === undefined ? unknown : form(value));
  const seconds = known((s) => scaled(s, [[1, "s"], [1e-3, "ms"], [1e-6, "us"]]));
  const bytes = known((b) => scaled(b, [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]]));
  const rate = known((r) => (r >= 99.95 ? Math.round(r).toLocaleString("en-US") : r.toPrecision(3)));
  const joules = known((j) => Number(j.toPrecision(3)) + " J");
  const count = known((n) => n.toLocaleString("en-US"));
  const text = known((t) => t);

  // Sorting: the exact value where a cell has one, else what its text says, unit and all.
  const units = { us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86400, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
  const value = (cell) => {
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    const shown = cell.textContent.split("->").pop();
    const found = /(-?[\d,]*\.?\d+)\s*([A-Za-z]*)/.exec(shown);
    return found ? Number(found[1].replaceAll(",", "")) * (units[found[2]] || 1) : NaN;
  };
  const compare = (numeric) => (a, b) => {
    if (!numeric) return a.textContent.localeCompare(b.textContent, "en", { numeric: true });
    const [x, y] = [value(a), value(b)];
    return Number.isNaN(x) ? (Number.isNaN(y) ? 0 : 1) : Number.isNaN(y) ? -1 : x - y;
  };
  const sort = (heading) => {
    const table = heading.closest("table");
    const up = heading.getAttribute("aria-sort") !== "ascending";
    table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const order = compare(heading.classList.contains("n"));
    const rows = [...table.tBodies[0].rows].map((row) => [row.cells[heading.cellIndex], row]);
    rows.sort(([a], [b]) => (up ? order(a, b) : order(b, a)));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };
  const sortable = (table) => table.querySelectorAll("thead th").forEach((heading) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    button.addEventListener("click", () => sort(heading));
    heading.replaceChildren(button);
  });
  // Those of a workload become so when it is unfolded: there may be a thousand.
  document.querySelectorAll("table").forEach((table) => table.closest("details") || sortable(table));

  const filter = document.getElementById("filter");
  if (filter) {
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      document.querySelectorAll("[data-name]").forEach((part) => {
        part.hidden = !part.dataset.name.includes(wanted);
      });
    });
  }

  const columns = [["batch", "batch", count], ["outcome", "outcome", text], ["latency", "latency_s", seconds], ["least", "latency_min_s", seconds],
    ["most", "latency_max_s", seconds], ["ordinary call", "eager_latency_s", seconds], ["items/s", "throughput_per_s", rate],
    ["tokens/s", "tokens_per_s", rate], ["first token", "first_token_s", seconds],
    ["J an item", "energy_per_item_j", joules], ["own memory", "own_memory_bytes", bytes], ["samples", "samples", count], ["reason", "reason", text]];
  const batchTable = (data) => {
    const shown = columns.filter(([, field]) => (data[field] ?? []).some((v) => v !== null && v !== ""));
    const table = document.createElement("table");
    const heading = table.createTHead().insertRow();
    shown.forEach(([title, field]) => {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = title;
      if (field !== "outcome" && field !== "reason") cell.className = "n";
      heading.append(cell);
    });
    const body = table.createTBody();
    data.batch.forEach((batch, i) => {
      const row = body.insertRow();
      if (batch === data.answer) row.className = "answer";
      shown.forEach(([, field, form]) => {
        const cell = row.insertCell();
        const exact = data[field][i];
        cell.textContent = form(exact);
        if (typeof exact === "number") {
          cell.className = "n";
          cell.dataset.v = exact;
        }
      });
    });
    sortable(table);
    return table;
  };

  const points = (data, field, by) => data.batch.map((x, i) => ({ x, y: data[field][i] === null ? NaN : data[field][i] / by }))
    .filter((point) => !Number.isNaN(point.y));
  const line = (label, data, stroke, style) => ({ label, data, borderColor: stroke, backgroundColor: stroke, borderWidth: 2, pointRadius: 3, ...style });
  const limitLine = (data, limit, by, label) => line(label, [data.batch[0], data.batch[data.batch.length - 1]].map((x) => ({ x, y: limit / by })),
    colour("--red"), { borderDash: [6, 4], pointRadius: 0 });
  const answerLine = (data) => ({
    id: "answer",
    afterDatasetsDraw(chart) {
      if (data.answer === null) return;
      const { ctx, chartArea, scales } = chart;
      const x = scales.x.getPixelForValue(data.answer);
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = colour("--green");
      ctx.lineWidth = 2;
      ctx.beginPath();
      ctx.moveTo(x, chartArea.top);
      ctx.lineTo(x, chartArea.bottom);
      ctx.stroke();
      ctx.fillText("answer " + data.answer, x + 4, chartArea.top + 10);
      ctx.restore();
    },
  });
  const draw = (canvas, data, unit, datasets) => new Chart(canvas, {
    type: "line",
    data: { datasets },
    plugins: [answerLine(data)],
    options: {
      animation: false, maintainAspectRatio: false, parsing: false,
      interaction: { mode: "nearest", intersect: false },
      scales: {
        x: { type: "logarithmic", title: { display: true, text: "batch", color: colour("--text") }, grid: { color: colour("--line") },
          ticks: { color: colour("--text"), callback: (v) => (Math.log2(v) % 1 === 0 ? v : "") },
          afterBuildTicks: (axis) => { axis.ticks = [...Array(24).keys()].map((k) => ({ value: 2 ** k })).filter((t) => t.value >= axis.min && t.value <= axis.max); } },
        y: { beginAtZero: true, title: { display: true, text: unit, color: colour("--text") }, grid: { color: colour("--line") }, ticks: { color: colour("--text") } },
      },
      plugins: { legend: { position: "bottom", labels: { color: colour("--text"), boxWidth: 18 } } },
    },
  });
  const plots = [
    ["Latency over batch", "latency (ms)", (data) => [
      line(data.graph ? "graph replay (median)" : "ordinary call (median)", points(data, "latency_s", 1e-3), colour("--blue"), {}),
      line("least", points(data, "latency_min_s", 1e-3), colour("--blue"), { borderWidth: 0.5, pointRadius: 0 }),
      line("most", points(data, "latency_max_s", 1e-3), colour("--blue"), { borderWidth: 0.5, pointRadius: 0, fill: "-1" }),
      line("ordinary call (shortest)", points(data, "eager_latency_s", 1e-3), colour("--orange"), { borderDash: [2, 3], pointStyle: "triangle" }),
      ...(data.latency_limit_s === null ? [] : [limitLine(data, data.latency_limit_s, 1e-3, "limit")])]],
    ["Throughput over batch", "items/s", (data) => [line("throughput", points(data, "throughput_per_s", 1), colour("--blue"), {})]],
    ["Memory over batch", "memory (GiB)", (data) => [
      line("measured", points(data, "own_memory_bytes", 2 ** 30).map((p) => ({ x: p.x, y: p.y + data.others_bytes / 2 ** 30 })), colour("--blue"), {}),
      ...[["low", 2], ["forecast", 1], ["high", 3]].map(([name, at]) => line(name === "forecast" ? "forecast before it ran" : "its interval, " + name,
        data.forecasts.map((f) => ({ x: f[0], y: (f[at] + data.others_bytes) / 2 ** 30 })), colour("--orange"),
        { showLine: false, pointStyle: name === "forecast" ? "rect" : "dash", pointRadius: 4 })),
      ...(data.memory_limit_bytes === null ? [] : [limitLine(data, data.memory_limit_bytes, 2 ** 30, "limit")])]],
  ];
  const charts = new Map();
  const show = (section) => {
    if (!charts.has(section)) {
      const data = JSON.parse(section.querySelector("script").textContent);
      data.throughput_per_s = data.latency_s.map((latency, i) => (latency === null ? null : data.batch[i] / latency));
      section.querySelectorAll("table").forEach(sortable);
      section.querySelector(".batches").append(batchTable(data));
      charts.set(section, { data, drawn: [] });
    }
    const state = charts.get(section);
    state.drawn.forEach((chart) => chart.destroy());
    const area = section.querySelector(".charts");
    area.replaceChildren();
    state.drawn = plots.flatMap(([title, unit, make]) => {
      const datasets = make(state.data).filter((one) => one.data.length > 0);
      if (datasets.length === 0) return [];
      const figure = document.createElement("figure");
      const caption = document.createElement("figcaption");
      const holder = document.createElement("div");
      const canvas = document.createElement("canvas");
      caption.textContent = title;
      holder.className = "chart";
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", title + "; the table below holds the same figures");
      holder.append(canvas);
      figure.append(holder, caption);
      area.append(figure);
      return [draw(canvas, state.data, unit, datasets)];
    });
  };
  const sections = [...document.querySelectorAll("details.workload")];
  sections.forEach((section) => section.addEventListener("toggle", () => section.open && show(section)));
  document.querySelectorAll("a[href^='#w']").forEach((link) => link.addEventListener("click", () => {
    document.getElementById(link.hash.slice(1)).open = true;
  }));

  const redraw = () => sections.filter((section) => section.open).forEach(show);
  const theme = (name) => {
    root.dataset.theme = name;
    redraw();
  };
  document.getElementById("theme").addEventListener("click", () => theme(root.dataset.theme === "dark" ? "light" : "dark"));
  dark.addEventListener("change", () => theme(dark.matches ? "dark" : "light"));
  if (sections.length > 0) sections[0].open = true;
})();
