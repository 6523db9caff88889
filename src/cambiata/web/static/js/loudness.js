// Loudness after ITU-R BS.1770, for listening at equal loudness.

// The K-weighting's two filters at any rate: analogue prototypes as in De Man, "Evaluation of
// implementations of the EBU R128 loudness measurement" (2018), through the bilinear transform.
function weighting(rate) {
  const shelf = () => {
    const k = Math.tan((Math.PI * 1681.9744509555319) / rate), q = 0.7071752369554196;
    const vh = 10 ** (3.99984385397 / 20), vb = vh ** 0.499666774155;
    const a0 = 1 + k / q + k * k;
    return [(vh + (vb * k) / q + k * k) / a0, (2 * (k * k - vh)) / a0, (vh - (vb * k) / q + k * k) / a0,
      (2 * (k * k - 1)) / a0, (1 - k / q + k * k) / a0];
  };
  const highpass = () => {
    const k = Math.tan((Math.PI * 38.13547087613982) / rate), q = 0.5003270373253953;
    const a0 = 1 + k / q + k * k;
    return [1, -2, 1, (2 * (k * k - 1)) / a0, (1 - k / q + k * k) / a0];
  };
  return [shelf(), highpass()];
}

function filtered(samples, [b0, b1, b2, a1, a2]) {
  const out = new Float32Array(samples.length);
  let x1 = 0, x2 = 0, y1 = 0, y2 = 0;
  for (let i = 0; i < samples.length; i++) {
    const x = samples[i];
    const y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2;
    x2 = x1; x1 = x; y2 = y1; y1 = y;
    out[i] = y;
  }
  return out;
}

/** Loudness in LUFS of channels at a rate; -Infinity for silence. @type {(channels: Float32Array[], rate: number) => number} */
export function loudness(channels, rate) {
  const block = Math.max(1, Math.round(0.4 * rate)), hop = Math.max(1, Math.round(0.1 * rate));
  const length = channels[0].length;
  const filters = weighting(rate);
  const weighted = channels.map((channel) => filters.reduce(filtered, channel));
  const powers = [];
  for (let start = 0; start === 0 || start + block <= length; start += hop) {
    const end = Math.min(length, start + block);
    let sum = 0;
    for (const channel of weighted) for (let i = start; i < end; i++) sum += channel[i] * channel[i];
    powers.push(sum / Math.max(1, end - start));
  }
  const level = (power) => -0.691 + 10 * Math.log10(power);
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  const audible = powers.filter((power) => level(power) > -70);
  if (!audible.length) return -Infinity;
  const gate = level(mean(audible)) - 10;
  return level(mean(audible.filter((power) => level(power) > gate)));
}

/** Gains that bring sounds to one loudness with no peak over full scale. @type {(sounds: {lufs: number, peak: number}[]) => number[]} */
export function equalGains(sounds) {
  const audible = sounds.filter(({ lufs }) => lufs > -Infinity);
  // -16 LUFS is a usual level for listening; peaky sounds lower all of them, none is made to clip.
  const target = Math.min(-16, ...audible.map(({ lufs, peak }) => lufs - 20 * Math.log10(Math.max(peak, 1e-6))));
  return sounds.map(({ lufs }) => (lufs > -Infinity ? 10 ** ((target - lufs) / 20) : 1));
}
