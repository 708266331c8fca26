// What the console does on top of pages that are whole without it: plots, parts that refresh themselves, progress of a file.
(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const shades = () => [colour("--accent"), colour("--note"), colour("--bad"), colour("--good")];
  const PLOT_HEIGHT = 190;
  const LABEL_WIDTH = 52;
  const REPLOT_MS = 30000;
  const WHOLE_MINUTES = [1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440].map((minutes) => 60 * minutes);
  const plots = new Map();

  const clock = (second) => new Date(second * 1000).toISOString().slice(11, 16);

  function axes(unit) {
    const grid = { stroke: colour("--line"), width: 1 };
    const common = { stroke: colour("--quiet"), grid, ticks: grid, font: "12px system-ui, sans-serif" };
    const times = (_, ticks) => ticks.map((tick) => clock(tick));
    return [{ ...common, values: times, space: 70, incrs: WHOLE_MINUTES }, { ...common, size: 62, values: (_, ticks) => ticks.map((tick) => `${tick}${unit && ` ${unit}`}`) }];
  }

  function draw(holder, data, series, unit, more = {}) {
    plots.get(holder)?.destroy();
    const width = Math.max(200, holder.clientWidth);
    const tzDate = (second) => uPlot.tzDate(new Date(second * 1000), "Etc/UTC");
    const options = { tzDate, width, height: PLOT_HEIGHT, axes: axes(unit), series, cursor: { y: false }, ...more };
    plots.set(holder, new uPlot(options, data, holder));
  }

  function lines(holder, columns) {
    const names = holder.dataset.names.split(",");
    const tones = shades();
    const series = [{ label: "UTC", value: (_, second) => (second === null ? "–" : clock(second)) }, ...holder.dataset.lines.split(" ").map((_, place) => ({
      label: names[place], stroke: tones[place], width: 2, spanGaps: false, points: { show: columns.at.length < 3 },
    }))];
    const data = [columns.at, ...holder.dataset.lines.split(" ").map((line) => columns[line])];
    const top = Math.max(1, ...data.slice(1).flat().map((value) => value ?? 0));
    const range = holder.dataset.unit === "%" ? [0, 100] : [0, top * 1.1];
    draw(holder, data, series, holder.dataset.unit, { scales: { y: { range } } });
  }

  async function told(place) {
    const answer = await fetch(place, { headers: { Accept: "application/json" } });
    return answer.ok ? answer.json() : null;
  }

  async function overview(box) {
    const columns = await told(box.dataset.series);
    if (!columns?.at.length) return;
    box.hidden = false;
    for (const holder of box.querySelectorAll(".plot")) lines(holder, columns);
  }

  async function spread(box) {
    const found = await told(box.dataset.spread);
    if (!found?.people.some((count) => count > 0) || found.people.length < 2) return;
    box.hidden = false;
    const at = found.numbers.map((_, place) => place);
    const label = (plot, places) => {
      const every = Math.ceil((places.length * LABEL_WIDTH) / plot.width);
      return places.map((place) => (place % every === 0 ? `…${(found.numbers[place] ?? "").slice(-4)}` : ""));
    };
    const [x, y] = axes("");
    const bars = uPlot.paths.bars({ size: [0.6, 60] });
    const series = [{ label: "number", value: (_, place) => found.numbers[place] ?? "–" }, { label: "people", fill: colour("--accent"), stroke: colour("--accent"), paths: bars, points: { show: false } }];
    draw(box.querySelector(".plot"), [at, found.people], series, "", {
      axes: [{ ...x, incrs: [1], values: label, space: 1, splits: () => at, grid: { show: false } }, y],
      scales: { x: { time: false, range: [-0.6, at.length - 0.4] }, y: { range: [0, Math.max(...found.people) * 1.1] } },
    });
  }

  function plotAll() {
    if (typeof uPlot === "undefined") return;
    for (const box of document.querySelectorAll("[data-series]")) overview(box);
    for (const box of document.querySelectorAll("[data-spread]")) spread(box);
  }

  // A part that is being used is left alone until it is not.
  function refresh(box) {
    setInterval(() => {
      const used = box.contains(document.activeElement) || box.querySelector("details[open]");
      if (!document.hidden && !used) htmx.ajax("GET", location.pathname, { target: box, swap: "innerHTML" });
    }, 1000 * Number(box.dataset.refresh));
  }

  function bring(form) {
    const chosen = document.getElementById("file");
    const says = document.getElementById("progress-says");
    const bar = document.getElementById("progress");
    document.getElementById("file-field").hidden = false;
    form.addEventListener("submit", (event) => {
      if (!chosen.files.length) return;
      event.preventDefault();
      const query = new URLSearchParams({ Mode: form.elements.Mode.value, DryRun: String(form.elements.DryRun.checked) });
      const request = new XMLHttpRequest();
      request.open("POST", `${form.getAttribute("action")}?${query}`);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.setRequestHeader("Accept", "application/json");
      request.setRequestHeader("X-CSRF-Token", form.elements.csrf.value);
      bar.hidden = false;
      request.upload.addEventListener("progress", ({ loaded, total }) => {
        bar.value = total ? loaded / total : 0;
        says.textContent = loaded < total ? `${Math.floor((100 * loaded) / total)} % sent` : "Sent; the lines are being merged.";
      });
      request.addEventListener("load", () => {
        const answer = JSON.parse(request.responseText || "{}");
        if (request.status === 200) location.assign(`${answer.place}?done=imported`);
        else says.textContent = answer.message ?? "That could not be done.";
      });
      request.addEventListener("error", () => { says.textContent = "The connection broke: bring the file once more."; });
      request.send(chosen.files[0]);
    });
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const open = document.querySelector(".sure[open]");
      open?.removeAttribute("open");
      open?.querySelector("summary").focus();
    } else if (event.key === "/" && !event.target.matches("input, textarea, select")) {
      const search = document.querySelector(".search input, .filter input");
      if (search) event.preventDefault();
      search?.focus();
    }
  });
  document.addEventListener("DOMContentLoaded", () => {
    plotAll();
    if (document.querySelector("[data-series]")) setInterval(() => document.hidden || plotAll(), REPLOT_MS);
    for (const box of document.querySelectorAll("[data-refresh]")) refresh(box);
    const form = document.getElementById("bring");
    if (form) bring(form);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", plotAll);
    let waiting = 0;
    addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(plotAll, 200); });
  });
})();
