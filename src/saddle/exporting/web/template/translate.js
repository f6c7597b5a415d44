// Pictures out of pictures: one is drawn, opened, dropped or pasted, and becomes another as it changes.

const STEPS_BACK = 20;

function startTranslating(facts, current) {
  const source = find("source");
  const pen = source.getContext("2d", { willReadFrequently: true });
  const state = { colour: "#000000", size: 1 };
  let earlier = []; // pictures, for undoing
  let stroke = null; // where the pen is, while it draws

  const redraw = latestOnly(async () => {
    const network = current();
    show(find("result"), await network.run({ image: read(source, network.facts.source), ...drawNoise(network.facts.inputs) }), facts);
    find("result").setAttribute("aria-label", "what it becomes");
  });

  function remember() {
    earlier = [...earlier.slice(1 - STEPS_BACK), pen.getImageData(0, 0, source.width, source.height)];
  }

  function clear() {
    pen.fillStyle = current().facts.source.ground;
    pen.fillRect(0, 0, source.width, source.height);
  }

  function setColour(colour) {
    state.colour = colour;
    find("colour").value = colour;
  }

  // The canvas and the colours of the pictures that this way begins with.
  function begin() {
    const { width, height, palette: pens, ground } = current().facts.source;
    const palette = [...pens, ground]; // to rub out with
    Object.assign(source, { width, height });
    source.classList.toggle("pixels", Math.max(width, height) <= 128);
    document.querySelector("#colours .choices")?.remove();
    chips(find("colours"), "pen", palette.map((colour) => ({ colour, title: colour === ground ? `rub out (${colour})` : colour })), 0, (i) => setColour(palette[i]));
    setColour(palette[0]);
    state.size = Math.max(1, Math.round(width / 40));
    find("size").value = state.size;
    document.querySelector("output[for=size]").textContent = `${state.size} px`;
    earlier = [];
    clear();
    return redraw();
  }

  function placeOf(event) {
    const box = source.getBoundingClientRect();
    return [(event.clientX - box.left) * source.width / box.width, (event.clientY - box.top) * source.height / box.height];
  }

  function draw(event) {
    const next = placeOf(event);
    pen.strokeStyle = state.colour;
    Object.assign(pen, { lineWidth: state.size, lineCap: "round", lineJoin: "round" });
    pen.beginPath();
    pen.moveTo(...stroke);
    pen.lineTo(...next);
    pen.stroke();
    stroke = next;
    redraw();
  }

  // A picture fills the canvas; what is too long of it is left out on both sides.
  async function open(file) {
    let picture;
    try {
      picture = await createImageBitmap(file);
    } catch {
      setStatus(`${file.name || "This"} is no picture that this browser reads.`);
      return;
    }
    remember();
    const scale = Math.max(source.width / picture.width, source.height / picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    Object.assign(pen, { imageSmoothingEnabled: true, imageSmoothingQuality: "high" });
    pen.drawImage(picture, (source.width - width) / 2, (source.height - height) / 2, width, height);
    await redraw();
  }

  source.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    source.setPointerCapture(event.pointerId);
    remember();
    stroke = placeOf(event);
    draw(event);
  });
  source.addEventListener("pointermove", (event) => { if (stroke) draw(event); });
  for (const end of ["pointerup", "pointercancel"]) source.addEventListener(end, () => { stroke = null; });
  source.addEventListener("dragover", (event) => { event.preventDefault(); source.classList.add("over"); });
  source.addEventListener("dragleave", () => source.classList.remove("over"));
  source.addEventListener("drop", (event) => {
    event.preventDefault();
    source.classList.remove("over");
    if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => { if (event.clipboardData.files[0]) open(event.clipboardData.files[0]); });
  find("file").addEventListener("change", () => { if (find("file").files[0]) open(find("file").files[0]); find("file").value = ""; });
  find("colour").addEventListener("input", () => setColour(find("colour").value));
  find("size").addEventListener("input", () => {
    state.size = Number(find("size").value);
    document.querySelector("output[for=size]").textContent = `${state.size} px`;
  });
  function undo() {
    if (earlier.length) pen.putImageData(earlier.pop(), 0, 0);
    return redraw();
  }
  find("undo").addEventListener("click", undo);
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z") { event.preventDefault(); undo(); }
  });
  find("clear").addEventListener("click", () => { remember(); clear(); redraw(); });
  document.querySelector("#translate .save").addEventListener("click", () => save(find("result"), "translated"));
  return { begin, update: redraw, setSpeed() {} };
}
