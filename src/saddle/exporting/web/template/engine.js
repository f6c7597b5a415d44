// The network at work: everything lies packed in this page's scripts, and nothing is asked of any other place.

function fromBase64(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

async function unpack(text) {
  const unzipped = new Blob([fromBase64(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unzipped).arrayBuffer());
}

// Numbers that are not a byte long: little-endian, as in all browsers.
function toFloats(text) {
  return new Float32Array(fromBase64(text).buffer);
}

// A runtime's loader is imported from a blob, and its code is handed over: a page of a file may read neither by address.
async function openRuntime(packed) {
  const { ort } = packed;
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = (await unpack(packed.wasm)).buffer;
  const loader = new Blob([await unpack(packed.loader)], { type: "text/javascript" });
  ort.env.wasm.wasmPaths = { mjs: URL.createObjectURL(loader) };
  return ort;
}

let turn = Promise.resolve(); // a runtime does one thing at a time, and may wait for the graphics card amid it

class Network {
  constructor(ort, session, facts, way) {
    Object.assign(this, { ort, session, facts, way });
  }

  static async open(ort, facts, way) {
    const options = { executionProviders: [way], logSeverityLevel: 3 };
    const session = await ort.InferenceSession.create(await unpack(facts.network), options);
    return new Network(ort, session, facts, way);
  }

  // One sample: numbers by the input's name, as the network's facts list them; its pixels in [-1, 1].
  run(given) {
    const made = turn.then(() => this.make(given));
    turn = made.catch(() => {});
    return made;
  }

  async make(given) {
    const feeds = {};
    for (const [name, input] of Object.entries(this.facts.inputs)) {
      const whole = input.type === "int64";
      const data = whole ? BigInt64Array.from(Array.from(given[name], BigInt)) : Float32Array.from(given[name]);
      feeds[name] = new this.ort.Tensor(input.type, data, [1, ...input.shape]);
    }
    const answer = await this.session.run(feeds);
    const made = answer[this.session.outputNames[0]];
    const pixels = Float32Array.from(await made.getData());
    made.dispose();
    return pixels;
  }

  // By how many of 255 levels a pixel differs most from what Python made of the same numbers.
  async check() {
    const { inputs, levels } = this.facts.check;
    const made = await this.run(inputs);
    if (made.length !== levels.length) return 255;
    return made.reduce((worst, pixel, i) => Math.max(worst, Math.abs(toLevel(pixel) - levels[i])), 0);
  }

  // Milliseconds that a sample takes: the middle of three.
  async time() {
    const taken = [];
    for (let i = 0; i < 3; i++) {
      const start = performance.now();
      await this.run(this.facts.check.inputs);
      taken.push(performance.now() - start);
    }
    return taken.sort((a, b) => a - b)[1];
  }
}

// From -1 to 1 a level from 0 to 255, halves to the even one, as Python rounds.
function toLevel(pixel) {
  const level = (Math.max(-1, Math.min(1, pixel)) + 1) * 127.5;
  const floor = Math.floor(level);
  return level - floor === 0.5 ? floor + (floor % 2) : Math.round(level);
}

function addScript(address) {
  return new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = done;
    script.onerror = () => failed(new Error(`${address} is missing beside this page`));
    document.head.append(script);
  });
}
