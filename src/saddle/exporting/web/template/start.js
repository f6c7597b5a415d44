// The page begins: networks are opened and checked against what Python made, and then everything can be touched.

function setStatus(text) {
  find("status").textContent = text;
}

function fail(text) {
  Object.assign(find("fault"), { textContent: text, hidden: false });
  setStatus("");
}

function unpackFacts(facts) {
  facts.directions?.forEach((direction) => { direction.vector = toFloats(direction.vector); });
  facts.law?.forEach((part) => { if (part.rows) part.rows = toFloats(part.rows); });
  facts.captions?.forEach((caption) => { caption.code = toFloats(caption.code); });
  for (const end of ["low", "high"]) if (facts.bounds) facts.bounds[end] = toFloats(facts.bounds[end]);
  for (const { inputs, check } of facts.networks) {
    for (const [name, text] of Object.entries(check.inputs)) {
      if (inputs[name].type === "float32") check.inputs[name] = toFloats(text);
    }
    check.levels = fromBase64(check.levels);
  }
  return facts;
}

// The same networks on the graphics card: only where their pictures are those of the processor.
async function openOnCard(networks) {
  if (!(await navigator.gpu?.requestAdapter())) return null;
  if (typeof SADDLE_WEBGPU === "undefined") await addScript("webgpu.js");
  const ort = await openRuntime(SADDLE_WEBGPU);
  const opened = [];
  let worst = 0;
  for (const { facts } of networks) {
    const network = await Network.open(ort, facts, "webgpu");
    worst = Math.max(worst, await network.check());
    opened.push(network);
  }
  return { networks: opened, worst };
}

async function start() {
  if (typeof DecompressionStream === "undefined" || typeof WebAssembly === "undefined") {
    return fail("This browser is too old for this page. It works in Chrome and Edge from 91, Firefox from 113, Safari from 16.4.");
  }
  const facts = unpackFacts(SADDLE_FACTS);
  const ort = await openRuntime(SADDLE_RUNTIME);
  const onProcessor = [];
  let worst = 0;
  for (const one of facts.networks) {
    const network = await Network.open(ort, one, "wasm");
    worst = Math.max(worst, await network.check());
    onProcessor.push(network);
  }
  if (!(worst <= 1)) return fail(`This browser makes other pictures than Python did: by ${Math.round(worst)} of 255 levels.`);
  let networks = onProcessor, way = 0;
  const current = () => networks[way];
  const page = (facts.kind === "generate" ? startGenerating : startTranslating)(facts, current);
  find(facts.kind).hidden = false;

  async function tell(where, more = "") {
    const milliseconds = await current().time();
    page.setSpeed(milliseconds);
    setStatus(`Runs on ${where}, ${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms a picture. Its pictures equal those of Python${worst ? ", to one of 255 levels" : ""}.${more}`);
    return milliseconds;
  }

  if (facts.networks.length > 1) {
    chips(find("ways"), "way", facts.networks.map(({ name }) => ({ label: name })), 0, (i) => { way = i; page.begin(); });
  }
  const slow = await tell("the processor (WebAssembly)");
  await (page.begin ?? page.update)();
  window.saddle = { run: (given) => current().run(given), ...page, ready: true };

  async function offerCard() {
    const card = await openOnCard(onProcessor);
    if (!card) return;
    if (!(card.worst <= 1)) {
      await tell("the processor (WebAssembly)", ` The graphics card is left alone: its pictures differ by ${Math.round(card.worst)} of 255 levels.`);
      return;
    }
    async function use(on) {
      networks = on ? card.networks : onProcessor;
      const taken = await tell(on ? "the graphics card (WebGPU, checked)" : "the processor (WebAssembly)");
      find("gpu").checked = on;
      return taken;
    }
    if ((await use(true)) > slow) await use(false);
    find("device").hidden = false;
    find("gpu").addEventListener("change", async () => { await use(find("gpu").checked); await page.update(); });
    await page.update();
  }
  if (facts.webgpu) await offerCard().catch(() => tell("the processor (WebAssembly)", " The graphics card could not be used."));
  window.saddle.settled = true;
}

start().catch((error) => fail(`The network could not be opened: ${error.message ?? error}`));
