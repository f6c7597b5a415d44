// Samples out of chance: a seed, a class or caption, truncation, and directions to go from there.

const LEG = 3000; // milliseconds that a walk takes from one sample to the next
const SLOW = 500; // milliseconds for a sample above which no others are made beside it

// What networks draw by themselves, as inputs.
function drawNoise(inputs) {
  const dice = makeDice(0);
  return {
    noise: drawNormals(inputs.noise?.shape[0] ?? 0, dice),
    uniform_noise: Float32Array.from({ length: inputs.uniform_noise?.shape[0] ?? 0 }, dice),
  };
}

function startGenerating(facts, current) {
  const normal = facts.law.length === 1 && facts.law[0].distribution === "normal";
  const place = facts.law.findIndex((part) => part.distribution === "one-hot"); // of a category
  const category = { from: facts.law.slice(0, place).reduce((sum, part) => sum + part.numbers, 0), count: facts.law[place]?.numbers ?? 0 };
  const limits = { low: 0, high: 2 ** 32 - 1 };
  const state = { seed: 0, choice: 0, truncation: facts.truncation?.value ?? 1, strengths: facts.directions.map(() => 0) };
  const captions = facts.captions.map((caption) => caption.text);
  const categories = category.count ? ["any", ...Array(category.count).keys()] : [];
  const names = [facts.classes, captions, categories].find((some) => some.length) ?? [];
  const fromSeed = (seed) => drawLatent(facts.law, seed);
  const after = (seed, steps) => (seed + steps) % (limits.high + 1);
  const noise = drawNoise(current().facts.inputs); // the same for all, so that what differs is what is asked for
  let walk = null; // how far it is from this seed to the next, 0 to 1, and when it was there
  let wallTurn = 0; // which of the walls begun is the last

  // What the network is given, by name.
  function given(drawn, strengths = state.strengths) {
    const latents = Float32Array.from(drawn);
    const shift = new Float32Array(current().facts.inputs.shift?.shape[0] ?? 0);
    const moved = facts.moves === "shift" ? shift : latents;
    strengths.forEach((strength, i) => {
      if (strength) facts.directions[i].vector.forEach((step, k) => { moved[k] += strength * step; });
    });
    if (state.choice && category.count) {
      latents.fill(0, category.from, category.from + category.count);
      latents[category.from + state.choice - 1] = 1;
    }
    if (facts.bounds) latents.forEach((z, k) => { latents[k] = Math.max(facts.bounds.low[k], Math.min(facts.bounds.high[k], z)); });
    const truncated = facts.truncation?.of === "latents" && state.truncation < facts.truncation.high;
    return {
      latent: truncated ? truncateNormals(latents, state.truncation) : latents,
      shift, truncation: [state.truncation], label: [state.choice], text: facts.captions[state.choice]?.code,
      ...noise,
    };
  }

  // The latents where a walk stands: on the sphere where normal ones lie, else straight on.
  function between(a, b, t) {
    if (!normal) return a.map((z, k) => z + t * (b[k] - z));
    const norm = (v) => Math.sqrt(v.reduce((sum, z) => sum + z * z, 0));
    const cosine = a.reduce((sum, z, k) => sum + z * b[k], 0) / (norm(a) * norm(b));
    const angle = Math.acos(Math.max(-1, Math.min(1, cosine)));
    if (angle < 1e-3) return a;
    return a.map((z, k) => (Math.sin((1 - t) * angle) * z + Math.sin(t * angle) * b[k]) / Math.sin(angle));
  }

  function here() {
    const a = fromSeed(state.seed);
    return walk ? between(a, fromSeed(after(state.seed, 1)), walk.share) : a;
  }

  const redraw = latestOnly(async () => {
    const pixels = await current().run(given(here()));
    show(find("picture"), pixels, facts);
    find("picture").setAttribute("aria-label", `sample of seed ${state.seed}${names.length ? `, ${names[state.choice]}` : ""}`);
  });

  async function redrawWall() {
    const turn = ++wallTurn;
    for (const [i, button] of [...find("wall").children].entries()) {
      await redraw.idle();
      if (turn !== wallTurn || walk) return;
      const seed = after(state.seed, i + 1);
      show(button.firstChild, await current().run(given(fromSeed(seed), [])), facts);
      button.setAttribute("aria-label", `seed ${seed}`);
      button.dataset.seed = seed;
    }
  }

  async function update(wallToo = true) {
    await redraw();
    if (wallToo && !walk && !find("wall").hidden) await redrawWall();
  }

  function setSeed(text) {
    const seed = Math.trunc(Number(text));
    state.seed = seed >= limits.low && seed <= limits.high ? seed : 0;
    find("seed").value = state.seed;
    return update();
  }

  function choose(i) {
    state.choice = i;
    return update();
  }

  function list(id, options) {
    find(id).append(...options.map((name, i) => make("option", { value: i, textContent: name })));
    find(id).addEventListener("change", () => choose(Number(find(id).value)));
    find(`${id}-list`).hidden = false;
  }

  function slider(label, { low, high, value, step }, change) {
    const output = make("output", { textContent: value.toFixed(2) });
    const input = make("input", { type: "range", min: low, max: high, step, value });
    input.setAttribute("aria-label", label);
    input.addEventListener("input", () => {
      output.textContent = Number(input.value).toFixed(2);
      change(Number(input.value));
    });
    return make("div", { className: "slider" }, make("span", { textContent: label }), output, input);
  }

  function reset() {
    state.strengths.fill(0);
    if (facts.truncation) state.truncation = facts.truncation.value;
    for (const input of document.querySelectorAll("#generate input[type=range]")) {
      input.value = input.defaultValue;
      input.previousElementSibling.textContent = Number(input.value).toFixed(2);
    }
    return update();
  }

  function setWalking(on) {
    walk = on ? { share: 0, time: performance.now() } : null;
    find("walk").setAttribute("aria-pressed", on);
    find("walk").textContent = on ? "Stop" : "Walk";
    if (on) requestAnimationFrame(step);
    else update();
  }

  async function step() {
    if (!walk) return;
    const now = performance.now();
    walk.share += Math.min(now - walk.time, 200) / LEG;
    walk.time = now;
    if (walk.share >= 1) {
      walk.share -= 1;
      state.seed = after(state.seed, 1);
      find("seed").value = state.seed;
    }
    await redraw();
    requestAnimationFrame(step);
  }

  if (facts.classes.length > 40) list("class", facts.classes);
  else if (facts.classes.length) chips(find("classes"), "class", facts.classes.map((label) => ({ label })), 0, choose);
  if (captions.length) list("caption", captions);
  if (categories.length) chips(find("classes"), "class", categories.map((label) => ({ label })), 0, choose);
  if (facts.truncation) {
    const setTruncation = (value) => { state.truncation = value; update(); };
    find("truncation").prepend(slider("Truncation", facts.truncation, setTruncation));
    find("truncation").hidden = false;
  }
  facts.directions.forEach(({ name, reach }, i) => {
    const setStrength = (value) => { state.strengths[i] = value; update(false); };
    find("directions").append(slider(name, { low: -reach, high: reach, value: 0, step: reach / 60 }, setStrength));
    find("directions").hidden = false;
  });
  find("seed").addEventListener("change", () => setSeed(find("seed").value));
  find("next").addEventListener("click", () => setSeed(after(state.seed, 1)));
  find("reset").addEventListener("click", reset);
  find("walk").addEventListener("click", () => setWalking(!walk));
  document.querySelector("#generate .save").addEventListener("click", () => save(find("picture"), `seed-${state.seed}`));
  find("wall").append(...Array.from({ length: 16 }, () => {
    const button = make("button", { type: "button", ariaLabel: "another sample" }, make("canvas", { ariaHidden: "true" }));
    button.addEventListener("click", () => setSeed(button.dataset.seed ?? state.seed));
    return button;
  }));
  const setSpeed = (milliseconds) => { document.querySelector(".wall").hidden = find("wall").hidden = milliseconds > SLOW; };
  return { update, setSpeed, given: () => given(here()), latents: fromSeed };
}
