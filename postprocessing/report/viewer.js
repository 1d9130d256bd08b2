"use strict";
// Three linked planes of one hip. Voxels (z, y, x) run to the patient's head, back and left; right is on the viewer's left.
const SCALE_MM = 20, PIXELS_PER_MM = 5, HEAD = "#56b4e9", NECROSIS = "#e69f00";
const PLANES = {
  axial: { across: 0, across_x: 2, across_y: 1, up: false, letters: ["R", "L", "A", "P"] },
  coronal: { across: 1, across_x: 2, across_y: 0, up: true, letters: ["R", "L", "H", "F"] },
  sagittal: { across: 2, across_x: 1, across_y: 0, up: true, letters: ["A", "P", "H", "F"] },
};

async function voxels(picture, size, columns) {
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = picture.naturalWidth;
  canvas.height = picture.naturalHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  const [depth, height, width] = size, values = new Uint8Array(depth * height * width);
  for (let z = 0; z < depth; z++) {
    const tile = context.getImageData((z % columns) * width, Math.floor(z / columns) * height, width, height).data;
    for (let i = 0; i < height * width; i++) values[z * height * width + i] = tile[4 * i];
  }
  return values;
}

async function start(viewer) {
  const numbers = (name) => viewer.dataset[name].split(",").map(Number);
  const size = numbers("size"), mm = numbers("mm"), at = numbers("start"), [columns, step] = numbers("tiles");
  const [greys, labels] = await Promise.all([...viewer.querySelectorAll("img")].map((one) => voxels(one, size, columns)));
  const edge = Math.max(...size.map((n, axis) => n * mm[axis])) * PIXELS_PER_MM;
  const tool = (name) => viewer.querySelector(`[name=${name}]`);
  const offset = (z, y, x) => (z * size[1] + y) * size[2] + x;
  const draws = [];
  for (const figure of viewer.querySelectorAll("figure")) draws.push(plane(figure));
  const draw = () => draws.forEach((one) => one());
  for (const name of ["contours", "level", "window"]) tool(name).addEventListener("input", draw);
  tool("reset").addEventListener("click", () => { tool("level").value = tool("level").defaultValue; tool("window").value = tool("window").defaultValue; draw(); });
  viewer.querySelector(".wait").hidden = true;
  viewer.querySelector(".ready").hidden = false;
  draw();

  function plane(figure) {
    const known = PLANES[figure.dataset.plane], canvas = figure.querySelector("canvas"), context = canvas.getContext("2d");
    const slider = figure.querySelector("input"), shown = figure.querySelector("output");
    const n = size[known.across_x], m = size[known.across_y], sheet = document.createElement("canvas");
    const wide = n * mm[known.across_x] * PIXELS_PER_MM, high = m * mm[known.across_y] * PIXELS_PER_MM;
    const left = (edge - wide) / 2, top = (edge - high) / 2;
    canvas.width = canvas.height = Math.round(edge);
    sheet.width = n;
    sheet.height = m;
    const row = (j) => (known.up ? m - 1 - j : j);
    const voxel = (i, j) => {
      const place = [0, 0, 0];
      place[known.across] = at[known.across];
      place[known.across_x] = i;
      place[known.across_y] = row(j);
      return offset(...place);
    };
    const move = (to) => { at[known.across] = Math.min(Math.max(to, 0), size[known.across] - 1); draw(); };
    slider.addEventListener("input", () => move(Number(slider.value) - 1));
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); move(at[known.across] + Math.sign(event.deltaY)); }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const by = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key];
      if (by) { event.preventDefault(); move(at[known.across] + by); }
    });
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect(), zoom = edge / box.width;
      const i = Math.floor((((event.clientX - box.left) * zoom - left) / wide) * n);
      const j = Math.floor((((event.clientY - box.top) * zoom - top) / high) * m);
      if (i < 0 || j < 0 || i >= n || j >= m) return;
      at[known.across_x] = i;
      at[known.across_y] = row(j);
      draw();
    });
    return () => {
      const level = Number(tool("level").value), width = Number(tool("window").value);
      const image = new ImageData(n, m);
      for (let j = 0; j < m; j++) for (let i = 0; i < n; i++) {
        const grey = ((greys[voxel(i, j)] - level) / width + 0.5) * 255, k = 4 * (j * n + i);
        image.data[k] = image.data[k + 1] = image.data[k + 2] = grey;
        image.data[k + 3] = 255;
      }
      sheet.getContext("2d").putImageData(image, 0, 0);
      context.fillStyle = "#000";
      context.fillRect(0, 0, edge, edge);
      context.drawImage(sheet, left, top, wide, high);
      if (tool("contours").checked) { outline(1, HEAD, 2.5); outline(2, NECROSIS, 4); }
      cross();
      write();
      slider.value = at[known.across] + 1;
      shown.textContent = `${at[known.across] + 1} of ${size[known.across]}`;
      canvas.setAttribute("aria-label", `${figure.dataset.plane} slice ${shown.textContent}`);
    };

    function outline(least, colour, thick) { // along the edges of voxels: nothing is smoothed
      const inside = (i, j) => i >= 0 && j >= 0 && i < n && j < m && labels[voxel(i, j)] >= (least - 0.5) * step;
      const dx = wide / n, dy = high / m;
      context.beginPath();
      for (let j = 0; j <= m; j++) for (let i = 0; i <= n; i++) {
        const x = left + i * dx, y = top + j * dy, here = inside(i, j);
        if (here !== inside(i - 1, j)) { context.moveTo(x, y); context.lineTo(x, y + dy); }
        if (here !== inside(i, j - 1)) { context.moveTo(x, y); context.lineTo(x + dx, y); }
      }
      context.strokeStyle = "#000";
      context.lineWidth = thick + 2;
      context.stroke();
      context.strokeStyle = colour;
      context.lineWidth = thick;
      context.stroke();
    }

    function cross() { // where the two other planes run
      const j = at[known.across_y];
      const x = left + ((at[known.across_x] + 0.5) / n) * wide, y = top + (((known.up ? m - 1 - j : j) + 0.5) / m) * high;
      context.beginPath();
      for (const [a, b] of [[0, 18], [edge - 18, edge]]) { context.moveTo(x, a); context.lineTo(x, b); context.moveTo(a, y); context.lineTo(b, y); }
      context.strokeStyle = "#7fff7f";
      context.lineWidth = 2;
      context.stroke();
    }

    function write() {
      const [west, east, north, south] = known.letters, bar = SCALE_MM * PIXELS_PER_MM, low = edge - 14;
      context.font = "bold 22px Arial, sans-serif";
      context.textBaseline = "middle";
      for (const [text, x, y, align] of [[west, 24, edge / 2, "left"], [east, edge - 24, edge / 2, "right"], [north, edge / 2, 34, "center"],
        [south, edge / 2, edge - 34, "center"], [`${SCALE_MM} mm`, 24, low - 18, "left"]]) {
        context.textAlign = align;
        context.strokeStyle = "#000";
        context.lineWidth = 4;
        context.strokeText(text, x, y);
        context.fillStyle = "#fff";
        context.fillText(text, x, y);
      }
      context.fillStyle = "#000";
      context.fillRect(22, low - 5, bar + 4, 9);
      context.fillStyle = "#fff";
      context.fillRect(24, low - 3, bar, 5);
    }
  }
}

document.querySelectorAll(".viewer").forEach(start);
