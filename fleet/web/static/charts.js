// A chart for each thing that a node measures, which moves as readings arrive.
const POINTS = 600;
const DAY_S = 86400;

function moments(u, splits) {
  const span = splits.at(-1) - splits[0];
  return splits.map((s) => {
    const iso = new Date(s * 1000).toISOString();
    return span > 3 * DAY_S ? iso.slice(5, 10) : iso.slice(11, span < 300 ? 19 : 16);
  });
}

function plot(element, series) {
  const axis = { font: "11px system-ui", stroke: "#5b6475", grid: { stroke: "#eef1f5" }, ticks: { show: false } };
  const counts = series.quantity === "count" || series.quantity === "presence";
  const line = { stroke: "#24509e", width: 1.6, points: { show: (u) => u.data[0].length < 3, size: 5 }, fill: "rgba(36,80,158,.08)", spanGaps: true };
  if (counts) line.paths = uPlot.paths.bars({ size: [0.7, 24] });
  return new uPlot({
    width: element.clientWidth || 320, height: 150, legend: { show: false }, cursor: { y: false },
    series: [{}, { ...line, fill: counts ? "#24509e" : line.fill }],
    axes: [{ ...axis, size: 28, space: 70, values: moments }, { ...axis, size: 58 }],
    scales: { x: { time: true }, y: counts ? { range: (u, low, high) => [0, Math.max(1, high)] } : {} },
  }, [[], []], element);
}

function card(series) {
  const box = document.createElement("article");
  box.className = "chart";
  box.dataset.series = series.name;
  const title = document.createElement("h3");
  const words = document.createElement("span");
  words.textContent = series.quantity.replaceAll("_", " ") + (series.channel ? ` · ${series.channel}` : "");
  const sensor = document.createElement("small");
  sensor.textContent = series.sensor;
  words.append(sensor);
  title.append(words, document.createElement("output"));
  box.append(title);
  return box;
}

export class Charts {
  constructor(element) {
    this.element = element;
    this.open_ = new Map();
    window.addEventListener("resize", () => this.resize());
  }

  async open(list, ask) {
    for (const chart of this.open_.values()) chart.plot.destroy();
    this.open_.clear();
    this.element.replaceChildren();
    await this.follow(list, ask);
  }

  async follow(list, ask) {
    for (const series of list) if (!this.open_.has(series.id)) this.add(series);
    await Promise.all(list.map((series) => this.draw(series, ask)));
  }

  add(series) {
    const box = card(series);
    this.element.append(box);
    this.open_.set(series.id, { box, plot: plot(box, series), last: null });
  }

  async draw(series, ask) {
    const chart = this.open_.get(series.id);
    if (!chart || (chart.last === series.last_ms && chart.last !== null)) return;
    const points = await ask(`/api/readings?series=${series.id}&points=${POINTS}`);
    if (!this.open_.has(series.id)) return;
    chart.plot.setData([points.t_ms.map((ms) => ms / 1000), points.values]);
    chart.last = series.last_ms;
    const last = points.values.at(-1);
    const unit = series.unit === "1" ? "" : ` ${series.unit}`;
    chart.box.querySelector("output").textContent = last === undefined ? "" : last.toFixed(Math.min(series.decimals, 2)) + unit;
    chart.box.dataset.points = points.t_ms.length;
    chart.box.classList.toggle("doubtful", series.doubtful);
    chart.box.title = series.doubtful ? `flagged: ${series.flags}` : "";
  }

  resize() {
    for (const { box, plot } of this.open_.values()) plot.setSize({ width: box.clientWidth - 26, height: 150 });
  }
}
