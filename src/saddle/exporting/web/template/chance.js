// Latents out of a seed. docs/web.md tells it in words, so that others can draw the same ones.

// A word of 32 bits, its bits well mixed.
function mixBits(word) {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}

// Numbers in [0, 1), one after another.
function makeDice(seed) {
  let state = mixBits(seed >>> 0);
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    return mixBits(state) / 2 ** 32;
  };
}

// Standard normals in pairs, by Box and Muller.
function drawNormals(count, dice) {
  const drawn = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(dice() + 2 ** -32));
    const angle = 2 * Math.PI * dice();
    drawn[i] = radius * Math.cos(angle);
    if (i + 1 < count) drawn[i + 1] = radius * Math.sin(angle);
  }
  return drawn;
}

// The parts of a latent one behind the other, as the law of each says.
function drawLatent(law, seed) {
  const dice = makeDice(seed);
  const draw = {
    normal: ({ numbers }) => drawNormals(numbers, dice),
    uniform: ({ numbers, low, high }) => Array.from({ length: numbers }, () => low + (high - low) * dice()),
    "one-hot": ({ numbers }) => Array(numbers).fill(0).fill(1, ...placeOf(numbers)),
    drawn: ({ numbers, rows }) => { // in Python, and chosen from here
      const [row] = placeOf(rows.length / numbers);
      return rows.slice(row * numbers, (row + 1) * numbers);
    },
  };
  const placeOf = (count) => {
    const place = Math.floor(count * dice());
    return [place, place + 1];
  };
  return Float32Array.from(law.flatMap((part) => Array.from(draw[part.distribution](part))));
}

// P(Z < x) of a standard normal Z: a series near 0, a continued fraction further out.
function normalShare(x) {
  const size = Math.abs(x);
  const density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  let tail = 0;
  if (size < 3) {
    let term = size, sum = size;
    for (let n = 1; term > 1e-17 * sum; n++) sum += (term *= size * size / (2 * n + 1));
    tail = 0.5 - density * sum;
  } else {
    let fraction = size;
    for (let n = 60; n > 0; n--) fraction = size + n / fraction;
    tail = density / fraction;
  }
  return x < 0 ? tail : 1 - tail;
}

function normalQuantile(share) {
  let low = -40, high = 40;
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    if (normalShare(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

// Normals within a threshold as they are, others drawn anew from what lies within, as a steady function of the old one.
function truncateNormals(latents, threshold) {
  const cut = normalShare(-threshold);
  return latents.map((z) => {
    if (Math.abs(z) <= threshold) return z;
    const share = normalShare(-Math.abs(z)) / cut;
    const drawn = normalQuantile(cut + share * (1 - 2 * cut));
    return Math.sign(z) * Math.max(-threshold, Math.min(threshold, drawn));
  });
}
