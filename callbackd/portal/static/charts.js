// Draws each chart from the table beneath it: what is seen is what is read.

const value = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function columnsOf(canvas) {
  const table = document.getElementById(canvas.dataset.table);
  const columns = canvas.dataset.columns.trim().split(/\s+/).map(Number);
  const tones = canvas.dataset.tones.trim().split(/\s+/);
  const headings = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const rows = [...table.tBodies[0].rows];
  return {
    labels: rows.map((row) => row.cells[0].textContent.trim()),
    datasets: columns.map((column, n) => ({
      label: headings[column],
      data: rows.map((row) => Number(row.cells[column].textContent)),
      backgroundColor: value(`--chart-${tones[n]}`),
      maxBarThickness: 48,
      borderWidth: 0,
    })),
  };
}

function optionsOf(canvas) {
  const kind = canvas.dataset.chart;
  const [text, lines] = [value("--muted"), value("--line")];
  const font = { family: value("--font"), size: Number.parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.8 };
  return {
    animation: false,
    maintainAspectRatio: false,
    responsive: true,
    interaction: { mode: "index", intersect: false },
    plugins: {
      legend: {
        display: kind === "stacked",
        position: "bottom",
        labels: { color: text, font, boxWidth: 12, boxHeight: 12, padding: 14 },
      },
      tooltip: { titleFont: font, bodyFont: font, callbacks: kind === "share" ? { label: (item) => `${item.formattedValue} %` } : {} },
    },
    scales: {
      x: { stacked: kind === "stacked", grid: { display: false }, border: { color: lines }, ticks: { color: text, font, maxRotation: 0, autoSkip: kind === "stacked", autoSkipPadding: 12 } },
      y: {
        stacked: kind === "stacked",
        beginAtZero: true,
        max: kind === "share" ? 100 : undefined,
        grid: { color: lines },
        border: { display: false },
        ticks: { color: text, font, precision: 0, maxTicksLimit: 6, callback: kind === "share" ? (each) => `${each} %` : undefined },
      },
    },
  };
}

const drawn = [];

function draw() {
  for (const chart of drawn.splice(0)) chart.destroy();
  for (const canvas of document.querySelectorAll("canvas[data-chart]")) {
    const options = optionsOf(canvas);
    if (!options.scales.y.ticks.callback) delete options.scales.y.ticks.callback;
    drawn.push(new Chart(canvas, { type: "bar", data: columnsOf(canvas), options }));
  }
  document.documentElement.dataset.charts = String(drawn.length);
}

draw();
new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
