// Pixels and canvases. Networks know (channels, height, width) in [-1, 1], canvases rows of red, green, blue, opacity.

const find = (id) => document.getElementById(id);

function make(tag, properties, ...inside) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inside);
  return element;
}

function show(canvas, pixels, { channels, height, width }) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.classList.toggle("pixels", Math.max(height, width) <= 128);
  const picture = new ImageData(width, height);
  const size = height * width;
  for (let i = 0; i < size; i++) {
    for (let band = 0; band < 3; band++) {
      picture.data[4 * i + band] = toLevel(pixels[(channels < 3 ? 0 : band) * size + i]);
    }
    picture.data[4 * i + 3] = channels === 4 ? toLevel(pixels[3 * size + i]) : 255;
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

// What is on a canvas, as a network is given it; grey is the brightness that Python's Pillow tells.
function read(canvas, { channels, height, width }) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const size = height * width;
  const pixels = new Float32Array(channels * size);
  for (let i = 0; i < size; i++) {
    const [red, green, blue, opacity] = data.subarray(4 * i, 4 * i + 4);
    const grey = Math.floor((red * 19595 + green * 38470 + blue * 7471 + 32768) / 65536);
    const bands = channels < 3 ? [grey, opacity] : [red, green, blue, opacity];
    for (let band = 0; band < channels; band++) pixels[band * size + i] = bands[band] / 127.5 - 1;
  }
  return pixels;
}

function save(canvas, name) {
  canvas.toBlob((blob) => {
    const address = URL.createObjectURL(blob);
    make("a", { href: address, download: `${name}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  });
}

// Choices of which one holds, as buttons that arrow keys move between.
function chips(place, name, choices, chosen, choose) {
  const row = make("div", { className: "choices" });
  choices.forEach(({ label, title, colour }, i) => {
    const input = make("input", { type: "radio", name, value: i, checked: i === chosen });
    input.addEventListener("change", () => choose(i));
    const face = make("span", { className: colour ? "swatch" : "chip", textContent: colour ? "" : label });
    if (colour) Object.assign(face.style, { background: colour });
    if (title) input.setAttribute("aria-label", title);
    row.append(make("label", { title: title ?? "" }, input, face));
  });
  place.append(row);
  place.hidden = false;
}

// Does work one piece after another, and of what is asked for meanwhile only the latest.
function latestOnly(work) {
  let wanted = false, busy = null;
  const loop = async () => {
    try {
      while (wanted) {
        wanted = false;
        await work();
        await new Promise((done) => setTimeout(done)); // the page is painted, and hears of clicks
      }
    } finally {
      busy = null;
    }
  };
  const ask = () => {
    wanted = true;
    busy ??= loop();
    return busy;
  };
  ask.idle = () => busy ?? Promise.resolve();
  return ask;
}
