// Log-frequency spectrograms, off the page's thread.

const N_FFT = 4096;
const LOWEST_HZ = 50;
const HIGHEST_HZ = 14000;
// Below this many dB under the loudest cell nothing is drawn.
const RANGE_DB = 75;

// Dark to light, in the order of rising level: black, violet, red, orange, pale yellow.
const STOPS = [[0, 0, 4], [60, 15, 110], [145, 38, 105], [222, 74, 60], [250, 160, 40], [252, 245, 180]];

/** In-place FFT of interleaved real and imaginary parts in two arrays, radix 2. */
function fft(real, imag, cosines, sines) {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imag[i], imag[j]] = [imag[j], imag[i]];
    }
  }
  for (let width = 2; width <= n; width <<= 1) {
    const half = width >> 1, stride = n / width;
    for (let start = 0; start < n; start += width)
      for (let k = 0; k < half; k++) {
        const c = cosines[k * stride], s = sines[k * stride];
        const a = start + k, b = a + half;
        const re = real[b] * c + imag[b] * s, im = imag[b] * c - real[b] * s;
        real[b] = real[a] - re; imag[b] = imag[a] - im;
        real[a] += re; imag[a] += im;
      }
  }
}

function palette() {
  const colours = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (STOPS.length - 1), low = Math.min(STOPS.length - 2, Math.floor(at));
    for (let c = 0; c < 3; c++)
      colours[3 * i + c] = STOPS[low][c] + (at - low) * (STOPS[low + 1][c] - STOPS[low][c]);
  }
  return colours;
}

const COLOURS = palette();

/** The largest power between two bins, or interpolated where they lie within one. */
function bandPower(power, from, to) {
  if (to - from < 1) {
    const middle = (from + to) / 2, bin = Math.floor(middle), share = middle - bin;
    return power[bin] * (1 - share) + (power[bin + 1] || 0) * share;
  }
  const first = Math.round(from), end = Math.max(first + 1, Math.round(to));
  let value = 0;
  for (let bin = first; bin < end; bin++) value = Math.max(value, power[bin] || 0);
  return value;
}

/** RGBA pixels of a spectrogram, [height, width], lowest frequency at the bottom; `gain` fixes the scale. */
function spectrogram(samples, rate, width, height, lowest, highest, gain) {
  const cosines = new Float32Array(N_FFT / 2), sines = new Float32Array(N_FFT / 2), window = new Float32Array(N_FFT);
  for (let i = 0; i < N_FFT / 2; i++) {
    cosines[i] = Math.cos((2 * Math.PI * i) / N_FFT);
    sines[i] = Math.sin((2 * Math.PI * i) / N_FFT);
  }
  for (let i = 0; i < N_FFT; i++) window[i] = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / N_FFT);
  const top = Math.min(highest, rate / 2);
  const edges = Array.from({ length: height + 1 }, (_, row) => (lowest * (top / lowest) ** (row / height) * N_FFT) / rate);
  const levels = new Float32Array(width * height);
  const real = new Float32Array(N_FFT), imag = new Float32Array(N_FFT);
  const powers = [new Float32Array(N_FFT / 2 + 1), new Float32Array(N_FFT / 2 + 1)];
  let loudest = 1e-12;
  for (let column = 0; column < width; column += 2) {
    // Two columns in one transform, as real and imaginary part: their spectra are the even and odd parts.
    const start = (each) => Math.round(((each + 0.5) / width) * samples.length - N_FFT / 2);
    const first = start(column), second = start(column + 1);
    for (let i = 0; i < N_FFT; i++) {
      real[i] = (samples[first + i] || 0) * window[i];
      imag[i] = (samples[second + i] || 0) * window[i];
    }
    fft(real, imag, cosines, sines);
    for (let bin = 0; bin <= N_FFT / 2; bin++) {
      const mirror = (N_FFT - bin) % N_FFT;
      const sumRe = real[bin] + real[mirror], difIm = imag[bin] - imag[mirror];
      const sumIm = imag[bin] + imag[mirror], difRe = real[bin] - real[mirror];
      powers[0][bin] = (sumRe * sumRe + difIm * difIm) / 4;
      powers[1][bin] = (sumIm * sumIm + difRe * difRe) / 4;
    }
    for (let each = 0; each < 2 && column + each < width; each++)
      for (let row = 0; row < height; row++) {
        const value = bandPower(powers[each], edges[row], edges[row + 1]);
        levels[row * width + column + each] = value;
        if (value > loudest) loudest = value;
      }
  }
  // With a gain the lightest is 12 dB under a sine at full scale, the same for all that are compared;
  // music at -16 LUFS seldom goes higher. Without, it is the loudest cell.
  const topPower = gain ? ((N_FFT / 4) * 0.25 / gain) ** 2 : loudest;
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const db = 10 * Math.log10(levels[row * width + column] / topPower + 1e-12);
      const index = 3 * Math.max(0, Math.min(255, Math.round(255 * (1 + db / RANGE_DB))));
      const at = 4 * ((height - 1 - row) * width + column);
      pixels[at] = COLOURS[index]; pixels[at + 1] = COLOURS[index + 1]; pixels[at + 2] = COLOURS[index + 2];
      pixels[at + 3] = 255;
    }
  return pixels;
}

self.addEventListener("message", ({ data }) => {
  const { id, samples, rate, width, height, lowest = LOWEST_HZ, highest = HIGHEST_HZ, gain = 0 } = data;
  const pixels = spectrogram(samples, rate, width, height, lowest, highest, gain);
  self.postMessage({ id, pixels, width, height }, [pixels.buffer]);
});
