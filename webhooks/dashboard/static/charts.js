// Charts: each `data-chart` names a block of JSON data. They are drawn with the theme's colours, and anew when data, theme or size change.
"use strict";

(() => {
  const height = 200;
  const drawn = new Map(); // place -> {plot, text}
  const counts = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6];
  const spans = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800];
  const hours = [
    // step, usual, at a new year, month, day, hour, minute, second, mode
    [86400, "{D} {MMM}", null, null, null, null, null, null, 1],
    [3600, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
    [60, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
  ];

  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const wash = (name) => `color-mix(in srgb, ${token(name)} 12%, transparent)`;

  function span(seconds) {
    if (seconds === 0) return "0";
    if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
    if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
    const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
    const place = units.findIndex(([size]) => seconds >= size);
    const [size, unit] = units[place];
    const rest = place < 3 ? Math.round((seconds % size) / units[place + 1][0]) : 0;
    return `${Math.floor(seconds / size)} ${unit}${rest ? ` ${rest} ${units[place + 1][1]}` : ""}`;
  }

  const said = (value, unit) => (value == null ? "–" : unit === "s" ? span(value) : value.toLocaleString("en").replaceAll(",", "\u202f"));

  // Bars stand on each other: what is drawn first is the sum of all, and each next one hides its own part of it.
  function stacked(data) {
    const sums = [];
    data.series.forEach((series, place) => {
      sums.push(series.values.map((value, at) => value + (place ? sums[place - 1][at] : 0)));
    });
    return sums;
  }

  function shape(data) {
    const bars = data.form === "bars";
    const order = data.series.map((_, place) => (bars ? data.series.length - 1 - place : place));
    const columns = bars ? stacked(data) : data.series.map((series) => series.values);
    return { bars, order, values: [data.at, ...order.map((place) => columns[place])] };
  }

  // Where a value has no neighbour no line is drawn: only a point tells of it.
  const lone = (values) => values.flatMap((value, at) => (value != null && values[at - 1] == null && values[at + 1] == null ? [at] : []));

  function line(data, bars, place) {
    const { name, colour } = data.series[place];
    return {
      label: name,
      stroke: token(colour),
      width: bars ? 0 : 2,
      fill: bars ? token(colour) : place === 0 ? wash(colour) : undefined,
      paths: bars ? uPlot.paths.bars({ size: [0.82, 60], align: 1 }) : undefined,
      points: bars ? { show: false } : { show: true, size: 6, filter: (plot, at) => lone(plot.data[at]) },
    };
  }

  function options(data, place) {
    const { bars, order } = shape(data);
    const last = () => data.at[data.at.length - 1] + data.step;
    const axis = { stroke: token("--soft"), grid: { stroke: token("--line-soft"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    return {
      width: place.clientWidth,
      height,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone()),
      scales: { x: { range: () => [data.at[0], last()] }, y: { range: (_plot, _least, most) => [0, Math.max(most * 1.08, bars ? 4 : 1)] } },
      axes: [
        { ...axis, grid: { show: false }, values: hours, size: 42, space: 64 },
        { ...axis, incrs: bars ? counts : spans, values: (_plot, ticks) => ticks.map((tick) => said(tick, data.unit)), size: 58, space: 34 },
      ],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, y: false, sync: { key: "pace" }, points: { show: !bars } },
      hooks: { setCursor: [(plot) => read(data, place, plot.cursor.idx)] },
      series: [{}, ...order.map((each) => line(data, bars, each))],
    };
  }

  // What the figures are under the pointer; without one, the sums of bars and the newest of lines.
  function read(data, place, under) {
    const list = document.createElement("ul");
    list.className = "legend";
    const newest = data.at.findLastIndex((_, at) => data.series.some((series) => series.values[at] != null));
    const at = under ?? (data.form === "bars" ? null : newest);
    data.series.forEach(({ name, colour, values }) => {
      const value = at == null ? values.reduce((sum, each) => sum + each, 0) : values[at];
      list.append(item(`${name} ${said(value, data.unit)}`, colour));
    });
    list.append(item(at == null ? "in all" : at < 0 ? "" : `${under == null ? "lately, " : ""}from ${time(data.at[at])}`));
    place.parentElement.querySelector("ul.legend")?.remove();
    place.after(list);
  }

  function item(text, colour) {
    const made = document.createElement("li");
    if (colour) {
      const dot = document.createElement("span");
      dot.className = "dot";
      dot.style.background = token(colour);
      made.append(dot);
    } else {
      made.className = "soft";
    }
    made.append(text);
    return made;
  }

  const zone = () => document.documentElement.dataset.zone || "UTC";
  const time = (seconds) => uPlot.fmtDate("{D} {MMM} {HH}:{mm}")(uPlot.tzDate(new Date(seconds * 1000), zone()));

  function draw(place, anew) {
    const source = document.getElementById(place.dataset.chart);
    if (!source) return;
    const text = source.textContent;
    const before = drawn.get(place);
    if (before && before.text === text && !anew) return;
    if (before) before.plot.destroy();
    const data = JSON.parse(text);
    const plot = new uPlot(options(data, place), shape(data).values, place);
    drawn.set(place, { plot, text });
    read(data, place, null);
    place.dataset.drawn = String(data.at.length);
  }

  const places = () => [...document.querySelectorAll("[data-chart]")];
  const all = (anew) => places().forEach((place) => draw(place, anew));

  const sizes = new ResizeObserver((changes) => {
    changes.forEach(({ target }) => {
      const found = drawn.get(target);
      if (found && target.clientWidth > 0 && found.plot.width !== target.clientWidth) found.plot.setSize({ width: target.clientWidth, height });
    });
  });

  all(true);
  places().forEach((place) => sizes.observe(place));
  document.addEventListener("kitrelay:theme", () => all(true));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => all(true));
  document.body.addEventListener("htmx:afterSwap", () => all(false));
})();
