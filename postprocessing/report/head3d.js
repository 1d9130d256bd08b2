"use strict";
// A femoral head in 3D: the lesion in a translucent head, seen without perspective from a place that dragging, arrow keys
// or buttons choose. Vertices are LPS (x to the patient's left, y to the back, z to the head) from the middle of the head.
{
  const STEP_MM = 0.01, FILLED = 0.78, KEY_DEG = 8, DEG_PER_PIXEL = 0.5;
  const COLOURS = { head: [0.34, 0.71, 0.91], necrosis: [0.9, 0.62, 0] };
  const LETTERS = { L: [1, 0, 0], R: [-1, 0, 0], P: [0, 1, 0], A: [0, -1, 0], H: [0, 0, 1], F: [0, 0, -1] };
  const VERTEX = `attribute vec3 place, normal; uniform mat3 view; uniform float scale; varying vec3 turned;
    void main() { vec3 at = view * place * scale; turned = view * normal; gl_Position = vec4(at.xy, -at.z / 2.0, 1.0); }`;
  const FRAGMENT = `precision mediump float; varying vec3 turned; uniform vec3 colour; uniform float clear;
    void main() { vec3 n = normalize(turned); n *= sign(n.z); float rim = 1.0 - n.z;
      float light = 0.5 + 0.5 * max(dot(n, normalize(vec3(-0.4, 0.6, 0.8))), 0.0);
      gl_FragColor = vec4(colour * light, mix(1.0, 0.16 + 0.6 * rim * rim, clear)); }`;

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

  function surface(element) {
    const bytes = Uint8Array.from(atob(element.dataset.content), (letter) => letter.charCodeAt(0));
    const n = 3 * Number(element.dataset.vertices);
    const places = Float32Array.from(new Int16Array(bytes.buffer, 0, n), (value) => value * STEP_MM);
    const corners = new Uint16Array(bytes.buffer, 2 * n);
    return { places, corners, normals: normals(places, corners), colour: COLOURS[element.dataset.region], clear: element.dataset.region === "head" };
  }

  function normals(places, corners) { // of each vertex: the mean of its triangles', by their area
    const sums = new Float32Array(places.length);
    for (let i = 0; i < corners.length; i += 3) {
      const [a, b, c] = [0, 1, 2].map((k) => places.subarray(3 * corners[i + k], 3 * corners[i + k] + 3));
      const u = b.map((value, k) => value - a[k]), v = c.map((value, k) => value - a[k]);
      const across = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
      for (let k = 0; k < 3; k++) for (let axis = 0; axis < 3; axis++) sums[3 * corners[i + k] + axis] += across[axis];
    }
    return sums;
  }

  function program(gl) {
    const made = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(made, shader);
    }
    gl.linkProgram(made);
    gl.useProgram(made);
    return made;
  }

  function upload(gl, one) {
    const buffer = (target, values) => {
      const made = gl.createBuffer();
      gl.bindBuffer(target, made);
      gl.bufferData(target, values, gl.STATIC_DRAW);
      return made;
    };
    return { ...one, at: buffer(gl.ARRAY_BUFFER, one.places), along: buffer(gl.ARRAY_BUFFER, one.normals), by: buffer(gl.ELEMENT_ARRAY_BUFFER, one.corners) };
  }

  function start(figure) {
    const canvas = figure.querySelector("canvas"), shown = figure.querySelector("output");
    const lateral = figure.dataset.side === "L" ? 1 : -1;
    let [tilt, turn] = figure.dataset.from.split(",").map(Number);
    const gl = canvas.getContext("webgl");
    const fail = () => { figure.querySelector(".without").hidden = false; figure.querySelector(".ready").hidden = true; };
    if (!gl) return fail();
    canvas.addEventListener("webglcontextlost", fail);
    const made = program(gl), place = (name) => gl.getUniformLocation(made, name);
    const surfaces = [...figure.querySelectorAll("[data-region]")].map((one) => upload(gl, surface(one)));
    let reach = 0;
    for (const one of surfaces) for (let i = 0; i < one.places.length; i += 3) reach = Math.max(reach, Math.hypot(one.places[i], one.places[i + 1], one.places[i + 2]));
    const letters = Object.entries(LETTERS).map(([letter, way]) => {
      const span = document.createElement("span");
      span.textContent = letter;
      canvas.parentElement.append(span);
      return { span, way };
    });
    figure.querySelector(".without").hidden = true;
    figure.querySelector(".ready").hidden = false;
    listen();
    new ResizeObserver(draw).observe(canvas);

    function axes() { // what lies to the right, up and towards the viewer
      const a = (tilt * Math.PI) / 180, b = (turn * lateral * Math.PI) / 180;
      return [[Math.cos(b), Math.sin(b), 0], [-Math.sin(b) * Math.sin(a), Math.cos(b) * Math.sin(a), Math.cos(a)], [Math.sin(b) * Math.cos(a), -Math.cos(b) * Math.cos(a), Math.sin(a)]];
    }

    function draw() {
      const edge = Math.round(canvas.clientWidth * Math.min(devicePixelRatio, 2)), view = axes();
      if (canvas.width !== edge) canvas.width = canvas.height = edge;
      gl.viewport(0, 0, edge, edge);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      gl.uniformMatrix3fv(place("view"), false, [0, 1, 2].flatMap((axis) => view.map((one) => one[axis])));
      gl.uniform1f(place("scale"), FILLED / reach);
      gl.enable(gl.CULL_FACE);
      gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
      // The far side of the head, the lesion over it, the near side over both: so nothing needs sorting.
      for (const clear of [gl.FRONT, null, gl.BACK]) surfaces.filter((one) => one.clear === (clear !== null)).forEach((one) => paint(one, clear));
      label(view);
    }

    function paint(one, hidden) {
      (hidden === null ? gl.disable : gl.enable).call(gl, gl.BLEND);
      (hidden === null ? gl.enable : gl.disable).call(gl, gl.DEPTH_TEST);
      gl.cullFace(hidden ?? gl.BACK);
      gl.uniform3fv(place("colour"), one.colour);
      gl.uniform1f(place("clear"), one.clear ? 1 : 0);
      for (const [name, buffer] of [["place", one.at], ["normal", one.along]]) {
        const attribute = gl.getAttribLocation(made, name);
        gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
        gl.enableVertexAttribArray(attribute);
        gl.vertexAttribPointer(attribute, 3, gl.FLOAT, false, 0, 0);
      }
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, one.by);
      gl.drawElements(gl.TRIANGLES, one.corners.length, gl.UNSIGNED_SHORT, 0);
    }

    function label([right, up, near]) {
      for (const { span, way } of letters) {
        span.style.left = `${50 + 45 * dot(right, way)}%`;
        span.style.top = `${50 - 45 * dot(up, way)}%`;
        span.style.opacity = Math.abs(dot(near, way)) > 0.75 ? 0 : 1;
      }
      const round = [Math.round(turn), Math.round(tilt)], words = [["lateral", "medial"], ["above", "below"]];
      const where = round.map((value, k) => value && `${Math.abs(value)}\u00b0 ${k ? "from" : "to"} ${words[k][value < 0 ? 1 : 0]}`);
      shown.textContent = `seen from the front${where.filter(Boolean).map((one) => `, ${one}`).join("")}`;
      canvas.setAttribute("aria-label", `${canvas.dataset.name}, ${shown.textContent}`);
    }

    function move(dTurn, dTilt) {
      turn = ((turn + dTurn * lateral + 540) % 360) - 180;
      tilt = clamp(tilt + dTilt, -90, 90);
      draw();
    }

    function listen() {
      let from = null;
      canvas.addEventListener("pointerdown", (event) => { from = [event.clientX, event.clientY]; canvas.setPointerCapture(event.pointerId); });
      canvas.addEventListener("pointermove", (event) => {
        if (!from) return;
        move((from[0] - event.clientX) * DEG_PER_PIXEL, (event.clientY - from[1]) * DEG_PER_PIXEL);
        from = [event.clientX, event.clientY];
      });
      for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { from = null; });
      canvas.addEventListener("keydown", (event) => {
        const by = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
        if (by) { event.preventDefault(); move(by[0] * KEY_DEG, by[1] * KEY_DEG); }
      });
      for (const button of figure.querySelectorAll("button")) button.addEventListener("click", () => { [tilt, turn] = button.dataset.from.split(",").map(Number); draw(); });
    }
  }

  document.querySelectorAll(".head3d").forEach(start);
}
